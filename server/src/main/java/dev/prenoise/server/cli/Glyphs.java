package dev.prenoise.server.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A pixel font for printable ASCII, 5 x 8 pixels a glyph with the baseline under row 7. Text on pictures is drawn with it because a JDK
 * without fontconfig, as servers and containers have it, throws at the first use of {@code java.awt.Font}.
 */
final class Glyphs {
    static final int WIDTH = 5;
    static final int HEIGHT = 8;
    /** From the left edge of one glyph to that of the next. */
    static final int ADVANCE = WIDTH + 1;

    private static final char FIRST = ' ';
    private static final int BAND = 16;
    private static final List<boolean[][]> TABLE = read();
    private static final boolean[][] UNKNOWN = box();

    private Glyphs() {}

    /** {@code [HEIGHT][WIDTH]}, true where there is ink. A box stands for what the font does not have. */
    static boolean[][] of(char character) {
        int index = character - FIRST;
        return index >= 0 && index < TABLE.size() ? TABLE.get(index) : UNKNOWN;
    }

    /** The text as far as this font can show it: accents are dropped, white space becomes a space. */
    static String displayable(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFD)
                .replaceAll("\\p{M}+", "")
                .replaceAll("\\s+", " ")
                .strip();
    }

    /** Pixels from the first glyph's left edge to the last one's right edge. */
    static int widthOf(String text, int scale) {
        return text.isEmpty() ? 0 : (text.length() * ADVANCE - 1) * scale;
    }

    /** The drawing in glyphs.txt: bands of up to 16 glyphs side by side, a line that names them above each band. */
    private static List<boolean[][]> read() {
        List<String> lines;
        try (InputStream in = Glyphs.class.getResourceAsStream("glyphs.txt")) {
            if (in == null) {
                throw new IllegalStateException("glyphs.txt is not in the jar");
            }
            lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<boolean[][]> glyphs = new ArrayList<>();
        for (int band = 0; band < lines.size(); band += 1 + HEIGHT) {
            List<String> rows = lines.subList(band + 1, band + 1 + HEIGHT);
            int count = Math.min(BAND, (rows.get(0).length() + 1) / ADVANCE);
            for (int glyph = 0; glyph < count; glyph++) {
                glyphs.add(cut(rows, glyph * ADVANCE));
            }
        }
        return List.copyOf(glyphs);
    }

    private static boolean[][] cut(List<String> rows, int left) {
        boolean[][] glyph = new boolean[HEIGHT][WIDTH];
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                glyph[y][x] = rows.get(y).charAt(left + x) == '#';
            }
        }
        return glyph;
    }

    private static boolean[][] box() {
        boolean[][] glyph = new boolean[HEIGHT][WIDTH];
        IntStream.range(0, HEIGHT - 1).forEach(y -> IntStream.range(0, WIDTH)
                .forEach(x -> glyph[y][x] = y == 0 || y == HEIGHT - 2 || x == 0 || x == WIDTH - 1));
        return glyph;
    }
}

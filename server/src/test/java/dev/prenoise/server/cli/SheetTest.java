package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.cli.Sheet.Cell;
import dev.prenoise.server.cli.Sheet.Mark;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SheetTest {
    private static final int GREEN = 0x12803c;

    @Test
    void toPng_smallPictures_growByWholeFactors() throws IOException {
        BufferedImage sheet = draw(2, 100, cell(32, 0xff0000), cell(32, 0x0000ff));

        // 3 times 32 fits 100: 96 pixels wide each, a gap of 20, margins of 24.
        assertThat(sheet.getWidth()).isEqualTo(24 + 96 + 20 + 96 + 24);
        assertThat(count(sheet, 0xff0000)).isEqualTo(96 * 96);
        assertThat(count(sheet, 0x0000ff)).isEqualTo(96 * 96);
    }

    @Test
    void toPng_largePictures_shrinkByWholeFactors() throws IOException {
        BufferedImage sheet = draw(1, 100, cell(256, 0xff0000));

        assertThat(count(sheet, 0xff0000)).isEqualTo(85 * 85);
    }

    @Test
    void toPng_grid_fillsRowsFirst() throws IOException {
        BufferedImage sheet = draw(2, 64, cell(64, 1), cell(64, 2), cell(64, 3));

        assertThat(topLeftOf(sheet, 1)[1]).isEqualTo(topLeftOf(sheet, 2)[1]);
        assertThat(topLeftOf(sheet, 1)[0]).isLessThan(topLeftOf(sheet, 2)[0]);
        assertThat(topLeftOf(sheet, 3)[0]).isEqualTo(topLeftOf(sheet, 1)[0]);
        assertThat(topLeftOf(sheet, 3)[1]).isGreaterThan(topLeftOf(sheet, 1)[1] + 64);
    }

    @Test
    void toPng_winner_isFramed() throws IOException {
        Cell winner = new Cell(picture(64, 0xff0000), List.of(), Mark.WINNER);

        BufferedImage sheet = draw(1, 64, winner);

        assertThat(count(sheet, GREEN)).isEqualTo((64 + 8) * (64 + 8) - 64 * 64);
        int[] corner = topLeftOf(sheet, 0xff0000);
        assertThat(sheet.getRGB(corner[0] - 1, corner[1] - 1) & 0xffffff).isEqualTo(GREEN);
    }

    @Test
    void toPng_captionTooWide_staysWithinItsCell() throws IOException {
        Cell cell = new Cell(picture(100, 0xff0000), List.of("seed 4294967295"), null);

        BufferedImage sheet = draw(1, 100, cell);

        IntStream.range(0, sheet.getHeight())
                .forEach(y -> assertThat(sheet.getRGB(24 + 100, y)).isEqualTo(sheet.getRGB(0, 0)));
    }

    @Test
    void toPng_noPicture_leavesAPlace() throws IOException {
        assertThat(draw(1, 64, new Cell(null, List.of("#1"), null)).getHeight()).isGreaterThan(64);
    }

    @Test
    void wrap_breaksAtSpacesAndCutsWhatIsTooMuch() {
        assertThat(Sheet.wrap("a red circle and a blue square", 12))
                .containsExactly("a red circle", "and a blue", "square");
        assertThat(Sheet.wrap("abcdefghij", 4)).containsExactly("abcd", "efgh", "ij");
        assertThat(Sheet.wrap("a b c d e f g h", 1)).hasSize(4);
        assertThat(Sheet.wrap("", 10)).containsExactly("");
    }

    private static BufferedImage draw(int columns, int side, Cell... cells) throws IOException {
        return Canvas.read(new Sheet(List.of(), columns, side, List.of(cells)).toPng());
    }

    private static Cell cell(int side, int colour) throws IOException {
        return new Cell(picture(side, colour), List.of("#1  0.5000", "seed 7", "rank 1"), null);
    }

    private static BufferedImage picture(int side, int colour) throws IOException {
        return Canvas.read(new Canvas(side, side, colour).toPng());
    }

    private static long count(BufferedImage image, int colour) {
        return IntStream.range(0, image.getWidth() * image.getHeight())
                .filter(i -> (image.getRGB(i % image.getWidth(), i / image.getWidth()) & 0xffffff) == colour)
                .count();
    }

    private static int[] topLeftOf(BufferedImage image, int colour) {
        int first = IntStream.range(0, image.getWidth() * image.getHeight())
                .filter(i -> (image.getRGB(i % image.getWidth(), i / image.getWidth()) & 0xffffff) == colour)
                .findFirst()
                .orElseThrow();
        return new int[] {first % image.getWidth(), first / image.getWidth()};
    }
}

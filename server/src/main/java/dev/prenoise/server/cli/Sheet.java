package dev.prenoise.server.cli;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Pictures in a grid, a title above them and a caption under each. The contact sheet and the before-and-after picture are both one. */
final class Sheet {
    private static final int MARGIN = 24;
    private static final int GAP = 20;
    private static final int FRAME = 4;
    private static final int SCALE = 2;
    private static final int LINE = (Glyphs.HEIGHT + 3) * SCALE;
    private static final int TITLE_LINES = 4;

    private static final int PAPER = 0xfafaf7;
    private static final int INK = 0x20242a;
    private static final int FAINT = 0xe2e2dc;

    private final List<String> title;
    private final int columns;
    private final int side;
    private final List<Cell> cells;

    /**
     * One picture and what stands under it.
     *
     * @param picture null: an empty place
     * @param mark frames the picture and colours the caption's last line; null: neither
     */
    record Cell(
            @Nullable BufferedImage picture,
            List<String> caption,
            @Nullable Mark mark) {
        Cell {
            caption = caption.stream().map(Glyphs::displayable).toList();
        }
    }

    /** What is special about a picture. */
    enum Mark {
        WINNER(0x12803c),
        PLAIN(0x2f6fb0);

        private final int colour;

        Mark(int colour) {
            this.colour = colour;
        }
    }

    /**
     * @param title lines, wrapped where they do not fit
     * @param side pixels of a picture's longer side, about: small pictures grow by whole factors, large ones shrink by whole factors
     */
    Sheet(List<String> title, int columns, int side, List<Cell> cells) {
        this.title = title;
        this.columns = columns;
        this.side = side;
        this.cells = List.copyOf(cells);
    }

    byte[] toPng() {
        int cellWidth =
                cells.stream().mapToInt(cell -> width(cell.picture())).max().orElse(side);
        int pictureHeight =
                cells.stream().mapToInt(cell -> height(cell.picture())).max().orElse(side);
        int captionLines =
                cells.stream().mapToInt(cell -> cell.caption().size()).max().orElse(0);
        int cellHeight = pictureHeight + 2 * FRAME + captionLines * LINE;
        int rows = (cells.size() + columns - 1) / columns;
        int width = 2 * MARGIN + columns * cellWidth + (columns - 1) * GAP;
        List<String> heading = wrapped(width - 2 * MARGIN);
        int top = MARGIN + heading.size() * LINE + (heading.isEmpty() ? 0 : GAP);
        int height = top + rows * cellHeight + (rows - 1) * GAP + MARGIN;

        Canvas canvas = new Canvas(width, height, PAPER);
        for (int i = 0; i < heading.size(); i++) {
            canvas.text(heading.get(i), MARGIN, MARGIN + i * LINE, SCALE, INK);
        }
        for (int i = 0; i < cells.size(); i++) {
            int left = MARGIN + i % columns * (cellWidth + GAP);
            draw(canvas, cells.get(i), left, top + i / columns * (cellHeight + GAP), cellWidth, pictureHeight);
        }
        return canvas.toPng();
    }

    private void draw(Canvas canvas, Cell cell, int left, int top, int width, int height) {
        Mark mark = cell.mark();
        if (cell.picture() == null) {
            canvas.fill(left, top, width, height, FAINT);
        } else {
            canvas.picture(cell.picture(), left, top, width(cell.picture()), height(cell.picture()));
        }
        if (mark != null) {
            canvas.frame(left, top, width, height, FRAME, mark.colour);
        }
        for (int i = 0; i < cell.caption().size(); i++) {
            String line = cell.caption().get(i);
            boolean last = i == cell.caption().size() - 1;
            int scale = Glyphs.widthOf(line, SCALE) <= width ? SCALE : 1;
            canvas.text(
                    line,
                    left,
                    top + height + 3 * FRAME + i * LINE + (SCALE - scale) * Glyphs.HEIGHT / 2,
                    scale,
                    mark != null && last ? mark.colour : INK);
        }
    }

    private int width(@Nullable BufferedImage picture) {
        return picture == null ? side : scaled(picture, picture.getWidth());
    }

    private int height(@Nullable BufferedImage picture) {
        return picture == null ? side : scaled(picture, picture.getHeight());
    }

    private int scaled(BufferedImage picture, int length) {
        int longer = Math.max(picture.getWidth(), picture.getHeight());
        return longer <= side ? length * (side / longer) : Math.max(1, length / ((longer + side - 1) / side));
    }

    private List<String> wrapped(int width) {
        int characters = width / (Glyphs.ADVANCE * SCALE);
        List<String> lines = new ArrayList<>();
        for (String line : title) {
            lines.addAll(wrap(Glyphs.displayable(line), characters));
        }
        return lines;
    }

    /** Breaks at spaces; a word longer than a line is cut, and so is what goes beyond {@link #TITLE_LINES}. */
    static List<String> wrap(String text, int characters) {
        List<String> lines = new ArrayList<>();
        String rest = text;
        while (rest.length() > characters && lines.size() < TITLE_LINES - 1) {
            int space = rest.lastIndexOf(' ', characters);
            int end = space > 0 ? space : characters;
            lines.add(rest.substring(0, end));
            rest = rest.substring(end).strip();
        }
        lines.add(rest.length() > characters ? rest.substring(0, Math.max(0, characters - 3)) + "..." : rest);
        return lines;
    }
}

package dev.prenoise.study;

/** What a chart is drawn with: writes SVG, or colours pixels. Lengths are SVG's units, y goes down, colours are as {@code #rrggbb}. */
interface Pen {
    /** Which of a text's ends, or its middle, stands at the place. */
    enum Anchor {
        START,
        MIDDLE,
        END
    }

    /** From now on places count from here, seen from the top left corner of the whole. */
    void origin(int x, int y);

    void line(double[] x, double[] y, String colour, double width, double opacity);

    /** The area within a line that ends where it begins. */
    void area(double[] x, double[] y, String colour, double opacity);

    void text(double x, double y, Anchor anchor, String colour, boolean bold, String text);
}

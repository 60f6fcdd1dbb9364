package dev.prenoise.shapes;

/** Where the first of two objects is, seen from the second. Exactly one holds of any two: the longer way between the centres counts. */
public enum Relation {
    LEFT_OF("left of"),
    RIGHT_OF("right of"),
    ABOVE("above"),
    BELOW("below");

    private final String words;

    Relation(String words) {
        this.words = words;
    }

    /** Its name in a caption. */
    public String words() {
        return words;
    }

    /** The relation between two centres, pixels, y downwards. */
    static Relation between(double x1, double y1, double x2, double y2) {
        if (Math.abs(x1 - x2) > Math.abs(y1 - y2)) {
            return x1 < x2 ? LEFT_OF : RIGHT_OF;
        }
        return y1 < y2 ? ABOVE : BELOW;
    }
}

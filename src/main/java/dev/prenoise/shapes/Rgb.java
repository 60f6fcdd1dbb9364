package dev.prenoise.shapes;

/** A colour's channels, 0 to 1; as a difference of colours also negative. */
public record Rgb(double red, double green, double blue) {
    /** Euclidean. */
    double distanceTo(Rgb other) {
        double r = red - other.red;
        double g = green - other.green;
        double b = blue - other.blue;
        return Math.sqrt(r * r + g * g + b * b);
    }

    double channel(int index) {
        return switch (index) {
            case 0 -> red;
            case 1 -> green;
            case 2 -> blue;
            default -> throw new IndexOutOfBoundsException("index: " + index + " (expected: 0 to 2)");
        };
    }
}

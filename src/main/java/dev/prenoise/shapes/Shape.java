package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The figures of this world, each by a signed distance. */
public enum Shape {
    CIRCLE {
        @Override
        double distance(double x, double y, double r) {
            return Math.sqrt(x * x + y * y) - r;
        }
    },
    SQUARE {
        @Override
        double distance(double x, double y, double r) {
            return Math.max(Math.abs(x), Math.abs(y)) - 0.86 * r;
        }
    },
    TRIANGLE {
        @Override
        double distance(double x, double y, double r) {
            double lowered = y + 0.15 * r;
            return Math.max(0.866 * Math.abs(x) - 0.5 * lowered, lowered) - 0.62 * r;
        }
    },
    RING {
        @Override
        double distance(double x, double y, double r) {
            return Math.abs(Math.sqrt(x * x + y * y) - 0.78 * r) - 0.24 * r;
        }
    },
    CROSS {
        @Override
        double distance(double x, double y, double r) {
            double ax = Math.abs(x);
            double ay = Math.abs(y);
            return Math.min(Math.max(ax - r, ay - 0.30 * r), Math.max(ay - r, ax - 0.30 * r));
        }
    },
    /** Five points, one up; distance to the nearest edge's line. */
    STAR {
        @Override
        double distance(double x, double y, double r) {
            double turn = Math.atan2(x, -y) + TENTH;
            double angle = turn - 2 * TENTH * Math.floor(turn / (2 * TENTH)) - TENTH;
            double rho = Math.sqrt(x * x + y * y);
            double px = rho * Math.cos(angle);
            double py = rho * Math.abs(Math.sin(angle));
            return ((px - 1.08 * r) * STAR_EDGE_Y - py * STAR_EDGE_X) / Math.hypot(STAR_EDGE_X, STAR_EDGE_Y);
        }
    },
    /** The implicit sextic over its gradient's length: near a distance at the outline, and cut off at 8 pixels. */
    HEART {
        @Override
        double distance(double x, double y, double r) {
            double k = 0.86 * r;
            double u = x / k;
            double v = -y / k + 0.12;
            double q = u * u + v * v - 1;
            double f = q * q * q - u * u * v * v * v;
            double fu = 6 * u * q * q - 2 * u * v * v * v;
            double fv = 6 * v * q * q - 3 * u * u * v * v;
            return Math.min(8, Math.max(-8, f / (Math.sqrt(fu * fu + fv * fv) + 0.05) * k));
        }
    },
    /** A disc less another. */
    MOON {
        @Override
        double distance(double x, double y, double r) {
            double disc = Math.sqrt(x * x + y * y) - r;
            double biteX = x - 0.55 * r;
            double biteY = y + 0.12 * r;
            return Math.max(disc, 0.82 * r - Math.sqrt(biteX * biteX + biteY * biteY));
        }
    };

    private static final double TENTH = Math.PI / 5;
    // From the outer tip to the inner corner, in radii.
    private static final double STAR_EDGE_X = 0.46 * Math.cos(TENTH) - 1.08;
    private static final double STAR_EDGE_Y = 0.46 * Math.sin(TENTH);

    private final String word = name().toLowerCase(Locale.ROOT);

    /**
     * Signed distance in pixels from the outline, negative inside.
     *
     * @param x relative to the centre, pixels
     * @param y relative to the centre, pixels, downwards
     * @param r the radius, pixels
     */
    abstract double distance(double x, double y, double r);

    /** Its name in a caption. */
    public String word() {
        return word;
    }

    /** Its name in a caption when there are several. */
    public String plural() {
        return this == CROSS ? "crosses" : word + "s";
    }

    static Optional<Shape> ofWord(String word) {
        return Arrays.stream(values()).filter(shape -> shape.word.equals(word)).findFirst();
    }

    static Optional<Shape> ofPlural(String word) {
        return Arrays.stream(values())
                .filter(shape -> shape.plural().equals(word))
                .findFirst();
    }
}

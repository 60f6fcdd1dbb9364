package dev.prenoise.study;

import dev.prenoise.shapes.Interval;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Curves over a spend that doubles from point to point, in panels side by side, as SVG and PNG. The same name has the same colour in every panel. */
final class CurveChart {
    private static final int WIDTH = 260;
    private static final int HEIGHT = 200;
    private static final int LEFT = 52;
    private static final int TOP = 34;
    private static final int RIGHT = 14;
    private static final int BOTTOM = 40;
    private static final int LEGEND = 18;

    /** Okabe and Ito's, which colour-blind readers tell apart. */
    private static final List<String> COLOURS =
            List.of("#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#999999");

    private static final String BLACK = "#000000";
    private static final String GREY = "#555555";
    private static final String LIGHT = "#dddddd";

    private CurveChart() {}

    /**
     * @param points one for each spend, with the interval that the last is drawn with
     */
    record Curve(String name, List<Interval> points) {}

    /**
     * @param axis what goes up
     */
    record Panel(String title, String axis, List<Curve> curves) {}

    /**
     * @param columns panels in a row
     */
    static String svg(List<Panel> panels, List<Integer> spends, String spend, int columns) {
        return svg(panels, spends, spends, spend, columns, false);
    }

    /**
     * @param ticks of the spends, those that have their number below
     * @param bands whether every point's interval is shown, not the last one's alone
     */
    static String svg(
            List<Panel> panels, List<Integer> spends, List<Integer> ticks, String spend, int columns, boolean bands) {
        Sheet sheet = new Sheet(panels, spends, ticks, spend, columns, bands);
        SvgPen pen = new SvgPen(sheet.width(), sheet.height());
        sheet.draw(pen);
        return pen.svg();
    }

    /** The same as PNG. */
    static byte[] png(
            List<Panel> panels, List<Integer> spends, List<Integer> ticks, String spend, int columns, boolean bands) {
        Sheet sheet = new Sheet(panels, spends, ticks, spend, columns, bands);
        try (PixelPen pen = new PixelPen(sheet.width(), sheet.height())) {
            sheet.draw(pen);
            return pen.png();
        }
    }

    /** All of it. */
    private record Sheet(
            List<Panel> panels, List<Integer> spends, List<Integer> ticks, String spend, int columns, boolean bands) {
        private List<String> names() {
            return panels.stream()
                    .flatMap(panel -> panel.curves().stream())
                    .map(Curve::name)
                    .distinct()
                    .toList();
        }

        private int rows() {
            return (panels.size() + columns - 1) / columns;
        }

        int width() {
            return columns * WIDTH;
        }

        int height() {
            return rows() * HEIGHT + LEGEND * ((names().size() + 4) / 5) + 10;
        }

        void draw(Pen pen) {
            List<String> names = names();
            for (int i = 0; i < panels.size(); i++) {
                pen.origin(i % columns * WIDTH, i / columns * HEIGHT);
                draw(pen, panels.get(i), names);
            }
            pen.origin(0, rows() * HEIGHT);
            for (int i = 0; i < names.size(); i++) {
                double x = LEFT + i % 5 * (width() - LEFT) / 5;
                double y = LEGEND * (i / 5) + LEGEND / 2;
                pen.line(new double[] {x, x + 18}, new double[] {y, y}, colour(i), 2, 1);
                pen.text(x + 23, y + 4, Pen.Anchor.START, BLACK, false, names.get(i));
            }
        }

        private void draw(Pen pen, Panel panel, List<String> names) {
            Scale y = heights(panel);
            Scale x = new Scale(
                    Math.log(spends.get(0)),
                    Math.max(Math.log(spends.get(0)) + 1e-9, Math.log(spends.get(spends.size() - 1))),
                    LEFT,
                    WIDTH - RIGHT);
            pen.text(LEFT, 14, Pen.Anchor.START, BLACK, true, panel.title());
            pen.text(LEFT, 27, Pen.Anchor.START, GREY, false, panel.axis());
            for (int i = 0; i <= 4; i++) {
                double value = y.low() + i * (y.high() - y.low()) / 4;
                pen.line(new double[] {LEFT, WIDTH - RIGHT}, new double[] {y.at(value), y.at(value)}, LIGHT, 1, 1);
                pen.text(
                        LEFT - 5,
                        y.at(value) + 3,
                        Pen.Anchor.END,
                        BLACK,
                        false,
                        String.format(Locale.ROOT, "%.3f", value));
            }
            for (int tick : ticks) {
                pen.text(
                        x.at(Math.log(tick)),
                        HEIGHT - BOTTOM + 14,
                        Pen.Anchor.MIDDLE,
                        BLACK,
                        false,
                        String.valueOf(tick));
            }
            pen.text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - BOTTOM + 27, Pen.Anchor.MIDDLE, BLACK, false, spend);
            for (Curve curve : panel.curves()) {
                curve(pen, curve, x, y, names.indexOf(curve.name()));
            }
        }

        private Scale heights(Panel panel) {
            double low = Double.POSITIVE_INFINITY;
            double high = Double.NEGATIVE_INFINITY;
            for (Curve curve : panel.curves()) {
                for (Interval point : curve.points()) {
                    low = Math.min(low, bands ? Math.min(point.low(), point.estimate()) : point.estimate());
                    high = Math.max(high, bands ? Math.max(point.high(), point.estimate()) : point.estimate());
                }
                Interval last = curve.points().get(curve.points().size() - 1);
                low = Math.min(low, last.low());
                high = Math.max(high, last.high());
            }
            double margin = high > low ? 0.05 * (high - low) : Math.max(1e-3, Math.abs(high) * 0.05);
            return new Scale(low - margin, high + margin, HEIGHT - BOTTOM, TOP);
        }

        private void curve(Pen pen, Curve curve, Scale x, Scale y, int index) {
            int count = spends.size();
            double[] along = new double[2 * count];
            double[] means = new double[count];
            double[] band = new double[2 * count];
            for (int i = 0; i < count; i++) {
                Interval point = curve.points().get(i);
                along[i] = x.at(Math.log(spends.get(i)));
                means[i] = y.at(point.estimate());
                // there along the upper ends of the intervals, back along the lower ones
                band[i] = y.at(point.high());
                along[2 * count - 1 - i] = along[i];
                band[2 * count - 1 - i] = y.at(point.low());
            }
            pen.line(Arrays.copyOf(along, count), means, colour(index), 1.5, 1);
            if (bands) {
                pen.area(along, band, colour(index), 0.12);
                return;
            }
            double end = WIDTH - RIGHT + 1.5 * (index - 3);
            pen.line(new double[] {end, end}, new double[] {band[count - 1], band[count]}, colour(index), 1, 0.5);
        }
    }

    /** From values to places. */
    private record Scale(double low, double high, double first, double last) {
        double at(double value) {
            return first + (value - low) / (high - low) * (last - first);
        }
    }

    private static String colour(int index) {
        return COLOURS.get(index % COLOURS.size());
    }
}

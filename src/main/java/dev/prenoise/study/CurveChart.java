package dev.prenoise.study;

import dev.prenoise.engine.Panel;
import dev.prenoise.shapes.Interval;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Curves over a spend that doubles from point to point, in panels side by side, as SVG. The same name has the same colour in every panel. */
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
        Set<String> distinct = new LinkedHashSet<>();
        panels.forEach(panel -> panel.curves().forEach(curve -> distinct.add(curve.name())));
        List<String> names = new ArrayList<>(distinct);
        int rows = (panels.size() + columns - 1) / columns;
        int width = columns * WIDTH;
        int height = rows * HEIGHT + LEGEND * ((names.size() + 4) / 5) + 10;
        StringBuilder out = new StringBuilder();
        add(
                out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"10\">%n",
                width,
                height);
        add(out, "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>%n", width, height);
        for (int i = 0; i < panels.size(); i++) {
            add(out, "<g transform=\"translate(%d %d)\">%n", i % columns * WIDTH, i / columns * HEIGHT);
            draw(out, panels.get(i), spends, ticks, spend, names, bands);
            out.append("</g>\n");
        }
        for (int i = 0; i < names.size(); i++) {
            int x = LEFT + i % 5 * (width - LEFT) / 5;
            int y = rows * HEIGHT + LEGEND * (i / 5) + LEGEND / 2;
            add(out, "<path d=\"M%d %dh18\" stroke=\"%s\" stroke-width=\"2\"/>%n", x, y, colour(i));
            add(out, "<text x=\"%d\" y=\"%d\">%s</text>%n", x + 23, y + 4, escaped(names.get(i)));
        }
        return out.append("</svg>\n").toString();
    }

    private static void draw(
            StringBuilder out,
            Panel panel,
            List<Integer> spends,
            List<Integer> ticks,
            String spend,
            List<String> names,
            boolean bands) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (Curve curve : panel.curves()) {
            for (Interval point : curve.points()) {
                low = Math.min(low, point.estimate());
                high = Math.max(high, point.estimate());
                if (bands) {
                    low = Math.min(low, point.low());
                    high = Math.max(high, point.high());
                }
            }
            Interval last = curve.points().get(curve.points().size() - 1);
            low = Math.min(low, last.low());
            high = Math.max(high, last.high());
        }
        double margin = high > low ? 0.05 * (high - low) : Math.max(1e-3, Math.abs(high) * 0.05);
        Scale y = new Scale(low - margin, high + margin, HEIGHT - BOTTOM, TOP);
        Scale x = new Scale(
                Math.log(spends.get(0)),
                Math.max(Math.log(spends.get(0)) + 1e-9, Math.log(spends.get(spends.size() - 1))),
                LEFT,
                WIDTH - RIGHT);
        add(out, "<text x=\"%d\" y=\"14\" font-weight=\"bold\">%s</text>%n", LEFT, escaped(panel.title()));
        add(out, "<text x=\"%d\" y=\"27\" fill=\"#555555\">%s</text>%n", LEFT, escaped(panel.axis()));
        for (int i = 0; i <= 4; i++) {
            double value = y.low() + i * (y.high() - y.low()) / 4;
            add(out, "<path d=\"M%d %.1fH%d\" stroke=\"#dddddd\"/>%n", LEFT, y.at(value), WIDTH - RIGHT);
            add(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3f</text>%n", LEFT - 5, y.at(value) + 3, value);
        }
        for (int nfe : ticks) {
            add(
                    out,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>%n",
                    x.at(Math.log(nfe)),
                    HEIGHT - BOTTOM + 14,
                    nfe);
        }
        add(
                out,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
                (LEFT + WIDTH - RIGHT) / 2,
                HEIGHT - BOTTOM + 27,
                escaped(spend));
        for (Curve curve : panel.curves()) {
            String colour = colour(names.indexOf(curve.name()));
            StringBuilder path = new StringBuilder();
            for (int i = 0; i < spends.size(); i++) {
                add(
                        path,
                        "%s%.1f %.1f",
                        i == 0 ? "M" : "L",
                        x.at(Math.log(spends.get(i))),
                        y.at(curve.points().get(i).estimate()));
            }
            add(out, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>%n", path, colour);
            if (bands) {
                add(out, "<path d=\"%s\" fill=\"%s\" fill-opacity=\"0.12\"/>%n", band(curve, spends, x, y), colour);
                continue;
            }
            Interval last = curve.points().get(curve.points().size() - 1);
            double end = WIDTH - RIGHT + 1.5 * (names.indexOf(curve.name()) - 3);
            add(
                    out,
                    "<path d=\"M%.1f %.1fV%.1f\" stroke=\"%s\" stroke-opacity=\"0.5\"/>%n",
                    end,
                    y.at(last.low()),
                    y.at(last.high()),
                    colour);
        }
    }

    /** There along the upper ends of the intervals, back along the lower ones. */
    private static String band(Curve curve, List<Integer> spends, Scale x, Scale y) {
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < spends.size(); i++) {
            add(
                    path,
                    "%s%.1f %.1f",
                    i == 0 ? "M" : "L",
                    x.at(Math.log(spends.get(i))),
                    y.at(curve.points().get(i).high()));
        }
        for (int i = spends.size() - 1; i >= 0; i--) {
            add(
                    path,
                    "L%.1f %.1f",
                    x.at(Math.log(spends.get(i))),
                    y.at(curve.points().get(i).low()));
        }
        return path.append('Z').toString();
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

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private static void add(StringBuilder out, String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments));
    }
}

package dev.prenoise.study;

import java.util.Locale;

/** Writes SVG. */
final class SvgPen implements Pen {
    private final StringBuilder out = new StringBuilder();
    private boolean within;

    SvgPen(int width, int height) {
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"10\">%n",
                width, height);
        add("<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>%n", width, height);
    }

    String svg() {
        end();
        return out.append("</svg>\n").toString();
    }

    private void end() {
        if (within) {
            out.append("</g>\n");
        }
        within = false;
    }

    @Override
    public void origin(int x, int y) {
        end();
        add("<g transform=\"translate(%d %d)\">%n", x, y);
        within = true;
    }

    @Override
    public void line(double[] x, double[] y, String colour, double width, double opacity) {
        add("<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\"", path(x, y), colour, width);
        out.append(opacity < 1 ? String.format(Locale.ROOT, " stroke-opacity=\"%.1f\"", opacity) : "")
                .append("/>\n");
    }

    @Override
    public void area(double[] x, double[] y, String colour, double opacity) {
        add("<path d=\"%sZ\" fill=\"%s\" fill-opacity=\"%.2f\"/>%n", path(x, y), colour, opacity);
    }

    private static String path(double[] x, double[] y) {
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < x.length; i++) {
            path.append(String.format(Locale.ROOT, "%s%.1f %.1f", i == 0 ? "M" : "L", x[i], y[i]));
        }
        return path.toString();
    }

    @Override
    public void text(double x, double y, Anchor anchor, String colour, boolean bold, String text) {
        add("<text x=\"%.1f\" y=\"%.1f\"", x, y);
        out.append(
                        anchor == Anchor.START
                                ? ""
                                : " text-anchor=\"" + anchor.name().toLowerCase(Locale.ROOT) + "\"")
                .append(colour.equals("#000000") ? "" : " fill=\"" + colour + "\"")
                .append(bold ? " font-weight=\"bold\">" : ">")
                .append(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
                .append("</text>\n");
    }

    private void add(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments));
    }
}

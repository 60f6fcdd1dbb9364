package dev.prenoise.study;

import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Colours pixels, {@value #SCALE} for each unit, by Java2D, which needs no screen but fonts. */
final class PixelPen implements Pen, AutoCloseable {
    private static final int SCALE = 2;
    private static final int SIZE = 10;

    private final BufferedImage image;
    private final Graphics2D graphics;

    PixelPen(int width, int height) {
        image = new BufferedImage(SCALE * width, SCALE * height, BufferedImage.TYPE_INT_RGB);
        graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
        graphics.setFont(font(false));
        origin(0, 0);
    }

    /**
     * Whether there is anything to write with: a slim Java image may come without fonts or without the libraries that read them.
     *
     * @return what is missing; empty where it works
     */
    static Optional<String> missing() {
        try (PixelPen pen = new PixelPen(8, 8)) {
            pen.width("N");
            return Optional.empty();
        } catch (LinkageError | InternalError | RuntimeException e) {
            return Optional.of(
                    "text cannot be drawn: " + e
                            + " (expected: fontconfig, freetype and a font, such as Debian's libfontconfig1 and fonts-dejavu-core)");
        }
    }

    byte[] png() {
        int[] pixels = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        byte[] rgb = new byte[3 * pixels.length];
        for (int i = 0; i < pixels.length; i++) {
            rgb[3 * i] = (byte) (pixels[i] >> 16);
            rgb[3 * i + 1] = (byte) (pixels[i] >> 8);
            rgb[3 * i + 2] = (byte) pixels[i];
        }
        return Png.encode(new Picture(image.getWidth(), image.getHeight(), rgb));
    }

    @Override
    public void origin(int x, int y) {
        AffineTransform scaled = AffineTransform.getScaleInstance(SCALE, SCALE);
        scaled.translate(x, y);
        graphics.setTransform(scaled);
    }

    @Override
    public void line(double[] x, double[] y, String colour, double width, double opacity) {
        graphics.setColor(colour(colour, opacity));
        graphics.setStroke(new BasicStroke((float) width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND));
        graphics.draw(path(x, y));
    }

    @Override
    public void area(double[] x, double[] y, String colour, double opacity) {
        graphics.setColor(colour(colour, opacity));
        graphics.fill(path(x, y));
    }

    private static Path2D path(double[] x, double[] y) {
        Path2D path = new Path2D.Double();
        path.moveTo(x[0], y[0]);
        for (int i = 1; i < x.length; i++) {
            path.lineTo(x[i], y[i]);
        }
        return path;
    }

    private static Color colour(String hex, double opacity) {
        Color opaque = Color.decode(hex);
        return new Color(opaque.getRed(), opaque.getGreen(), opaque.getBlue(), (int) Math.round(255 * opacity));
    }

    @Override
    public void text(double x, double y, Anchor anchor, String colour, boolean bold, String text) {
        graphics.setColor(colour(colour, 1));
        graphics.setFont(font(bold));
        double before =
                switch (anchor) {
                    case START -> 0;
                    case MIDDLE -> width(text) / 2;
                    case END -> width(text);
                };
        graphics.drawString(text, (float) (x - before), (float) y);
    }

    private static Font font(boolean bold) {
        return new Font(Font.SANS_SERIF, bold ? Font.BOLD : Font.PLAIN, SIZE);
    }

    /** Of a text in the font that was used last, in units. */
    private double width(String text) {
        return graphics.getFontMetrics().getStringBounds(text, graphics).getWidth();
    }

    /** Lines no longer than so many units, cut between words; a longer word has a line to itself. */
    List<String> wrapped(String text, double width) {
        List<String> lines = new ArrayList<>();
        String line = "";
        for (String word : text.split(" ")) {
            String longer = line.isEmpty() ? word : line + " " + word;
            if (!line.isEmpty() && width(longer) > width) {
                lines.add(line);
                longer = word;
            }
            line = longer;
        }
        lines.add(line);
        return lines;
    }

    /** A picture, in a square of so many units; small ones keep their pixels, large ones are averaged. */
    void picture(Picture picture, int x, int y, int side) {
        BufferedImage pixels = new BufferedImage(picture.width(), picture.height(), BufferedImage.TYPE_INT_RGB);
        byte[] rgb = picture.rgb();
        for (int i = 0; i < picture.width() * picture.height(); i++) {
            pixels.setRGB(
                    i % picture.width(),
                    i / picture.width(),
                    (rgb[3 * i] & 0xff) << 16 | (rgb[3 * i + 1] & 0xff) << 8 | rgb[3 * i + 2] & 0xff);
        }
        boolean small = Math.max(picture.width(), picture.height()) < SCALE * side;
        graphics.setRenderingHint(
                RenderingHints.KEY_INTERPOLATION,
                small
                        ? RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR
                        : RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        double scale = side / (double) Math.max(picture.width(), picture.height());
        graphics.drawImage(
                pixels,
                x,
                y,
                (int) Math.round(scale * picture.width()),
                (int) Math.round(scale * picture.height()),
                null);
    }

    @Override
    public void close() {
        graphics.dispose();
    }
}

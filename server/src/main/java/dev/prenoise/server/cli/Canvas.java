package dev.prenoise.server.cli;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import javax.imageio.ImageIO;

/**
 * An opaque RGB drawing surface: pictures, frames and text in the built-in font. Works on its own array of pixels and never asks
 * {@code java.awt} for graphics, which would ask the machine for fonts.
 */
final class Canvas {
    private final int width;
    private final int height;
    private final int[] pixels;

    Canvas(int width, int height, int background) {
        this.width = width;
        this.height = height;
        this.pixels = new int[width * height];
        Arrays.fill(pixels, background);
    }

    void fill(int left, int top, int width, int height, int colour) {
        for (int y = Math.max(0, top); y < Math.min(this.height, top + height); y++) {
            for (int x = Math.max(0, left); x < Math.min(this.width, left + width); x++) {
                pixels[y * this.width + x] = colour;
            }
        }
    }

    /** A frame whose inner edge is the rectangle's. */
    void frame(int left, int top, int width, int height, int thickness, int colour) {
        int outerWidth = width + 2 * thickness;
        fill(left - thickness, top - thickness, outerWidth, thickness, colour);
        fill(left - thickness, top + height, outerWidth, thickness, colour);
        fill(left - thickness, top, thickness, height, colour);
        fill(left + width, top, thickness, height, colour);
    }

    /** The picture scaled to the rectangle: nearest neighbour when it grows, the mean of what each pixel covers when it shrinks. */
    void picture(BufferedImage picture, int left, int top, int width, int height) {
        for (int y = 0; y < height; y++) {
            int y0 = (int) ((long) y * picture.getHeight() / height);
            int y1 = Math.max(y0 + 1, (int) ((long) (y + 1) * picture.getHeight() / height));
            for (int x = 0; x < width; x++) {
                int x0 = (int) ((long) x * picture.getWidth() / width);
                int x1 = Math.max(x0 + 1, (int) ((long) (x + 1) * picture.getWidth() / width));
                fill(left + x, top + y, 1, 1, mean(picture, x0, y0, x1, y1));
            }
        }
    }

    /** The text's first glyph has its top left corner here; each font pixel is {@code scale} x {@code scale}. */
    void text(String text, int left, int top, int scale, int colour) {
        for (int i = 0; i < text.length(); i++) {
            boolean[][] glyph = Glyphs.of(text.charAt(i));
            for (int y = 0; y < Glyphs.HEIGHT; y++) {
                for (int x = 0; x < Glyphs.WIDTH; x++) {
                    if (glyph[y][x]) {
                        fill(left + (i * Glyphs.ADVANCE + x) * scale, top + y * scale, scale, scale, colour);
                    }
                }
            }
        }
    }

    byte[] toPng() {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, width, height, pixels, 0, width);
        ImageIO.setUseCache(false);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            if (!ImageIO.write(image, "png", out)) {
                throw new IllegalStateException("this Java cannot write PNG");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /**
     * @throws IOException when the bytes are no picture that Java can read
     */
    static BufferedImage read(byte[] png) throws IOException {
        ImageIO.setUseCache(false);
        BufferedImage picture = ImageIO.read(new ByteArrayInputStream(png));
        if (picture == null) {
            throw new IOException("not a picture: " + png.length + " bytes");
        }
        return picture;
    }

    private static int mean(BufferedImage picture, int x0, int y0, int x1, int y1) {
        int count = (x1 - x0) * (y1 - y0);
        if (count == 1) {
            return picture.getRGB(x0, y0) & 0xffffff;
        }
        long red = 0;
        long green = 0;
        long blue = 0;
        for (int y = y0; y < y1; y++) {
            for (int x = x0; x < x1; x++) {
                int pixel = picture.getRGB(x, y);
                red += pixel >> 16 & 0xff;
                green += pixel >> 8 & 0xff;
                blue += pixel & 0xff;
            }
        }
        return rounded(red, count) << 16 | rounded(green, count) << 8 | rounded(blue, count);
    }

    private static int rounded(long sum, int count) {
        return (int) ((sum + count / 2) / count);
    }
}

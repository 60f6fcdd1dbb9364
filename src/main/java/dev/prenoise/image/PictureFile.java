package dev.prenoise.image;

import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Locale;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads PNG, JPEG and WebP files as {@code Image.open(file).convert("RGB")} of Pillow does: alpha is dropped, not blended; colour profiles
 * and the orientation that a camera noted are not looked at; of 16 bits the upper 8 count.
 *
 * <p>Files come from anyone. The size stands in a header and is looked at before any pixel has memory; what is not needed for the pixels
 * (profiles, texts, previews), where compressed data could hide more, is left out before a decoder sees the file.
 */
public final class PictureFile {
    private static final String KNOWN = "a PNG, JPEG or WebP file";
    private static final int MOST_PIXELS = Integer.MAX_VALUE / 3;
    private static final int SHOWN_BYTES = 8;

    private PictureFile() {}

    /**
     * @param maxPixels width times height
     * @throws PictureException when they are no such file, a broken one, or one of a larger picture
     */
    public static Picture decode(byte[] bytes, int maxPixels) {
        if (bytes.length == 0) {
            throw new PictureException("empty", KNOWN);
        }
        if (PngFile.is(bytes)) {
            return PngFile.decode(bytes, maxPixels);
        }
        if (JpegFile.is(bytes)) {
            return JpegFile.decode(bytes, maxPixels);
        }
        if (WebpFile.is(bytes)) {
            return WebpFile.decode(bytes, maxPixels);
        }
        String start = HexFormat.of().formatHex(bytes, 0, Math.min(SHOWN_BYTES, bytes.length));
        throw new PictureException("bytes that start with " + start, KNOWN);
    }

    /**
     * @throws PictureException when the size is none, or too large
     */
    static void requireSize(String format, long width, long height, int maxPixels) {
        if (width < 1 || height < 1) {
            throw new PictureException("a " + format + " of " + width + " x " + height + " pixels", "1 x 1 at least");
        }
        int most = Math.min(maxPixels, MOST_PIXELS);
        if (width * height > most) {
            throw new PictureException(
                    "a " + format + " of " + width + " x " + height + " pixels", "at most " + most + " pixels");
        }
    }

    /** Samples as the file has them, with what they mean where they are no colours themselves. */
    record Samples(Raster raster, @Nullable IndexColorModel palette) {}

    /**
     * Runs a decoder of {@code javax.imageio}.
     *
     * @param raw samples without any change of colours
     * @throws PictureException when it cannot read the file
     */
    static Samples read(String format, byte[] file, @Nullable ImageReader given, boolean raw) {
        ImageReader reader = given == null
                ? ImageIO.getImageReadersByFormatName(format.toLowerCase(Locale.ROOT))
                        .next()
                : given;
        try (var in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            reader.setInput(in, true, true);
            if (raw) {
                return new Samples(reader.readRaster(0, null), null);
            }
            var image = new IIOImage(reader.read(0), null, null).getRenderedImage();
            var palette = image.getColorModel() instanceof IndexColorModel index ? index : null;
            return new Samples(image.getData(), palette);
        } catch (IOException | RuntimeException e) {
            // the decoders answer broken files with exceptions of any kind
            throw new PictureException("a " + format + " that cannot be read: " + reason(e), "a whole one", e);
        } finally {
            reader.dispose();
        }
    }

    private static String reason(Exception e) {
        Throwable cause = e;
        while (cause.getMessage() == null && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }
}

package dev.prenoise.image;

import java.util.Arrays;

/**
 * Resizing and cropping, byte for byte as Pillow does with 8-bit pictures: antialiased, rows first and columns second with whole bytes
 * between them, coefficients as integers of 22 bits after the point (libImaging's Resample.c).
 */
public final class Resampling {
    private static final int PRECISION = 32 - 8 - 2;
    private static final int HALF = 1 << (PRECISION - 1);
    private static final int CHANNELS = 3;

    private Resampling() {}

    /** The picture in another size. */
    public static Picture resize(Picture picture, int width, int height, Filter filter) {
        requireSize(width, height);
        return resize(picture, width, height, filter, new Window(0, 0, width, height));
    }

    /**
     * A window of the picture in another size, black where it reaches over the edges. Costs what the window needs: of a strip of 1 x 100000
     * that becomes 224 wide, 224 rows are never 22 million.
     */
    public static Picture resize(Picture picture, int width, int height, Filter filter, Window window) {
        requireSize(width, height);
        int left = Math.max(0, window.left());
        int top = Math.max(0, window.top());
        int right = Math.min(width, window.left() + window.width());
        int bottom = Math.min(height, window.top() + window.height());
        if (left >= right || top >= bottom) {
            return new Picture(window.width(), window.height(), new byte[bytes(window.width(), window.height())]);
        }
        Taps columns = Taps.of(picture.width(), width, left, right, filter);
        Taps rows = Taps.of(picture.height(), height, top, bottom, filter);
        int firstRow = rows.first();
        int usedRows = rows.end() - firstRow;
        byte[] wide = horizontal(picture, columns, firstRow, usedRows);
        byte[] small = vertical(wide, right - left, rows, firstRow);
        var inside = new Picture(right - left, bottom - top, small);
        return crop(inside, new Window(window.left() - left, window.top() - top, window.width(), window.height()));
    }

    /** What the window shows, black where it reaches over the edges. */
    public static Picture crop(Picture picture, Window window) {
        if (window.equals(new Window(0, 0, picture.width(), picture.height()))) {
            return picture;
        }
        byte[] out = new byte[bytes(window.width(), window.height())];
        int left = Math.max(0, window.left());
        int right = Math.min(picture.width(), window.left() + window.width());
        int length = (right - left) * CHANNELS;
        for (int y = 0; y < window.height() && length > 0; y++) {
            int from = y + window.top();
            if (from >= 0 && from < picture.height()) {
                System.arraycopy(
                        picture.rgb(),
                        (from * picture.width() + left) * CHANNELS,
                        out,
                        (y * window.width() + left - window.left()) * CHANNELS,
                        length);
            }
        }
        return new Picture(window.width(), window.height(), out);
    }

    private static byte[] horizontal(Picture picture, Taps taps, int firstRow, int rows) {
        int width = picture.width();
        byte[] in = picture.rgb();
        if (taps.copies()) {
            return Resampling.crop(picture, new Window(taps.first(), firstRow, taps.count(), rows))
                    .rgb();
        }
        byte[] out = new byte[bytes(taps.count(), rows)];
        int at = 0;
        for (int y = 0; y < rows; y++) {
            int row = (y + firstRow) * width * CHANNELS;
            for (int x = 0; x < taps.count(); x++) {
                int[] weights = taps.weights[x];
                int from = row + taps.starts[x] * CHANNELS;
                int red = HALF;
                int green = HALF;
                int blue = HALF;
                for (int weight : weights) {
                    red += (in[from] & 0xff) * weight;
                    green += (in[from + 1] & 0xff) * weight;
                    blue += (in[from + 2] & 0xff) * weight;
                    from += CHANNELS;
                }
                out[at++] = clip(red);
                out[at++] = clip(green);
                out[at++] = clip(blue);
            }
        }
        return out;
    }

    private static byte[] vertical(byte[] in, int width, Taps taps, int firstRow) {
        int stride = width * CHANNELS;
        if (taps.copies()) {
            return in;
        }
        byte[] out = new byte[bytes(width, taps.count())];
        int[] sums = new int[stride];
        for (int y = 0; y < taps.count(); y++) {
            Arrays.fill(sums, HALF);
            int from = (taps.starts[y] - firstRow) * stride;
            for (int weight : taps.weights[y]) {
                for (int x = 0; x < stride; x++) {
                    sums[x] += (in[from + x] & 0xff) * weight;
                }
                from += stride;
            }
            int to = y * stride;
            for (int x = 0; x < stride; x++) {
                out[to + x] = clip(sums[x]);
            }
        }
        return out;
    }

    private static byte clip(int sum) {
        int value = sum >> PRECISION;
        return (byte) (value < 0 ? 0 : Math.min(value, 255));
    }

    static void requireSize(int width, int height) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException("size: " + width + " x " + height + " (expected: 1 x 1 at least)");
        }
    }

    private static int bytes(int width, int height) {
        long bytes = (long) width * height * CHANNELS;
        if (bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("size: " + width + " x " + height + " (expected: "
                    + Integer.MAX_VALUE / CHANNELS + " pixels at most)");
        }
        return (int) bytes;
    }

    /**
     * Along one axis: which pixels make each pixel of the result, and with what weights.
     *
     * @param copies whether the size stays, which Pillow then leaves as it is
     */
    private record Taps(int[] starts, int[][] weights, boolean copies) {
        /** Those of the pixels {@code from} to before {@code to} of the result. */
        static Taps of(int size, int newSize, int from, int to, Filter filter) {
            int[] starts = new int[to - from];
            int[][] weights = new int[to - from][];
            if (size == newSize) {
                for (int i = 0; i < starts.length; i++) {
                    starts[i] = from + i;
                    weights[i] = new int[] {1 << PRECISION};
                }
                return new Taps(starts, weights, true);
            }
            double scale = (double) size / newSize;
            double filterScale = Math.max(1, scale);
            double support = filter.support * filterScale;
            double inverse = 1 / filterScale;
            for (int i = 0; i < starts.length; i++) {
                double center = (from + i + 0.5) * scale;
                int start = Math.max(0, (int) (center - support + 0.5));
                int end = Math.min(size, (int) (center + support + 0.5));
                starts[i] = start;
                weights[i] = weights(start, end, center, inverse, filter);
            }
            return new Taps(starts, weights, false);
        }

        private static int[] weights(int start, int end, double center, double inverse, Filter filter) {
            double[] exact = new double[end - start];
            double sum = 0;
            for (int x = 0; x < exact.length; x++) {
                exact[x] = filter.weight((x + start - center + 0.5) * inverse);
                sum += exact[x];
            }
            int[] rounded = new int[exact.length];
            for (int x = 0; x < exact.length; x++) {
                double weight = sum == 0 ? exact[x] : exact[x] / sum;
                rounded[x] = (int) ((weight < 0 ? -0.5 : 0.5) + weight * (1 << PRECISION));
            }
            return rounded;
        }

        int count() {
            return starts.length;
        }

        /** The first pixel of the source that is read. */
        int first() {
            return starts[0];
        }

        /** One after the last pixel of the source that is read. */
        int end() {
            int last = starts.length - 1;
            return starts[last] + weights[last].length;
        }
    }
}

package dev.prenoise.image;

/** Where the middle of a picture is when it cannot be halved: the libraries that verifiers were published with do not agree by a pixel. */
public enum CropRule {
    /** transformers' {@code center_crop}: an odd rest is one larger below and at the right when cutting, above and at the left when padding. */
    TRANSFORMERS {
        @Override
        int start(int size, int crop) {
            return Math.floorDiv(size - crop, 2);
        }
    },
    /** torchvision's {@code CenterCrop}: half of an odd rest is rounded to the even number; when padding, it is one larger below and right. */
    TORCHVISION {
        @Override
        int start(int size, int crop) {
            return size < crop ? -((crop - size) / 2) : (int) Math.rint((size - crop) / 2.0);
        }
    };

    /** The first pixel of {@code crop} in the middle of {@code size}; negative where the crop is the larger. */
    abstract int start(int size, int crop);

    /** {@code width} x {@code height} in the middle of a picture of {@code pictureWidth} x {@code pictureHeight}. */
    public Window window(int pictureWidth, int pictureHeight, int width, int height) {
        return new Window(start(pictureWidth, width), start(pictureHeight, height), width, height);
    }
}

package dev.prenoise.image;

/** A rectangle in a picture's pixels; may reach over its edges. */
public record Window(int left, int top, int width, int height) {
    /**
     * @throws IllegalArgumentException when it is empty
     */
    public Window {
        Resampling.requireSize(width, height);
    }
}

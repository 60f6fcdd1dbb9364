package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

/** Paints a scene: a plain background, then each object over it, its edge softened by {@code sigmoid(-2.2 d)}. */
public final class Renderer {
    /** Per pixel of distance from the outline. */
    static final double EDGE_STEEPNESS = 2.2;

    private Renderer() {}

    /**
     * @throws IllegalArgumentException when the look has not one paint for each object
     */
    public static ShapesImage render(Scene scene, Look look) {
        if (look.paint().size() != scene.objects().size()) {
            throw new IllegalArgumentException("look.paint: " + look.paint().size() + " (expected: one for each of "
                    + scene.objects().size() + " objects)");
        }
        double[] image = new double[3 * SIZE * SIZE];
        for (int i = 0; i < image.length; i++) {
            image[i] = look.grey() + look.tint().channel(i / (SIZE * SIZE));
        }
        for (int i = 0; i < scene.objects().size(); i++) {
            paint(scene.objects().get(i), look.paint().get(i), image);
        }
        float[] values = new float[image.length];
        for (int i = 0; i < image.length; i++) {
            values[i] = (float) (image[i] * 2 - 1);
        }
        return new ShapesImage(values);
    }

    private static void paint(SceneObject object, Rgb paint, double[] image) {
        for (int pixel = 0; pixel < SIZE * SIZE; pixel++) {
            double x = pixel % SIZE - object.x();
            double y = pixel / SIZE - object.y();
            double alpha = 1 / (1 + Math.exp(EDGE_STEEPNESS * object.shape().distance(x, y, object.r())));
            for (int channel = 0; channel < 3; channel++) {
                double colour = object.colour().rgb().channel(channel) + paint.channel(channel);
                int i = channel * SIZE * SIZE + pixel;
                image[i] = image[i] * (1 - alpha) + Math.min(1, Math.max(0, colour)) * alpha;
            }
        }
    }
}

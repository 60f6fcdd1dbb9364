package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Collections;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class QualityTest {
    private static final Rgb NONE = new Rgb(0, 0, 0);

    private static ShapesImage drawing(SceneObject... objects) {
        return Renderer.render(Scene.of(objects), new Look(0.95, NONE, Collections.nCopies(objects.length, NONE)));
    }

    private static ShapesImage noisy(ShapesImage image, double spread) {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = image.values().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] += (float) (spread * (random.nextDouble() - 0.5));
        }
        return new ShapesImage(values);
    }

    @Test
    void of_exactDrawingInTheMiddle_isNearlyTen() {
        assertThat(Quality.of(drawing(new SceneObject(Shape.SQUARE, Colour.RED, 31.5, 31.5, 14))))
                .isGreaterThan(9)
                .isLessThanOrEqualTo(10);
    }

    @Test
    void of_noise_fallsWithItsStrength() {
        ShapesImage image = drawing(new SceneObject(Shape.STAR, Colour.BLUE, 31.5, 31.5, 14));
        double clean = Quality.of(image);
        double some = Quality.of(noisy(image, 0.15));
        double more = Quality.of(noisy(image, 0.4));
        assertThat(clean).isGreaterThan(some + 0.3);
        assertThat(some).isGreaterThan(more + 0.3);
    }

    @Test
    void of_objectInACorner_isLessThanInTheMiddle() {
        double middle = Quality.of(drawing(new SceneObject(Shape.CIRCLE, Colour.RED, 31.5, 31.5, 12)));
        double corner = Quality.of(drawing(new SceneObject(Shape.CIRCLE, Colour.RED, 13, 13, 12)));
        assertThat(middle).isGreaterThan(corner + 0.5);
    }

    @Test
    void of_emptyPicture_isOne() {
        float[] values = new float[3 * World.SIZE * World.SIZE];
        Arrays.fill(values, 0.9f);
        assertThat(Quality.of(new ShapesImage(values))).isEqualTo(1, within(0.0));
    }

    @Test
    void of_everyLesson_isOneToTen() {
        for (int i = 0; i < 60; i++) {
            assertThat(Quality.of(Lessons.lesson(8, 0, i).image())).isBetween(1.0, 10.0);
        }
    }
}

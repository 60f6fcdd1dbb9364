package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class RendererTest {
    @Test
    void render_goldenScenes_equalTheDefinition() throws IOException {
        Golden[] goldens =
                new Gson().fromJson(new String(resource("renders.json"), StandardCharsets.UTF_8), Golden[].class);
        ByteBuffer expected = ByteBuffer.wrap(resource("renders.f32")).order(ByteOrder.LITTLE_ENDIAN);

        assertThat(goldens).hasSize(2);
        for (Golden golden : goldens) {
            for (float value : Renderer.render(golden.scene(), golden.look()).values()) {
                assertThat(value).isCloseTo(expected.getFloat(), within(1e-5f));
            }
        }
        assertThat(expected.hasRemaining()).isFalse();
    }

    @Test
    void render_noObjects_isPlain() {
        ShapesImage image = Renderer.render(Scene.of(), new Look(0.9, new Rgb(0.01, 0, -0.01), List.of()));

        assertThat(image.at(0, 0, 0)).isCloseTo(0.82f, within(1e-6f));
        assertThat(image.at(1, 63, 10)).isCloseTo(0.80f, within(1e-6f));
        assertThat(image.at(2, 10, 63)).isCloseTo(0.78f, within(1e-6f));
    }

    @Test
    void render_lookOfAnotherScene_isRejected() {
        Scene scene = Scene.of(new SceneObject(Shape.CIRCLE, Colour.RED, 30, 30, 12));

        assertThatThrownBy(() -> Renderer.render(scene, Look.sample(1, 0, 0, 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("look.paint: 2 (expected: one for each of 1 objects)");
    }

    @Test
    void distance_everyShape_scalesWithTheRadius() {
        for (Shape shape : Shape.values()) {
            for (double angle = 0; angle < 6.2; angle += 0.37) {
                double x = 0.9 * Math.cos(angle);
                double y = 0.9 * Math.sin(angle);
                double inRadii = shape.distance(x, y, 1);
                assertThat(shape.distance(7 * x, 7 * y, 7))
                        .as("%s at %s", shape, angle)
                        .isCloseTo(7 * inRadii, within(1e-9));
            }
        }
    }

    static byte[] resource(String name) throws IOException {
        try (InputStream in = RendererTest.class.getResourceAsStream("/shapes/" + name)) {
            return in.readAllBytes();
        }
    }

    private record Golden(double grey, double[] tint, Object[][] objects, double[][] paint) {
        Scene scene() {
            return new Scene(Arrays.stream(objects)
                    .map(o -> new SceneObject(
                            Shape.valueOf(o[0].toString().toUpperCase(Locale.ROOT)),
                            Colour.valueOf(o[1].toString().toUpperCase(Locale.ROOT)),
                            (double) o[2],
                            (double) o[3],
                            (double) o[4]))
                    .toList());
        }

        Look look() {
            return new Look(
                    grey,
                    new Rgb(tint[0], tint[1], tint[2]),
                    Arrays.stream(paint)
                            .map(p -> new Rgb(0.02 * p[0], 0.02 * p[1], 0.02 * p[2]))
                            .toList());
        }
    }
}

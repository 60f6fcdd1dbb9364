package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SceneSamplerTest {
    private static final List<Scene> SCENES =
            IntStream.range(0, 4000).mapToObj(i -> SceneSampler.sample(3, 0, i)).toList();

    @Test
    void sample_sameArguments_sameScene() {
        assertThat(SceneSampler.sample(5, 6, 7)).isEqualTo(SceneSampler.sample(5, 6, 7));
        assertThat(SceneSampler.sample(5, 6, 7)).isNotEqualTo(SceneSampler.sample(7, 6, 5));
        assertThat(SceneSampler.sample(5, 6, 7)).isNotEqualTo(SceneSampler.sample(5, 7, 6));
    }

    @Test
    void sample_theFirstScene_neverChanges() {
        SceneObject object = SceneSampler.sample(0, 0, 0).objects().get(0);

        assertThat(object.toString())
                .isEqualTo(
                        "SceneObject[shape=SQUARE, colour=BLACK, x=42.84781997758927, y=12.194141828217703, r=10.447063286421809]");
    }

    @Test
    void sample_manyScenes_keepTheRules() {
        for (Scene scene : SCENES) {
            List<SceneObject> objects = scene.objects();
            for (int i = 0; i < objects.size(); i++) {
                SceneObject one = objects.get(i);
                assertThat(one.r()).isBetween(8.8, 16.0);
                assertThat(one.x()).isBetween(one.r() + 1, 62 - one.r());
                assertThat(one.y()).isBetween(one.r() + 1, 62 - one.r());
                for (SceneObject other : objects.subList(0, i)) {
                    assertThat(Math.hypot(one.x() - other.x(), one.y() - other.y()))
                            .isGreaterThan(1.02 * (one.r() + other.r()));
                }
            }
        }
    }

    @Test
    void sample_manyScenes_haveTheWorldsShares() {
        assertThat(share(1)).isCloseTo(0.25, within(0.03));
        assertThat(share(2)).isCloseTo(0.62, within(0.04));
        assertThat(share(3)).isCloseTo(0.13, within(0.03));
        double twins = SCENES.stream()
                        .filter(scene -> scene.objects().size() == 2)
                        .filter(scene ->
                                scene.objects().get(0).isTwinOf(scene.objects().get(1)))
                        .count()
                / (0.62 * SCENES.size());
        assertThat(twins).isCloseTo(0.08 + 0.92 / 64, within(0.025));
        Set<Shape> shapes = EnumSet.noneOf(Shape.class);
        Set<Colour> colours = EnumSet.noneOf(Colour.class);
        SCENES.forEach(scene -> scene.objects().forEach(object -> {
            shapes.add(object.shape());
            colours.add(object.colour());
        }));
        assertThat(shapes).hasSize(8);
        assertThat(colours).hasSize(8);
    }

    @Test
    void look_manySamples_keepTheRules() {
        double squares = 0;
        for (int i = 0; i < 2000; i++) {
            Look look = Look.sample(1, 0, i, 1);
            assertThat(look.grey()).isBetween(0.86, 0.98);
            assertThat(look.tint().green()).isBetween(-0.03, 0.03);
            squares += look.paint().get(0).blue() * look.paint().get(0).blue();
        }
        assertThat(Math.sqrt(squares / 2000)).isCloseTo(0.02, within(0.001));
    }

    private static double share(int objects) {
        return SCENES.stream()
                        .filter(scene -> scene.objects().size() == objects)
                        .count()
                / (double) SCENES.size();
    }
}

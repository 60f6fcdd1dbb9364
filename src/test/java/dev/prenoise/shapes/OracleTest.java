package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.shapes.TestPictures.Degradation;
import dev.prenoise.shapes.TestPictures.Nonsense;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class OracleTest {
    @Test
    void look_trueScenes_findsEveryObjectWhereItIs() {
        for (int i = 0; i < 250; i++) {
            Scene scene = SceneSampler.sample(11, 0, i);
            List<Sighting> sightings = Oracle.look(TestPictures.render(scene, 11, i));

            assertThat(sightings).as("scene %s", i).hasSameSizeAs(scene.objects());
            for (SceneObject object : scene.objects()) {
                assertThat(sightings).as("scene %s", i).anySatisfy(sighting -> {
                    assertThat(sighting.shape()).contains(object.shape());
                    assertThat(sighting.colour()).contains(object.colour());
                    assertThat(sighting.x()).isCloseTo(object.x(), within(0.6));
                    assertThat(sighting.y()).isCloseTo(object.y(), within(0.6));
                    assertThat(sighting.r()).isCloseTo(object.r(), within(0.6));
                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Degradation.class)
    void judge_degradedScenes_areStillRead(Degradation degradation) {
        long exact = IntStream.range(0, 100)
                .filter(i -> {
                    Scene scene = SceneSampler.sample(12, 0, i);
                    ShapesImage image = degradation.of(TestPictures.render(scene, 12, i), i);
                    return Oracle.judge(image, PromptGoal.of(scene)).isExact();
                })
                .count();

        assertThat(exact).isGreaterThanOrEqualTo(99);
    }

    @ParameterizedTest
    @CsvSource({"PLAIN,0", "HALF,0", "MORPH,0.1", "GHOSTS,0.05", "AVERAGE,0.1", "ELLIPSE,0", "BLOBS,0.03", "NOISE,0"})
    void look_nonsense_isNoObject(Nonsense nonsense, double rate) {
        long fooled = IntStream.range(0, 60)
                .filter(i -> Oracle.look(nonsense.at(i)).stream()
                        .anyMatch(sighting -> sighting.shape().isPresent()))
                .count();

        assertThat(fooled / 60.0).isLessThanOrEqualTo(rate);
    }

    @Test
    void look_picturesOfTheModel_agreesWithTheEye() throws IOException {
        List<String> seen = new String(RendererTest.resource("decoded.txt"), StandardCharsets.UTF_8)
                .lines()
                .toList();
        List<String> read = decodedPictures().stream()
                .map(picture ->
                        Oracle.look(picture).stream().map(OracleTest::words).collect(Collectors.joining(", ")))
                .toList();

        assertThat(read).hasSize(40);
        // One picture's circle and ring overlap so far that neither is clear to the oracle.
        assertThat(IntStream.range(0, 40).filter(i -> seen.get(i).equals(read.get(i))))
                .hasSize(39);
        assertThat(read.get(36)).isEqualTo("red ?, yellow ?");
    }

    @Test
    void judge_theReferencePicture_isWhatItsPromptSays() throws IOException {
        ByteBuffer file =
                ByteBuffer.wrap(RendererTest.resource("reference.safetensors")).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[(int) file.getLong()];
        file.get(header);
        JsonObject entry = JsonParser.parseString(new String(header, StandardCharsets.UTF_8))
                .getAsJsonObject()
                .getAsJsonObject("image");
        int offset =
                8 + header.length + entry.getAsJsonArray("data_offsets").get(0).getAsInt();
        float[] values = new float[3 * SIZE * SIZE];
        file.position(offset)
                .slice()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(values);

        Verdict verdict = Oracle.judge(
                new ShapesImage(values),
                ((PromptReading.Understood) PromptGoal.read("a red circle and a blue square")).goal());

        assertThat(verdict.isComplete()).as(verdict.toString()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Shape.class)
    void look_touchingTwins_areTwo(Shape shape) {
        Scene twins = Scene.of(
                new SceneObject(shape, Colour.RED, 19, 30, 12), new SceneObject(shape, Colour.RED, 43.6, 30, 12));
        Scene stacked = Scene.of(
                new SceneObject(shape, Colour.CYAN, 30, 18, 11), new SceneObject(shape, Colour.CYAN, 32, 40.4, 11));

        assertThat(Oracle.judge(TestPictures.render(twins, 1, 0), PromptGoal.of(twins))
                        .isExact())
                .isTrue();
        assertThat(Oracle.judge(TestPictures.render(stacked, 1, 0), PromptGoal.of(stacked))
                        .isExact())
                .isTrue();
    }

    @Test
    void look_twoToneCircle_isACircleOfNoColour() {
        ShapesImage red = TestPictures.render(Scene.of(new SceneObject(Shape.CIRCLE, Colour.RED, 30, 30, 14)), 1, 0);
        ShapesImage blue = TestPictures.render(Scene.of(new SceneObject(Shape.CIRCLE, Colour.BLUE, 30, 30, 14)), 1, 0);
        float[] values = red.values().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] = i % SIZE < 30 ? values[i] : blue.values()[i];
        }

        assertThat(Oracle.look(new ShapesImage(values))).singleElement().satisfies(sighting -> {
            assertThat(sighting.shape()).contains(Shape.CIRCLE);
            assertThat(sighting.colour()).isEmpty();
        });
    }

    @Test
    void look_objectCutByTheBorder_isUnclear() {
        Scene cut = Scene.of(new SceneObject(Shape.CIRCLE, Colour.GREEN, 2, 30, 13));

        assertThat(Oracle.look(TestPictures.render(cut, 1, 0))).singleElement().satisfies(sighting -> {
            assertThat(sighting.shape()).isEmpty();
            assertThat(sighting.colour()).contains(Colour.GREEN);
        });
    }

    @Test
    void look_smallSpot_isNothing() {
        Scene spot = Scene.of(new SceneObject(Shape.CIRCLE, Colour.GREEN, 30, 30, 2.5));

        assertThat(Oracle.look(TestPictures.render(spot, 1, 0))).isEmpty();
    }

    private static String words(Sighting sighting) {
        return sighting.colour().map(Colour::word).orElse("?") + " "
                + sighting.shape().map(Shape::word).orElse("?");
    }

    private static List<ShapesImage> decodedPictures() throws IOException {
        BufferedImage sheet = Optional.ofNullable(
                        ImageIO.read(new ByteArrayInputStream(RendererTest.resource("decoded.png"))))
                .orElseThrow();
        List<ShapesImage> pictures = new ArrayList<>();
        for (int top = 0; top < sheet.getHeight(); top += SIZE) {
            for (int left = 0; left < sheet.getWidth(); left += SIZE) {
                byte[] rgb = new byte[3 * SIZE * SIZE];
                for (int i = 0; i < SIZE * SIZE; i++) {
                    int pixel = sheet.getRGB(left + i % SIZE, top + i / SIZE);
                    rgb[3 * i] = (byte) (pixel >> 16);
                    rgb[3 * i + 1] = (byte) (pixel >> 8);
                    rgb[3 * i + 2] = (byte) pixel;
                }
                pictures.add(ShapesImage.ofRgb(rgb));
            }
        }
        return pictures;
    }
}

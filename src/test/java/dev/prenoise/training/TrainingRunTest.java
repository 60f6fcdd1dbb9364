package dev.prenoise.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a line that is fitted to points. */
class TrainingRunTest {
    private static final Map<String, List<Long>> SHAPES =
            Map.of("line.weight", List.of(1L, 2L), "line.bias", List.of(1L));
    private static final TrainingPlan PLAN = new TrainingPlan(60, 5, 55, 0.1, 0.001, 0.01, 1, 0.9, 3);

    @TempDir
    private Path folder;

    /** The mean square distance from 2 x - 3 y + 1 at points that depend on the step. */
    private record Line(Parameters parameters) implements Objective {
        @Override
        public List<String> parts() {
            return List.of("twice");
        }

        @Override
        public Loss loss(int step) {
            float[] points = new float[16];
            float[] values = new float[8];
            for (int i = 0; i < 8; i++) {
                points[2 * i] = (float) Math.sin(step * 8 + i);
                points[2 * i + 1] = (float) Math.cos(3 * step + i);
                values[i] = 2 * points[2 * i] - 3 * points[2 * i + 1] + 1;
            }
            Tensor difference = Tensor.of(Compute.cpu(), points, 8, 2)
                    .linear(
                            parameters.weights().get("line.weight", 1, 2).get(),
                            parameters.weights().get("line.bias", 1).get())
                    .reshape(8)
                    .sub(Tensor.of(Compute.cpu(), values, 8));
            Tensor square = difference.mul(difference).sum().mul(1.0 / 8);
            return new Loss(square, List.of(square.mul(2)));
        }
    }

    private TrainingRun open(String name, boolean resume, TrainingPlan plan) {
        return TrainingRun.open(
                folder.resolve(name),
                resume,
                plan,
                Compute.cpu(),
                SHAPES,
                (tensor, shape) ->
                        new float[shape.stream().mapToInt(Long::intValue).reduce(1, Math::multiplyExact)]);
    }

    private static void advance(TrainingRun run, int until) {
        run.run(new Line(run.parameters()), until, 7, done -> {});
    }

    private static Map<String, List<Float>> averages(TrainingRun run) {
        Map<String, List<Float>> values = new TreeMap<>();
        run.averages().forEach((name, tensor) -> {
            float[] floats = tensor.toFloats();
            Float[] boxed = new Float[floats.length];
            Arrays.setAll(boxed, i -> floats[i]);
            values.put(name, List.of(boxed));
        });
        return values;
    }

    @Test
    void run_lowersTheLoss_andWritesItsCurve() throws Exception {
        try (TrainingRun run = open("a", false, PLAN)) {
            advance(run, 60);
        }
        List<String> curve = Files.readAllLines(folder.resolve("a/loss.csv"));
        assertThat(curve).hasSize(61);
        assertThat(curve.get(0)).isEqualTo("step,loss,twice,gradient_norm,rate");
        assertThat(Double.parseDouble(curve.get(60).split(",")[1]))
                .isLessThan(0.2 * Double.parseDouble(curve.get(1).split(",")[1]));
    }

    @Test
    void run_stoppedAndResumed_endsAsOneThatWasNot() throws Exception {
        Map<String, List<Float>> undisturbed;
        try (TrainingRun run = open("a", false, PLAN)) {
            advance(run, 60);
            undisturbed = averages(run);
        }
        try (TrainingRun run = open("b", true, PLAN)) {
            advance(run, 23);
        }
        try (TrainingRun run = open("b", true, PLAN)) {
            assertThat(run.step()).isEqualTo(23);
            advance(run, 60);
            assertThat(averages(run)).isEqualTo(undisturbed);
        }
        assertThat(Files.readAllBytes(folder.resolve("b/training.safetensors")))
                .isEqualTo(Files.readAllBytes(folder.resolve("a/training.safetensors")));
        assertThat(Files.readAllLines(folder.resolve("b/loss.csv")))
                .isEqualTo(Files.readAllLines(folder.resolve("a/loss.csv")));
    }

    @Test
    void open_checkpointOfAnotherPlan_isRefused() {
        try (TrainingRun run = open("a", false, PLAN)) {
            advance(run, 7);
        }
        TrainingPlan other = new TrainingPlan(60, 5, 55, 0.2, 0.001, 0.01, 1, 0.9, 3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> open("a", true, other))
                .withMessageContaining("training.safetensors: of another plan")
                .withMessageContaining("rate=0.1,")
                .withMessageContaining("(expected: warmUp=5, rate=0.2,");
    }

    @Test
    void open_whileTheRateHasNotBegunToFall_mayEndAtAnotherStep() throws Exception {
        TrainingPlan longer = new TrainingPlan(60, 5, 20, 0.1, 0.001, 0.01, 1, 0.9, 3);
        TrainingPlan shorter = new TrainingPlan(50, 5, 30, 0.1, 0.001, 0.01, 1, 0.9, 3);
        try (TrainingRun run = open("a", false, shorter)) {
            advance(run, 50);
        }
        try (TrainingRun run = open("b", false, longer)) {
            advance(run, 20);
        }
        try (TrainingRun run = open("b", true, shorter)) {
            advance(run, 50);
        }
        assertThat(Files.readAllBytes(folder.resolve("b/training.safetensors")))
                .isEqualTo(Files.readAllBytes(folder.resolve("a/training.safetensors")));
        assertThatIllegalArgumentException()
                .as("it has fallen")
                .isThrownBy(() -> open("b", true, longer))
                .withMessageContaining("steps=50, decay=30");
    }

    @Test
    void open_withoutResume_whereThereIsARun_isRefused_andLeavesIt() throws Exception {
        try (TrainingRun run = open("a", false, PLAN)) {
            advance(run, 7);
        }
        byte[] state = Files.readAllBytes(folder.resolve("a/training.safetensors"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> open("a", false, PLAN))
                .withMessage(folder.resolve("a") + ": holds a run of 7 steps (expected: --resume, or another folder)");
        assertThat(Files.readAllBytes(folder.resolve("a/training.safetensors"))).isEqualTo(state);
    }
}

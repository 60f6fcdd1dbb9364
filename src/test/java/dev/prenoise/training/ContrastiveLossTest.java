package dev.prenoise.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.verifier.ClipConfig;
import dev.prenoise.verifier.ClipModel;
import dev.prenoise.verifier.ClipVisionConfig;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ContrastiveLossTest {
    private static final Compute CPU = Compute.cpu();

    private static Tensor unit(double... values) {
        return Tensor.of(CPU, values, values.length / 2, 2).normalized();
    }

    private static Tensor scale(double value) {
        return Tensor.of(CPU, new double[] {value}, 1).reshape();
    }

    private static double softmax(double right, double... others) {
        double sum = Math.exp(right);
        for (double other : others) {
            sum += Math.exp(other);
        }
        return Math.exp(right) / sum;
    }

    @Test
    void of_twoPictures_isTheMeanOfBothCrossEntropies() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            ContrastiveLoss loss = new ContrastiveLoss(CPU, ContrastiveLoss.distinct(2), 1);
            Tensor images = unit(1, 0, 0, 1);
            Tensor captions = unit(1, 0, 0.6, 0.8);
            Tensor wrong = unit(0, 1, 0.8, 0.6).reshape(2, 1, 2);

            double value = loss.of(images, captions, wrong, scale(2)).toDoubles()[0];

            double captionOfImage = Math.log(softmax(2, 1.2, 0)) + Math.log(softmax(1.6, 0, 1.2));
            double imageOfCaption = Math.log(softmax(2, 0)) + Math.log(softmax(1.6, 1.2));
            assertThat(value).isEqualTo(-(captionOfImage + imageOfCaption) / 4, within(1e-9));
        }
    }

    @Test
    void of_captionThatIsTrueOfAnotherPicture_isLeftOutThere() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            ContrastiveLoss loss = new ContrastiveLoss(CPU, new boolean[][] {{true, true}, {false, true}}, 1);
            Tensor captions = unit(1, 0, 0.6, 0.8);

            double value = loss.of(
                            unit(1, 0, 0, 1), captions, unit(0, 1, 0.8, 0.6).reshape(2, 1, 2), scale(2))
                    .toDoubles()[0];

            double captionOfImage = Math.log(softmax(2, 0)) + Math.log(softmax(1.6, 0, 1.2));
            double imageOfCaption = Math.log(softmax(2, 0)) + Math.log(softmax(1.6));
            assertThat(value).isEqualTo(-(captionOfImage + imageOfCaption) / 4, within(1e-9));
        }
    }

    @Test
    void gradient_ofEveryEmbedding_isTheFiniteDifference() {
        double[] values = {0.3, -1, 0.7, 0.2, 1.1, 0.4, -0.5, 0.9, 0.1, -0.3, 0.8, 0.6};
        try (Scope scope = new Scope()) {
            double[] gradient;
            try (GradMode on = GradMode.on()) {
                Tensor leaf = Tensor.of(CPU, values, 6, 2).requireGradient();
                ofRows(leaf).backward();
                gradient = leaf.gradient().toDoubles();
            }
            try (GradMode off = GradMode.off()) {
                for (int i = 0; i < values.length; i++) {
                    double[] up = values.clone();
                    double[] down = values.clone();
                    up[i] += 1e-5;
                    down[i] -= 1e-5;
                    double difference = (ofRows(Tensor.of(CPU, up, 6, 2)).toDoubles()[0]
                                    - ofRows(Tensor.of(CPU, down, 6, 2)).toDoubles()[0])
                            / 2e-5;
                    assertThat(gradient[i]).isEqualTo(difference, within(1e-7));
                }
            }
        }
    }

    /** Two pictures, two captions, one wrong caption each. */
    private static Tensor ofRows(Tensor rows) {
        Tensor unit = rows.normalized();
        return new ContrastiveLoss(CPU, ContrastiveLoss.distinct(2), 1)
                .of(
                        unit.narrow(0, 0, 2),
                        unit.narrow(0, 2, 2),
                        unit.narrow(0, 4, 2).reshape(2, 1, 2),
                        scale(5));
    }

    /** Along the gradient the loss changes by the gradient's own square. */
    @Test
    void gradient_ofATinyClip_isTheFiniteDifferenceAlongIt() {
        ClipConfig config = new ClipConfig(
                new ClipVisionConfig(8, 4, 8, 16, 2, 2, 1e-5, true),
                new ClipTextConfig(10, 5, 8, 16, 2, 2, 1e-5, true, 0, 1, 1),
                6);
        SortedMap<String, List<Long>> shapes = ClipTensors.shapes(config);
        try (Parameters parameters =
                        new Parameters(CPU, shapes, (name, shape) -> ClipTensors.start(shapes, name, shape, 11));
                Scope scope = new Scope()) {
            ClipModel model = new ClipModel(config, parameters.weights());
            Map<String, float[]> gradients = new TreeMap<>();
            double square = 0;
            try (GradMode on = GradMode.on()) {
                loss(model).backward();
                for (Map.Entry<String, Weight> entry : parameters.all().entrySet()) {
                    float[] gradient = entry.getValue().get().gradient().toFloats();
                    gradients.put(entry.getKey(), gradient);
                    for (float g : gradient) {
                        square += g * g;
                    }
                }
            }
            double step = 1e-3 / Math.sqrt(square);
            double up = moved(config, shapes, gradients, step);
            double down = moved(config, shapes, gradients, -step);
            assertThat((up - down) / (2 * step)).isEqualTo(square, within(0.02 * square));
        }
    }

    private static double moved(
            ClipConfig config, SortedMap<String, List<Long>> shapes, Map<String, float[]> gradients, double step) {
        Parameters.Start start = (name, shape) -> {
            float[] values = ClipTensors.start(shapes, name, shape, 11);
            float[] gradient = gradients.get(name);
            for (int i = 0; i < values.length; i++) {
                values[i] += (float) (step * gradient[i]);
            }
            return values;
        };
        try (Parameters parameters = new Parameters(CPU, shapes, start);
                GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            return loss(new ClipModel(config, parameters.weights())).toFloats()[0];
        }
    }

    private static Tensor loss(ClipModel model) {
        float[] pixels = new float[2 * 3 * 64];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (float) Math.sin(i * i);
        }
        long[][] ids = {{0, 4, 5, 1, 1}, {0, 6, 1, 1, 1}, {0, 5, 4, 1, 1}, {0, 7, 8, 9, 1}};
        Tensor texts = model.textEmbeddings(ids).normalized();
        return new ContrastiveLoss(CPU, ContrastiveLoss.distinct(2), 1)
                .of(
                        model.imageEmbeddings(Tensor.of(CPU, pixels, 2, 3, 8, 8))
                                .normalized(),
                        texts.narrow(0, 0, 2),
                        texts.narrow(0, 2, 2).reshape(2, 1, 6),
                        model.logitScale().exp());
    }
}

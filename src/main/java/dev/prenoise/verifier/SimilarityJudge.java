package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How much of the finished picture was there already when the noise was low: the cosine of the features of {@link Shot#prediction()} and of
 * {@link Shot#picture()} (Ma et al., arXiv 2501.09732, section 3.2, "self-supervised" verifiers). Reads no text.
 */
final class SimilarityJudge implements Judge {
    private final String verifier;
    private final Features features;
    private int unpredicted;

    /**
     * @param verifier its name, for warnings
     */
    SimilarityJudge(String verifier, Features features) {
        this.verifier = verifier;
        this.features = features;
    }

    @Override
    public double[] score(List<Shot> shots) {
        double[] scores = new double[shots.size()];
        Arrays.fill(scores, Double.NaN);
        int[] predicted = IntStream.range(0, scores.length)
                .filter(i -> shots.get(i).prediction() != null)
                .toArray();
        unpredicted += scores.length - predicted.length;
        // each shot is two pictures of the batch
        int step = Features.BATCH / 2;
        for (int from = 0; from < predicted.length; from += step) {
            int[] part = Arrays.copyOfRange(predicted, from, Math.min(from + step, predicted.length));
            double[] cosines = cosines(shots, part);
            for (int i = 0; i < part.length; i++) {
                scores[part[i]] = cosines[i];
            }
        }
        return scores;
    }

    private double[] cosines(List<Shot> shots, int[] part) {
        List<Picture> pictures = new ArrayList<>();
        for (int i : part) {
            pictures.add(shots.get(i).picture());
        }
        for (int i : part) {
            Picture prediction = shots.get(i).prediction();
            if (prediction != null) {
                pictures.add(prediction);
            }
        }
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor unit = features.of(pictures).to(DType.FLOAT32).normalized();
            Tensor finished = unit.narrow(0, 0, part.length);
            return finished.mul(unit.narrow(0, part.length, part.length))
                    .sum(-1)
                    .toDoubles();
        }
    }

    @Override
    public boolean readsPrediction() {
        return true;
    }

    @Override
    public List<String> warnings() {
        return unpredicted == 0
                ? List.of()
                : List.of(
                        verifier + ": " + unpredicted
                                + " pictures were not judged: it compares a picture with its prediction on the way, and there was none");
    }
}

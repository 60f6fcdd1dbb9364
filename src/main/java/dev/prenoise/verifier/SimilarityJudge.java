package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * How much of the finished picture was there already when the noise was low: the cosine of the features of {@link Shot#prediction()} and of
 * {@link Shot#picture()} (Ma et al., arXiv 2501.09732, section 3.2, "self-supervised" verifiers). Reads no text.
 */
final class SimilarityJudge implements Judge {
    private final String verifier;
    private final Features features;
    private int unpredicted;
    private int unjudged;

    /**
     * @param verifier its name, for warnings
     */
    SimilarityJudge(String verifier, Features features) {
        this.verifier = verifier;
        this.features = features;
    }

    @Override
    public double[] score(List<Shot> shots) {
        return shots.stream().mapToDouble(this::score).toArray();
    }

    private double score(Shot shot) {
        Picture prediction = shot.prediction();
        if (prediction == null) {
            unpredicted++;
            return Double.NaN;
        }
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            double cosine = unit(shot.picture()).mul(unit(prediction)).sum().toDoubles()[0];
            unjudged += Double.isNaN(cosine) ? 1 : 0;
            return cosine;
        }
    }

    /** Alone: beside others the last bits would be others. */
    private Tensor unit(Picture picture) {
        return features.of(picture).to(DType.FLOAT32).normalized();
    }

    @Override
    public boolean readsPrediction() {
        return true;
    }

    @Override
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>();
        if (unpredicted > 0) {
            warnings.add(
                    verifier + ": " + unpredicted
                            + " pictures were not judged: it compares a picture with its prediction on the way, and there was none");
        }
        if (unjudged > 0) {
            warnings.add(verifier + ": " + unjudged
                    + " pictures were not judged: the network gave no finite numbers for them");
        }
        return warnings;
    }
}

package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How much of the finished picture was there already when the noise was low: the cosine of the features of {@link Shot#prediction()} and of
 * {@link Shot#picture()} (Ma et al., arXiv 2501.09732, section 3.2, "self-supervised" verifiers). Reads no text.
 */
final class SimilarityJudge implements Judge {
    private final String verifier;
    private final PictureNetwork network;
    private int unpredicted;
    private int unjudged;

    /**
     * @param verifier its name, for warnings
     * @param network sees {@code [B, D]} in pictures, of any length
     */
    SimilarityJudge(String verifier, PictureNetwork network) {
        this.verifier = verifier;
        this.network = network;
    }

    @Override
    public double[] score(List<Shot> shots) {
        double[] scores = new double[shots.size()];
        Arrays.fill(scores, Double.NaN);
        List<Integer> compared = new ArrayList<>();
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < scores.length; i++) {
            Picture prediction = shots.get(i).prediction();
            if (prediction == null) {
                unpredicted++;
            } else {
                compared.add(i);
                pictures.add(shots.get(i).picture());
                pictures.add(prediction);
            }
        }
        float[][] units = new float[pictures.size()][];
        network.each(
                pictures,
                (index, seen) ->
                        units[index] = seen.to(DType.FLOAT32).normalized().toFloats());
        for (int i = 0; i < compared.size(); i++) {
            double cosine = dot(units[2 * i], units[2 * i + 1]);
            unjudged += Double.isNaN(cosine) ? 1 : 0;
            scores[compared.get(i)] = cosine;
        }
        return scores;
    }

    private static double dot(float[] some, float[] others) {
        double sum = 0;
        for (int i = 0; i < some.length; i++) {
            sum += (double) some[i] * others[i];
        }
        return sum;
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

package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Zero-shot classification by a CLIP (Radford et al. 2021, section 3.1): a class is the mean of what several sentences say of it. One thread
 * at a time.
 */
final class ClipClasses {
    /** Of the 80 in their ImageNet notebook, the seven that it finds enough. */
    private static final List<String> TEMPLATES = List.of(
            "itap of a %s.",
            "a bad photo of the %s.",
            "a origami %s.",
            "a photo of the large %s.",
            "a %s in a video game.",
            "art of the %s.",
            "a photo of the small %s.");

    /** Read at once: of a ViT-L/14's text side about two seconds of a CPU's work. */
    private static final int CLASSES = 8;

    private final Clip clip;
    private final ClassLabels labels;

    // Made when the first question is asked: a thousand classes take minutes on a CPU.
    private final List<float[]> embeddings = new ArrayList<>();

    ClipClasses(Clip clip, ClassLabels labels) {
        this.clip = clip;
        this.labels = labels;
    }

    /**
     * Reads some more classes, always the same together, so that they have the same bits wherever it was stopped in between.
     *
     * @return whether there are more
     * @throws VerifierException as {@link #of}, before anything is read
     */
    boolean prepare(Question question) {
        labels.find(question);
        int from = embeddings.size();
        int to = Math.min(labels.size(), from + CLASSES);
        if (from == to) {
            return false;
        }
        List<String> prompts = new ArrayList<>();
        for (int i = from; i < to; i++) {
            String name = labels.name(i);
            TEMPLATES.forEach(template -> prompts.add(template.replace("%s", name)));
        }
        float[][] texts = clip.texts(prompts);
        for (int i = 0; i < to - from; i++) {
            embeddings.add(ClipTemplates.unitMean(texts, i * TEMPLATES.size(), TEMPLATES.size()));
        }
        return to < labels.size();
    }

    /**
     * The logarithm of the probability of the class that a question asks for, among all.
     *
     * @return from embeddings of length 1, {@code [B, P]} in float32, to {@code [B]}
     * @throws VerifierException when it asks for none, or for one that is not among the labels
     */
    UnaryOperator<Tensor> of(Question question) {
        int index = labels.find(question);
        while (prepare(question)) {
            // some more classes
        }
        float[][] classes = embeddings.toArray(float[][]::new);
        double scale = clip.scale();
        return units -> ClipScores.cosines(units, classes)
                .mul(scale)
                .logSoftmax()
                .narrow(1, index, 1)
                .reshape(-1);
    }
}

package dev.prenoise.verifier;

import java.util.List;

/**
 * A text as the mean of the embeddings of 80 sentences about it: those of Radford et al. 2021 for ImageNet, in the order of their notebook
 * {@code Prompt_Engineering_for_ImageNet}. With the prompt put in whole this is how Chefer et al. (Attend-and-Excite, arXiv 2301.13826,
 * {@code metrics/imagenet_utils.py}) and those who compare with them measure how well prompt and picture agree.
 */
final class ClipTemplates {
    private static final List<String> TEMPLATES = """
            a bad photo of a {}.
            a photo of many {}.
            a sculpture of a {}.
            a photo of the hard to see {}.
            a low resolution photo of the {}.
            a rendering of a {}.
            graffiti of a {}.
            a bad photo of the {}.
            a cropped photo of the {}.
            a tattoo of a {}.
            the embroidered {}.
            a photo of a hard to see {}.
            a bright photo of a {}.
            a photo of a clean {}.
            a photo of a dirty {}.
            a dark photo of the {}.
            a drawing of a {}.
            a photo of my {}.
            the plastic {}.
            a photo of the cool {}.
            a close-up photo of a {}.
            a black and white photo of the {}.
            a painting of the {}.
            a painting of a {}.
            a pixelated photo of the {}.
            a sculpture of the {}.
            a bright photo of the {}.
            a cropped photo of a {}.
            a plastic {}.
            a photo of the dirty {}.
            a jpeg corrupted photo of a {}.
            a blurry photo of the {}.
            a photo of the {}.
            a good photo of the {}.
            a rendering of the {}.
            a {} in a video game.
            a photo of one {}.
            a doodle of a {}.
            a close-up photo of the {}.
            a photo of a {}.
            the origami {}.
            the {} in a video game.
            a sketch of a {}.
            a doodle of the {}.
            a origami {}.
            a low resolution photo of a {}.
            the toy {}.
            a rendition of the {}.
            a photo of the clean {}.
            a photo of a large {}.
            a rendition of a {}.
            a photo of a nice {}.
            a photo of a weird {}.
            a blurry photo of a {}.
            a cartoon {}.
            art of a {}.
            a sketch of the {}.
            a embroidered {}.
            a pixelated photo of a {}.
            itap of the {}.
            a jpeg corrupted photo of the {}.
            a good photo of a {}.
            a plushie {}.
            a photo of the nice {}.
            a photo of the small {}.
            a photo of the weird {}.
            the cartoon {}.
            art of the {}.
            a drawing of the {}.
            a photo of the large {}.
            a black and white photo of a {}.
            the plushie {}.
            a dark photo of a {}.
            itap of a {}.
            graffiti of the {}.
            a toy {}.
            itap of my {}.
            a photo of a cool {}.
            a photo of a small {}.
            a tattoo of the {}.
            """.lines().toList();

    private ClipTemplates() {}

    /**
     * The sentences about a prompt. Two articles in a row become one, by the metric's own rule: replaced is wherever the letters stand, so that
     * "a chihuahua and a poodle" becomes "a chihuahuand a poodle", as it does in the published numbers.
     */
    static List<String> sentences(String prompt) {
        return TEMPLATES.stream()
                .map(template ->
                        template.replace("{}", prompt).replace("a a", "a").replace("the a", "a"))
                .toList();
    }

    /**
     * The prompt's embedding, of length 1.
     *
     * @throws VerifierException as {@link Clip#texts}
     */
    static float[] embedding(Clip clip, String prompt) {
        float[][] units = clip.texts(sentences(prompt));
        return unitMean(units, 0, units.length);
    }

    /** The mean of some rows, brought to length 1. */
    static float[] unitMean(float[][] rows, int from, int count) {
        double[] sum = new double[rows[from].length];
        double squares = 0;
        for (int i = 0; i < sum.length; i++) {
            for (int row = from; row < from + count; row++) {
                sum[i] += rows[row][i];
            }
            squares += sum[i] * sum[i];
        }
        float[] mean = new float[sum.length];
        for (int i = 0; i < sum.length; i++) {
            mean[i] = (float) (sum[i] / Math.sqrt(squares));
        }
        return mean;
    }
}

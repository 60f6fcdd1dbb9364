package dev.prenoise.attention;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Self-Cross guidance (Qiu et al., "Self-Cross Diffusion Guidance for Text-to-Image Synthesis of Similar Subjects", CVPR 2025): what the
 * patches of one subject attend to is not where another subject is.
 *
 * <p>With {@code A_i} the smoothed map of subject i's noun after the x100 softmax, {@code M_i} its Otsu mask (all of it, not just the peak's
 * component) and {@code g_i} the smoothed self-attention rows of the mask's patches, summed with weights {@code A_i} and normalised to
 * sum 1:
 *
 * <ul>
 *   <li>cross: {@code max_i max(0, 1 - mean of the 16 largest values of A_i)}, in [0, 1]
 *   <li>self_cross: mean over ordered pairs of {@code sum(min(g_j, B_i))}; 0 for one subject
 *   <li>clean: the single-peak penalty, see {@code CleanTerm}
 *   <li>joint: what the published code optimises the noise on, {@code cross + clean + self_cross}, self_cross counting only where cross
 *       is at most 0.5 (the gate)
 * </ul>
 *
 * <p>The published {@code B_i} is {@code A_i / sum(A_i)} on grids of more than 16 rows and the bare {@code A_i} up to 16. There the
 * background of {@code A_i}, about 1/75, exceeds {@code g_j}, about 1/256, so the minimum returns nearly all of {@code g_j}: the term lives in
 * a narrow band close to 1, and its threshold 0.3 is out of reach.
 *
 * <p>{@link LossForm#PUBLISHED} is the published joint, literally. {@link LossForm#RANKING} is {@code cross + self_cross} with {@code B_i}
 * normalised on every grid and without the gate, which lets a noise of cross 0.51 score without its conflict. Its clean term is reported
 * and not counted, as in {@link InitNo}.
 *
 * <p>Every form reports all four terms, "self_cross" as normalised and as gated where the form does so, "joint" always as published. The
 * gradient goes through {@code A}, as weights and as {@code B}, and through the self-attention rows, never through a mask.
 *
 * @param gated whether self_cross counts only where cross is at most 0.5
 * @param normalized whether {@code B_i} is normalised on every grid, not only on those of more than 16 rows
 * @param cleanWeight of the clean term in the loss: 1 as published for noise, 0.1 in the loss used while denoising, 0 for ranking
 * @param epsilon added to the sums that normalise: 0 as published for noise, 1e-4 in the loss used while denoising
 * @param topValues K, how many values the cross term averages: 16, or all on grids of fewer patches
 * @param chunkLength positions of one text chunk, each of which starts with a BOS; 77 for CLIP
 */
public record SelfCross(
        boolean gated, boolean normalized, double cleanWeight, double epsilon, int topValues, int chunkLength)
        implements AttentionLoss {
    static final String NAME = "self-cross";

    private static final int TOP_VALUES = 16;
    private static final int UNNORMALIZED_ROWS = 16;

    public SelfCross {
        TextColumns.requireChunkLength(chunkLength);
        if (topValues < 1) {
            throw new IllegalArgumentException("top_values: " + topValues + " (expected: >= 1)");
        }
    }

    public static SelfCross of(LossForm form) {
        return switch (form) {
            case RANKING -> new SelfCross(false, true, 0, 0, TOP_VALUES, TextColumns.CLIP_CHUNK);
            case PUBLISHED -> new SelfCross(true, false, 1, 0, TOP_VALUES, TextColumns.CLIP_CHUNK);
        };
    }

    /**
     * For InitNO's optimisation run on this loss, which the authors do before they guide ("InitNO then Self-Cross"): the joint with gate
     * and clean term. Its terms hold self_cross a second time as "self", where that optimiser looks for its threshold (below 0.3).
     *
     * @param form {@code PUBLISHED}: literally; up to 16 rows the threshold is then out of reach and every optimisation runs to its last
     *     step. {@code RANKING}: {@code B_i} normalised on every grid.
     */
    public static AttentionLoss optimization(LossForm form) {
        return new Optimization(
                new SelfCross(true, form == LossForm.RANKING, 1, 0, TOP_VALUES, TextColumns.CLIP_CHUNK));
    }

    /** The loss of the published code while it denoises, without its alignment term, which is 0 at the first step. */
    public static SelfCross augmented() {
        return new SelfCross(true, false, 0.1, 1e-4, TOP_VALUES, TextColumns.CLIP_CHUNK);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean readsSelfAttention() {
        return true;
    }

    @Override
    public LossValue evaluate(AttentionMaps maps, List<TokenGroup> subjects, boolean gradient) {
        var text = new TextColumns(maps.tokens(), chunkLength, 0);
        var subjectMaps = TokenMaps.renormalized(maps, text.nouns(subjects), text);
        var selfAttention = new SelfAttention(maps, gradient);
        var cross = CrossResponse.ofLargest(subjectMaps, topValues);
        var clean = CleanTerm.of(subjectMaps);
        var conflict = new RegionConflict(subjectMaps, selfAttention, epsilon);

        boolean published = maps.rows() > UNNORMALIZED_ROWS;
        boolean open = cross.value() <= InitNo.GATE;
        double selfCross = gated && !open ? 0 : conflict.value(normalized || published);
        double loss = cross.value() + selfCross + cleanWeight * clean.value();
        var terms = Map.of(
                "cross",
                cross.value(),
                "self_cross",
                selfCross,
                "clean",
                clean.value(),
                "joint",
                cross.value() + clean.value() + (open ? conflict.value(published) : 0));
        if (!gradient) {
            return new LossValue(loss, terms, null);
        }
        double[][] gradients = subjectMaps.zeroGradients();
        cross.backward(1, gradients);
        clean.backward(cleanWeight, gradients);
        if (!gated || open) {
            conflict.backward(1, normalized || published, gradients);
        }
        return new LossValue(
                loss,
                terms,
                new AttentionMaps(
                        maps.rows(),
                        maps.columns(),
                        maps.tokens(),
                        subjectMaps.crossGradient(gradients),
                        selfAttention.gradient()));
    }

    /** How much of what one subject's region attends to lies where another subject is, averaged over ordered pairs of subjects. */
    private static final class RegionConflict {
        private final TokenMaps subjects;
        private final SelfAttention self;
        private final double[][] weights;
        private final double[][] shares;
        private final double[] masses;
        private final double[][] normalizedMaps;
        private final double[] mapMasses;
        private final int pairs;

        /** The published loop smooths every row; smoothing is linear, so the weighted sum is smoothed once. */
        RegionConflict(TokenMaps subjects, SelfAttention self, double epsilon) {
            int n = subjects.size();
            this.subjects = subjects;
            this.self = self;
            this.weights = new double[n][];
            this.shares = new double[n][];
            this.masses = new double[n];
            this.normalizedMaps = new double[n][];
            this.mapMasses = new double[n];
            this.pairs = n * (n - 1);
            for (int i = 0; i < n; i++) {
                double[] map = subjects.map(i);
                boolean[] mask = OtsuMask.of(map);
                weights[i] = map.clone();
                for (int p = 0; p < map.length; p++) {
                    if (!mask[p]) {
                        weights[i][p] = 0;
                    }
                }
                double[] region = self.smoothedSum(weights[i]);
                masses[i] = SelfAttention.sum(region) + epsilon;
                shares[i] = divide(region, masses[i]);
                mapMasses[i] = SelfAttention.sum(map) + epsilon;
                normalizedMaps[i] = divide(map, mapMasses[i]);
            }
        }

        double value(boolean normalize) {
            double sum = 0;
            for (int i = 0; i < shares.length; i++) {
                for (int j = 0; j < shares.length; j++) {
                    if (i != j) {
                        sum += PairMinimum.sum(shares[j], place(i, normalize));
                    }
                }
            }
            return pairs == 0 ? 0 : sum / pairs;
        }

        void backward(double weight, boolean normalize, double[][] gradients) {
            double[][] shareGradients = subjects.zeroGradients();
            double[][] placeGradients = subjects.zeroGradients();
            for (int i = 0; i < shares.length; i++) {
                for (int j = 0; j < shares.length; j++) {
                    if (i != j) {
                        PairMinimum.backward(
                                weight / pairs, shares[j], place(i, normalize), shareGradients[j], placeGradients[i]);
                    }
                }
            }
            for (int i = 0; i < shares.length; i++) {
                double[] regionGradient = divideBackward(shareGradients[i], shares[i], masses[i]);
                add(gradients[i], self.backward(weights[i], regionGradient));
                add(
                        gradients[i],
                        normalize
                                ? divideBackward(placeGradients[i], normalizedMaps[i], mapMasses[i])
                                : placeGradients[i]);
            }
        }

        private double[] place(int i, boolean normalize) {
            return normalize ? normalizedMaps[i] : subjects.map(i);
        }

        private static double[] divide(double[] map, double mass) {
            double[] share = new double[map.length];
            for (int p = 0; p < map.length; p++) {
                share[p] = map[p] / mass;
            }
            return share;
        }

        /** From the gradient of {@code share = map / (sum(map) + epsilon)} to that of {@code map}. */
        private static double[] divideBackward(double[] gradient, double[] share, double mass) {
            double along = 0;
            for (int p = 0; p < share.length; p++) {
                along += gradient[p] * share[p];
            }
            double[] back = new double[share.length];
            for (int p = 0; p < share.length; p++) {
                back[p] = (gradient[p] - along) / mass;
            }
            return back;
        }

        private static void add(double[] sum, double[] term) {
            for (int p = 0; p < sum.length; p++) {
                sum[p] += term[p];
            }
        }
    }

    private record Optimization(SelfCross loss) implements AttentionLoss {
        @Override
        public String name() {
            return loss.name();
        }

        @Override
        public boolean readsSelfAttention() {
            return loss.readsSelfAttention();
        }

        @Override
        public LossValue evaluate(AttentionMaps maps, List<TokenGroup> subjects, boolean gradient) {
            LossValue value = loss.evaluate(maps, subjects, gradient);
            Map<String, Double> terms = new HashMap<>(value.terms());
            terms.computeIfAbsent("self", name -> value.terms().get("self_cross"));
            return new LossValue(value.loss(), terms, value.gradient());
        }
    }
}

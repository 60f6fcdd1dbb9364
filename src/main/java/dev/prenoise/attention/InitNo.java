package dev.prenoise.attention;

import java.util.List;
import java.util.Map;

/**
 * InitNO (Guo et al., "InitNO: Boosting Text-to-Image Diffusion Models via Initial Noise Optimization", CVPR 2024): every subject is
 * attended to somewhere, and the places do not share their self-attention.
 *
 * <p>With {@code A_i} the smoothed map of subject i's noun after the x100 softmax, {@code p_i} its peak and {@code s_i} the smoothed
 * self-attention of the query {@code p_i}:
 *
 * <ul>
 *   <li>cross: {@code max_i max(0, 1 - max A_i)}, in [0, 1]
 *   <li>self: mean over pairs of {@code sum(min(s_i, s_j)) / (sum(s_i + s_j) + 1e-6)}, in [0, 0.5]; 0 for one subject
 *   <li>clean: the single-peak penalty, see {@code CleanTerm}
 *   <li>joint: what the published code optimises the noise on, {@code cross + clean + self}, self counting only where cross is at most
 *       0.5 (the gate)
 * </ul>
 *
 * <p>{@link LossForm#PUBLISHED} is that joint. {@link LossForm#RANKING} is {@code cross + self} without the gate: gated, a noise of
 * cross 0.51 scores 0.51 however its subjects conflict, and beats one of cross 0.45 and self 0.2. The ranking form reports its clean
 * term and does not count it: that jumps between 0 and up to 1 for each subject as single patches enter or leave a mask, and where it is
 * present it outweighs the other two.
 *
 * <p>Every form reports all four terms; "self" is as gated where the form gates it. The gradient goes through the largest value, the
 * self-attention at the peaks and the clean term's background, never through where a peak or a mask lies.
 *
 * @param gated whether self counts only where cross is at most 0.5
 * @param cleanWeight of the clean term in the loss: 1 as published for noise, 0.1 in the loss used while denoising, 0 for ranking
 * @param chunkLength positions of one text chunk, each of which starts with a BOS; 77 for CLIP
 */
public record InitNo(boolean gated, double cleanWeight, int chunkLength) implements AttentionLoss {
    static final String NAME = "initno";

    /** Above this cross response the published losses ignore how subjects conflict. */
    static final double GATE = 0.5;

    private static final double EPSILON = 1e-6;

    public InitNo {
        TextColumns.requireChunkLength(chunkLength);
    }

    public static InitNo of(LossForm form) {
        return switch (form) {
            case RANKING -> new InitNo(false, 0, TextColumns.CLIP_CHUNK);
            case PUBLISHED -> new InitNo(true, 1, TextColumns.CLIP_CHUNK);
        };
    }

    /**
     * What InitNO's noise optimisation follows: the published joint, gate and clean term included. An optimiser reads its thresholds
     * (cross below 0.2, self below 0.3) from the terms.
     */
    public static InitNo optimization() {
        return of(LossForm.PUBLISHED);
    }

    /** The loss of the published code while it denoises, without its alignment term, which is 0 at the first step. */
    public static InitNo augmented() {
        return new InitNo(false, 0.1, TextColumns.CLIP_CHUNK);
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
        var cross = CrossResponse.ofLargest(subjectMaps, 1);
        var clean = CleanTerm.of(subjectMaps);
        var conflict = new PeakConflict(subjectMaps, selfAttention);

        double gatedSelf = cross.value() > GATE ? 0 : conflict.value();
        double self = gated ? gatedSelf : conflict.value();
        double loss = cross.value() + self + cleanWeight * clean.value();
        var terms = Map.of(
                "cross",
                cross.value(),
                "self",
                self,
                "clean",
                clean.value(),
                "joint",
                cross.value() + gatedSelf + clean.value());
        if (!gradient) {
            return new LossValue(loss, terms, null);
        }
        double[][] gradients = subjectMaps.zeroGradients();
        cross.backward(1, gradients);
        clean.backward(cleanWeight, gradients);
        if (!gated || cross.value() <= GATE) {
            conflict.backward(1);
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

    /** How much the self-attention at the subjects' peaks overlaps, averaged over unordered pairs of subjects. */
    private static final class PeakConflict {
        private final SelfAttention self;
        private final double[][] queries;
        private final double[][] rows;
        private final int pairs;

        PeakConflict(TokenMaps subjects, SelfAttention self) {
            this.self = self;
            this.queries = subjects.zeroGradients();
            this.rows = new double[subjects.size()][];
            for (int i = 0; i < rows.length; i++) {
                queries[i][Peak.of(subjects.map(i))] = 1;
                rows[i] = self.smoothedSum(queries[i]);
            }
            this.pairs = rows.length * (rows.length - 1) / 2;
        }

        double value() {
            double sum = 0;
            for (int i = 0; i < rows.length; i++) {
                for (int j = i + 1; j < rows.length; j++) {
                    sum += PairMinimum.sum(rows[i], rows[j]) / mass(i, j);
                }
            }
            return pairs == 0 ? 0 : sum / pairs;
        }

        void backward(double weight) {
            double[][] gradients = new double[rows.length][rows[0].length];
            for (int i = 0; i < rows.length; i++) {
                for (int j = i + 1; j < rows.length; j++) {
                    double mass = mass(i, j);
                    double w = weight / pairs / mass;
                    PairMinimum.backward(w, rows[i], rows[j], gradients[i], gradients[j]);
                    double massGradient = -w * PairMinimum.sum(rows[i], rows[j]) / mass;
                    for (int p = 0; p < rows[i].length; p++) {
                        gradients[i][p] += massGradient;
                        gradients[j][p] += massGradient;
                    }
                }
            }
            for (int i = 0; i < rows.length; i++) {
                self.backward(queries[i], gradients[i]);
            }
        }

        private double mass(int i, int j) {
            return SelfAttention.sum(rows[i]) + SelfAttention.sum(rows[j]) + EPSILON;
        }
    }
}

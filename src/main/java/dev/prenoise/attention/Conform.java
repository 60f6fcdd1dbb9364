package dev.prenoise.attention;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * CONFORM (Meral et al., "CONFORM: Contrast is All You Need for High-Fidelity Text-to-Image Diffusion Models", CVPR 2024): the cross
 * maps of one subject's tokens are alike and those of different subjects are not.
 *
 * <p>A token's embedding is its smoothed raw cross-attention map at unit length, its class the subject it belongs to (the last one that
 * lists it). A previous map gives each token a second embedding of the same class. The loss, reported as "contrastive", is NT-Xent with
 * temperature 0.5 over all ordered pairs of one class. Self-attention is not read.
 *
 * <p>{@link LossForm#PUBLISHED} is what the authors' notebook computes. At the first sampling step it has no previous map, so a prompt
 * with one token for each subject has no pair of one class and <em>every noise scores exactly 0</em>. {@link LossForm#RANKING} takes the
 * map itself, as a constant, for its previous map: each token is then its own pair, and for two single-word subjects of cosine s the
 * loss is {@code -log(e^2 / (e^2 + 2 e^(2s)))}, rising with s.
 *
 * <p>With a single subject there is nothing to contrast: the loss is 0 in both forms and all noises tie, so that a search keeps the first,
 * the host's own. Rank single subjects by another loss.
 *
 * @param pairing which pair loss: {@code NT_XENT} (default)
 * @param temperature of NT-Xent: 0.5 (default, the notebook's)
 * @param softmax whether the x100 softmax over the text comes first: false (default, the notebook's; the authors' pipeline defaults to true)
 * @param smooth whether maps are smoothed: true (default)
 * @param ownPrevious whether the map is its own previous map where {@code previous} is null
 * @param previous the previous step's maps, constant for the gradient, or null
 * @param chunkLength positions of one text chunk, each of which starts with a BOS; 77 for CLIP
 */
public record Conform(
        Pairing pairing,
        double temperature,
        boolean softmax,
        boolean smooth,
        boolean ownPrevious,
        @Nullable AttentionMaps previous,
        int chunkLength)
        implements AttentionLoss {
    static final String NAME = "conform";

    /** A shorter map has no direction; torch's {@code normalize} uses the same bound. */
    private static final double SHORTEST = 1e-12;

    /** The pair losses that the authors' code knows. */
    public enum Pairing {
        /** "ntxent". */
        NT_XENT,
        /** "contrastive": mean of {@code 1 - s} over pairs of one class plus mean of {@code s} over the others, where above 0. */
        CONTRASTIVE,
        /** "ntxent_contrastive": NT-Xent if the first subject has more than one token, contrastive otherwise. */
        NT_XENT_OR_CONTRASTIVE
    }

    public Conform {
        TextColumns.requireChunkLength(chunkLength);
        if (!(temperature > 0)) {
            throw new IllegalArgumentException("temperature: " + temperature + " (expected: > 0)");
        }
    }

    public static Conform of(LossForm form) {
        return new Conform(Pairing.NT_XENT, 0.5, false, true, form == LossForm.RANKING, null, TextColumns.CLIP_CHUNK);
    }

    /** This loss with the cross maps of the previous sampling step. */
    public Conform withPrevious(AttentionMaps maps) {
        return new Conform(pairing, temperature, softmax, smooth, false, maps, chunkLength);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean readsSelfAttention() {
        return false;
    }

    @Override
    public LossValue evaluate(AttentionMaps maps, List<TokenGroup> subjects, boolean gradient) {
        var text = new TextColumns(maps.tokens(), chunkLength, 0);
        text.require(subjects);
        Map<Integer, Integer> classOfToken = new LinkedHashMap<>();
        for (int i = 0; i < subjects.size(); i++) {
            for (int token : subjects.get(i).indices()) {
                classOfToken.put(token, i);
            }
        }
        int[] tokens = classOfToken.keySet().stream().mapToInt(t -> t).toArray();
        int[] tokenClasses = classOfToken.values().stream().mapToInt(c -> c).toArray();

        var current = new Embeddings(tokenMaps(maps, tokens, text));
        Embeddings other = previous != null
                ? new Embeddings(tokenMaps(requireSameShape(previous, maps), tokens, text))
                : ownPrevious ? current : null;
        int n = tokens.length;
        double[][] units = new double[other == null ? n : 2 * n][];
        int[] classes = new int[units.length];
        for (int i = 0; i < units.length; i++) {
            units[i] = other == null || i < n ? current.units[i % n] : other.units[i - n];
            classes[i] = tokenClasses[i % n];
        }

        PairLoss loss = pairLoss(cosines(units), classes, subjects.get(0));
        var terms = Map.of("contrastive", loss.value());
        if (!gradient) {
            return new LossValue(loss.value(), terms, null);
        }
        double[][] unitGradients = new double[n][maps.patches()];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < units.length; j++) {
                double weight = loss.gradient()[i][j] + loss.gradient()[j][i];
                for (int p = 0; weight != 0 && p < maps.patches(); p++) {
                    unitGradients[i][p] += weight * units[j][p];
                }
            }
        }
        return new LossValue(
                loss.value(),
                terms,
                new AttentionMaps(
                        maps.rows(), maps.columns(), maps.tokens(), current.crossGradient(unitGradients), null));
    }

    private TokenMaps tokenMaps(AttentionMaps maps, int[] tokens, TextColumns text) {
        return new TokenMaps(maps, tokens, softmax ? new TokenSoftmax(maps, text) : null, smooth);
    }

    private PairLoss pairLoss(double[][] cosines, int[] classes, TokenGroup first) {
        boolean contrastive =
                switch (pairing) {
                    case NT_XENT -> false;
                    case CONTRASTIVE -> true;
                    case NT_XENT_OR_CONTRASTIVE -> first.indices().size() == 1;
                };
        return contrastive ? PairLoss.contrastive(cosines, classes) : PairLoss.ntXent(cosines, classes, temperature);
    }

    /** An embedding's cosine with itself is exactly 1: with its own previous map, rounding must not make it count as a difference. */
    private static double[][] cosines(double[][] units) {
        double[][] cosines = new double[units.length][units.length];
        for (int a = 0; a < units.length; a++) {
            for (int b = 0; b < units.length; b++) {
                double dot = 0;
                for (int p = 0; p < units[a].length; p++) {
                    dot += units[a][p] * units[b][p];
                }
                cosines[a][b] = units[a] == units[b] && dot > 0 ? 1 : dot;
            }
        }
        return cosines;
    }

    private static AttentionMaps requireSameShape(AttentionMaps previous, AttentionMaps maps) {
        if (previous.rows() != maps.rows()
                || previous.columns() != maps.columns()
                || previous.tokens() != maps.tokens()) {
            throw new IllegalArgumentException(
                    "previous_cross: " + shape(previous) + " (expected: " + shape(maps) + ")");
        }
        return previous;
    }

    private static String shape(AttentionMaps maps) {
        return "[" + maps.rows() + ", " + maps.columns() + ", " + maps.tokens() + "]";
    }

    /** Token maps at unit length. */
    private static final class Embeddings {
        private final TokenMaps maps;
        private final double[][] units;
        private final double[] lengths;

        Embeddings(TokenMaps maps) {
            this.maps = maps;
            this.units = new double[maps.size()][];
            this.lengths = new double[maps.size()];
            for (int i = 0; i < units.length; i++) {
                double[] map = maps.map(i);
                double squares = 0;
                for (double value : map) {
                    squares += value * value;
                }
                lengths[i] = Math.sqrt(squares);
                if (!Double.isFinite(lengths[i])) {
                    throw new IllegalArgumentException("cross: not finite (expected: probabilities)");
                }
                double divisor = Math.max(lengths[i], SHORTEST);
                units[i] = new double[map.length];
                for (int p = 0; p < map.length; p++) {
                    units[i][p] = map[p] / divisor;
                }
            }
        }

        double[] crossGradient(double[][] unitGradients) {
            double[][] gradients = maps.zeroGradients();
            for (int i = 0; i < units.length; i++) {
                if (lengths[i] < SHORTEST) {
                    continue;
                }
                double along = 0;
                for (int p = 0; p < units[i].length; p++) {
                    along += unitGradients[i][p] * units[i][p];
                }
                for (int p = 0; p < units[i].length; p++) {
                    gradients[i][p] = (unitGradients[i][p] - along * units[i][p]) / lengths[i];
                }
            }
            return maps.crossGradient(gradients);
        }
    }
}

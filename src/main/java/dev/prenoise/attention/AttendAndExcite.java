package dev.prenoise.attention;

import java.util.List;
import java.util.Map;

/**
 * Attend-and-Excite (Chefer et al., "Attend-and-Excite: Attention-Based Semantic Guidance for Text-to-Image Diffusion Models", SIGGRAPH
 * 2023) as a ranking loss: {@code max_i max(0, 1 - max A_i)}, {@code A_i} the smoothed map of subject i's noun after the x100 softmax.
 * It equals InitNO's cross term and needs no self-attention.
 *
 * <p>Both {@linkplain LossForm forms} are the same loss. Reported as term "cross".
 *
 * @param endOfTextIndex 0 (default): the softmax runs over all columns but the first and the last, end-of-text and padding included, as
 *     the authors do on SD 1.x. Otherwise it runs over the words before this position only, as they do on SD 2.x. The choice changes the
 *     value several times over: never compare across it.
 * @param chunkLength positions of one text chunk, each of which starts with a BOS; 77 for CLIP
 */
public record AttendAndExcite(int endOfTextIndex, int chunkLength) implements AttentionLoss {
    static final String NAME = "attend-and-excite";

    public AttendAndExcite {
        TextColumns.requireChunkLength(chunkLength);
        if (endOfTextIndex < 0) {
            throw new IllegalArgumentException("end_of_text_index: " + endOfTextIndex + " (expected: >= 0)");
        }
    }

    public static AttendAndExcite of(LossForm form) {
        return switch (form) {
            case RANKING, PUBLISHED -> new AttendAndExcite(0, TextColumns.CLIP_CHUNK);
        };
    }

    public AttendAndExcite withEndOfTextIndex(int index) {
        return new AttendAndExcite(index, chunkLength);
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
        var text = new TextColumns(maps.tokens(), chunkLength, endOfTextIndex);
        var subjectMaps = TokenMaps.renormalized(maps, text.nouns(subjects), text);
        var cross = CrossResponse.ofMaximum(subjectMaps);
        var terms = Map.of("cross", cross.value());
        if (!gradient) {
            return new LossValue(cross.value(), terms, null);
        }
        double[][] gradients = subjectMaps.zeroGradients();
        cross.backward(1, gradients);
        return new LossValue(
                cross.value(),
                terms,
                new AttentionMaps(
                        maps.rows(), maps.columns(), maps.tokens(), subjectMaps.crossGradient(gradients), null));
    }
}

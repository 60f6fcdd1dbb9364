package dev.prenoise.server.grpc;

import dev.prenoise.attention.AttendAndExcite;
import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.Conform;
import dev.prenoise.attention.LossValue;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.EvaluateAttentionRequest;
import dev.prenoise.v1.EvaluateAttentionResponse;
import dev.prenoise.v1.Tensor;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A loss on the caller's own maps. Stateless: any number of threads. */
final class AttentionEvaluation {
    private AttentionEvaluation() {}

    /**
     * @param request checked
     * @throws InvalidFieldException when the loss cannot read the maps so
     */
    static EvaluateAttentionResponse evaluate(EvaluateAttentionRequest request) {
        Tensor cross = request.getAttention().getCrossAttention();
        AttentionMaps maps = maps(
                cross,
                request.getAttention().hasSelfAttention()
                        ? request.getAttention().getSelfAttention()
                        : null);
        List<TokenGroup> subjects = request.getSubjectsList().stream()
                .map(subject -> new TokenGroup(subject.getTokenIndicesList()))
                .toList();
        LossValue value;
        try {
            value = loss(request).evaluate(maps, subjects, request.getGradient());
        } catch (IllegalArgumentException e) {
            throw invalid(e);
        }
        EvaluateAttentionResponse.Builder response =
                EvaluateAttentionResponse.newBuilder().setLoss(value.loss()).putAllTerms(value.terms());
        if (value.gradient() != null) {
            response.setGradient(gradient(value.gradient(), request));
        }
        return response.build();
    }

    /** The losses name the maps in their own words. */
    private static RuntimeException invalid(IllegalArgumentException e) {
        String[] parts = String.valueOf(e.getMessage()).split(": ", 2);
        if (parts.length < 2) {
            return e;
        }
        String field =
                switch (parts[0]) {
                    case "self" -> "attention.self_attention";
                    case "cross" -> "attention.cross_attention";
                    case "attention grid" -> "attention.cross_attention.shape";
                    default -> parts[0];
                };
        return new InvalidFieldException(field, parts[1]);
    }

    private static AttentionLoss loss(EvaluateAttentionRequest request) {
        String name = Objects.requireNonNull(Protos.lossName(request.getLoss()), "loss");
        AttentionLoss loss = AttentionLosses.of(name, Protos.form(request.getForm()));
        if (loss instanceof Conform conform && request.hasPreviousCross()) {
            return conform.withPrevious(maps(request.getPreviousCross(), null));
        }
        if (loss instanceof AttendAndExcite excite && request.getEndOfTextIndex() != 0) {
            return excite.withEndOfTextIndex(request.getEndOfTextIndex());
        }
        return loss;
    }

    private static AttentionMaps maps(Tensor cross, @Nullable Tensor self) {
        return new AttentionMaps(
                (int) cross.getShape(0),
                (int) cross.getShape(1),
                (int) cross.getShape(2),
                Tensors.doubles(cross),
                self == null ? null : Tensors.doubles(self));
    }

    private static dev.prenoise.v1.AttentionMaps gradient(AttentionMaps gradient, EvaluateAttentionRequest request) {
        DataType type = request.getAttention().getCrossAttention().getDataType();
        dev.prenoise.v1.AttentionMaps.Builder message = dev.prenoise.v1.AttentionMaps.newBuilder()
                .setCrossAttention(
                        Tensors.of(gradient.cross(), type, gradient.rows(), gradient.columns(), gradient.tokens()));
        double[] self = gradient.self();
        if (self != null) {
            message.setSelfAttention(Tensors.of(
                    self,
                    request.getAttention().getSelfAttention().getDataType(),
                    gradient.rows(),
                    gradient.columns(),
                    gradient.patches()));
        }
        return message.build();
    }
}

package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.engine.HostAnswerException;
import dev.prenoise.engine.HostProfile;
import dev.prenoise.image.Picture;
import dev.prenoise.image.PictureException;
import dev.prenoise.image.PictureFile;
import dev.prenoise.noise.Noise;
import dev.prenoise.server.grpc.Violations.Violation;
import dev.prenoise.v1.HostEvaluation;
import dev.prenoise.v1.Tensor;
import dev.prenoise.verifier.Preprocessing;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads what a host answers; what cannot be used is a {@link HostAnswerException} with the field and what was expected. One thread at a time. */
final class HostAnswers {
    private static final int LEAST_TOKENS = 3;
    private static final int LONGEST_ERROR = 500;

    private final HostProfile profile;
    private final int lastToken;
    private final Limits limits;

    /** Of the first maps: losses of maps of another shape do not compare. */
    private @Nullable List<Long> mapShape;

    /**
     * @param lastToken the greatest token index of a subject; -1 = none
     */
    HostAnswers(HostProfile profile, int lastToken, Limits limits) {
        this.profile = profile;
        this.lastToken = lastToken;
        this.limits = limits;
    }

    /**
     * @param field "evaluation" or "gradient"
     * @throws HostFailedException when the host says that it could not
     */
    static void requireNoError(String field, long id, String error) {
        if (!error.isEmpty()) {
            throw new HostFailedException(
                    Code.ABORTED,
                    field + ".error: " + quoted(error, LONGEST_ERROR)
                            + " (expected: empty; the host could not answer evaluation " + id + ")");
        }
    }

    /** What was not asked for is a sign that the two sides do not mean the same. */
    void requireOnly(HostEvaluation answer, boolean attention, boolean images, boolean predictions, boolean latents) {
        requireNone("attention", answer.getAttentionCount(), attention);
        requireNone("images", answer.getImagesCount(), images);
        requireNone("predictions", answer.getPredictionsCount(), predictions);
        requireNone("latents", answer.getLatentsCount(), latents);
    }

    private static void requireNone(String field, int count, boolean asked) {
        if (!asked && count > 0) {
            throw new HostAnswerException(
                    "evaluation." + field, count + " of them (expected: none, as they were not asked for)");
        }
    }

    private static void requireCount(String field, int count, int noises) {
        if (count != noises) {
            throw new HostAnswerException(
                    field, count + " of them (expected: " + noises + ", one for each noise asked for)");
        }
    }

    private static void throwFirst(Violations violations) {
        Violation first = violations.first();
        if (first != null) {
            throw new HostAnswerException(first.field(), first.description());
        }
    }

    // ---- maps ----

    /**
     * @param self whether self-attention is read
     */
    List<AttentionMaps> maps(HostEvaluation answer, int noises, boolean self) {
        requireCount("evaluation.attention", answer.getAttentionCount(), noises);
        List<AttentionMaps> maps = new ArrayList<>();
        for (int i = 0; i < noises; i++) {
            maps.add(map("evaluation.attention[" + i + "]", answer.getAttention(i), self));
        }
        return maps;
    }

    private AttentionMaps map(String field, dev.prenoise.v1.AttentionMaps message, boolean self) {
        Tensor cross = message.getCrossAttention();
        Violations violations = new Violations();
        if (!message.hasCrossAttention()) {
            violations.add(field + ".cross_attention", "not set", "[H, W, T]");
        } else if (Tensors.check(violations, field + ".cross_attention", cross, "[H, W, T]")) {
            requireShape(field + ".cross_attention.shape", cross);
        }
        throwFirst(violations);
        if (self) {
            checkSelf(violations, field + ".self_attention", message, cross);
            throwFirst(violations);
        }
        return new AttentionMaps(
                Math.toIntExact(cross.getShape(0)),
                Math.toIntExact(cross.getShape(1)),
                Math.toIntExact(cross.getShape(2)),
                Tensors.doubles(cross),
                self ? Tensors.doubles(message.getSelfAttention()) : null);
    }

    private void requireShape(String field, Tensor cross) {
        long tokens = cross.getShape(2);
        if (tokens < LEAST_TOKENS || tokens <= lastToken) {
            throw new HostAnswerException(
                    field,
                    Tensors.shapeText(cross) + " (expected: at least " + Math.max(LEAST_TOKENS, lastToken + 1)
                            + " tokens" + (lastToken < 0 ? ")" : ", as a subject has token index " + lastToken + ")"));
        }
        if (mapShape == null) {
            mapShape = cross.getShapeList();
        }
        if (!mapShape.equals(cross.getShapeList())) {
            throw new HostAnswerException(
                    field, Tensors.shapeText(cross) + " (expected: " + mapShape + ", as of the first evaluation)");
        }
    }

    private static void checkSelf(
            Violations violations, String field, dev.prenoise.v1.AttentionMaps message, Tensor cross) {
        long rows = cross.getShape(0);
        long columns = cross.getShape(1);
        String shape = List.of(rows, columns, rows * columns).toString();
        if (!message.hasSelfAttention()) {
            violations.add(field, "not set", shape + ", which the loss reads");
        } else {
            Tensors.check(violations, field, message.getSelfAttention(), shape);
        }
    }

    // ---- pictures ----

    /**
     * @param name "images" or "predictions"
     */
    List<Picture> pictures(String name, List<ByteString> files, int noises) {
        String field = "evaluation." + name;
        requireCount(field, files.size(), noises);
        List<Picture> pictures = new ArrayList<>();
        long most = (long) limits.maxImagePixels() * Limits.ALL_IMAGES;
        for (int i = 0; i < noises; i++) {
            Picture picture = picture(field + "[" + i + "]", files.get(i));
            most -= (long) picture.width() * picture.height();
            if (most < 0) {
                throw new HostAnswerException(
                        field,
                        "too many pixels up to " + field + "[" + i + "] (expected: at most "
                                + (long) limits.maxImagePixels() * Limits.ALL_IMAGES + " altogether)");
            }
            pictures.add(picture);
        }
        return pictures;
    }

    private Picture picture(String field, ByteString file) {
        Picture picture;
        try {
            picture = PictureFile.decode(file.toByteArray(), limits.maxImagePixels());
        } catch (PictureException e) {
            throw new HostAnswerException(field, String.valueOf(e.getMessage()));
        }
        if (!Preprocessing.ratioFits(picture.width(), picture.height())) {
            throw new HostAnswerException(
                    field,
                    picture.width() + " x " + picture.height() + " pixels (expected: the longer side at most "
                            + Preprocessing.MAX_RATIO + " times the shorter)");
        }
        return picture;
    }

    // ---- noise and latents ----

    /** Of the noise's shape. */
    List<Noise> noises(String field, List<Tensor> tensors, int noises) {
        requireCount(field, tensors.size(), noises);
        List<Noise> result = new ArrayList<>();
        for (int i = 0; i < noises; i++) {
            Violations violations = new Violations();
            Tensors.check(
                    violations,
                    field + "[" + i + "]",
                    tensors.get(i),
                    profile.noiseShape().toString());
            throwFirst(violations);
            result.add(Noise.of(Protos.shape(tensors.get(i).getShapeList()), Tensors.floats(tensors.get(i))));
        }
        return result;
    }
}

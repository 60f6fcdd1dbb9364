package dev.prenoise.shapes;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.verifier.ClipFolder;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierException;
import dev.prenoise.verifier.VerifierKind;
import dev.prenoise.verifier.VerifierOffer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The built-in world's small networks that judge: a CLIP and an aesthetic head on it, in the layouts of the published ones. They ship with the
 * program, and {@code prenoise shapes train-verifiers} makes them again.
 *
 * @param cache a directory for their files, created when missing
 */
public record ShapesVerifiers(Path cache) implements VerifierKind {
    /** As requests name them. */
    public static final String CLIP = "shapes-clip";

    public static final String AESTHETIC = "shapes-aesthetic";

    private static final ResourceFolder FOLDER = new ResourceFolder("shapes-verifiers", List.of("verifiers/"));

    /** Their files, relative to their folder. */
    public static List<String> files() {
        return List.copyOf(FOLDER.sums().keySet());
    }

    /** SHA-256 of one of the files, in lower-case hexadecimal; null when there is no such file. */
    public static @Nullable String sha256Of(String file) {
        return FOLDER.sums().get(file);
    }

    @Override
    public List<VerifierOffer> offers(List<Path> folders) {
        return List.of(
                new VerifierOffer(
                        CLIP,
                        "a small CLIP of the built-in world: how well prompt and picture agree; cosine, -1 to 1",
                        null,
                        true,
                        true,
                        this::clip),
                new VerifierOffer(
                        AESTHETIC,
                        "how well made a picture of the built-in world looks to a head on its CLIP; about 1 to 10",
                        null,
                        false,
                        true,
                        this::aesthetic));
    }

    private Verifier clip(Compute compute, DType type) {
        return ClipFolder.cosine(CLIP, folder().resolve("clip"), compute, type);
    }

    private Verifier aesthetic(Compute compute, DType type) {
        Path folder = folder();
        return ClipFolder.aesthetic(
                AESTHETIC, folder.resolve("clip"), folder.resolve("aesthetic/head.safetensors"), compute, type);
    }

    private Path folder() {
        try {
            return FOLDER.extractTo(cache);
        } catch (IOException e) {
            throw new VerifierException(
                    cache + ": the built-in verifiers' files cannot be put there: " + e.getMessage(), e);
        }
    }
}

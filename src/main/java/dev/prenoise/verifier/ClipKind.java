package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.VerifierFiles.Found;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * CLIP and what was trained on it: CLIPScore, PickScore, HPS, the aesthetic predictor, zero-shot classes, likeness to the prediction. Those
 * that one kind offers share what is in the same file.
 */
public final class ClipKind implements VerifierKind {
    private static final String HEAD = "sac+logos+ava1-l14-linearMSE.safetensors";
    private static final String HEAD_REPOSITORY = "christophschuhmann/improved-aesthetic-predictor";

    private final SharedClips open = new SharedClips();

    @Override
    public List<VerifierOffer> offers(List<Path> folders) {
        VerifierFiles files = new VerifierFiles(folders);
        List<VerifierOffer> offers = new ArrayList<>();
        offers.add(score(files, "clip-b16", PublishedClip.B_16));
        offers.add(score(files, "clip-b32", PublishedClip.B_32));
        offers.add(score(files, "clip-l14", PublishedClip.L_14));
        offers.add(score(files, "clip-h14", PublishedClip.H_14));
        offers.add(pick(files));
        offers.add(hps(files));
        offers.add(aesthetic(files));
        offers.add(classifier(files));
        offers.add(similarity(files));
        return List.copyOf(offers);
    }

    private VerifierOffer score(VerifierFiles files, String name, PublishedClip published) {
        String title = "CLIPScore of " + published.shape()
                + ": how well prompt and picture agree; 2.5 * max(cosine, 0), so 0.4 of it is the cosine";
        return ofText(
                        files,
                        name,
                        title,
                        published,
                        (clip, question) -> question.templates()
                                ? ClipScores.cosine(ClipTemplates.embedding(clip, question.prompt()))
                                : ClipScores.hessel(text(clip, question)))
                .taking(VerifierOffer.Extra.TEMPLATES);
    }

    private VerifierOffer pick(VerifierFiles files) {
        String title = "PickScore: which picture people pick for a prompt; 100 * cosine, about 15 to 25";
        return ofText(
                files,
                "pick",
                title,
                PublishedClip.PICK,
                (clip, question) -> ClipScores.logit(text(clip, question), clip.scale()));
    }

    private VerifierOffer hps(VerifierFiles files) {
        String title = "HPS v2.1: which picture people prefer for a prompt; cosine, about 0.2 to 0.35";
        return ofText(
                files, "hps", title, PublishedClip.HPS, (clip, question) -> ClipScores.cosine(text(clip, question)));
    }

    private static float[] text(Clip clip, Question question) {
        return clip.texts(List.of(question.prompt()))[0];
    }

    /** What a picture's embedding is worth to a question. */
    @FunctionalInterface
    private interface Scoring {
        /** Of units {@code [B, P]}, as {@link ClipScores} has them. */
        UnaryOperator<Tensor> of(Clip clip, Question question);
    }

    private VerifierOffer ofText(
            VerifierFiles files, String name, String title, PublishedClip published, Scoring scoring) {
        Found found = published.find(files);
        Found words = found.problem() == null ? published.tokenizer(files, found.weights()) : found;
        if (words.problem() != null) {
            return VerifierOffer.missing(name, title, words.problem(), true, true);
        }
        return new VerifierOffer(
                name,
                title,
                null,
                true,
                true,
                (compute, type) -> NetworkVerifier.open(name, () -> {
                    Clip clip = Clip.open(open, published, found.weights(), words.weights(), compute, type);
                    return verifier(
                            name,
                            clip,
                            VerifierFiles.settings(words.weights()),
                            question -> judge(name, clip, scoring.of(clip, question)));
                }));
    }

    private VerifierOffer aesthetic(VerifierFiles files) {
        String name = "aesthetic-l14";
        String title = "LAION's improved aesthetic predictor on CLIP ViT-L/14: how good a picture looks; about 1 to 10";
        Found found = PublishedClip.L_14.find(files);
        Found head = files.find(HEAD_REPOSITORY, List.of(HEAD));
        Found wanting = found.problem() == null ? head : found;
        if (wanting.problem() != null) {
            return VerifierOffer.missing(name, title, wanting.problem(), false, true);
        }
        return new VerifierOffer(
                name,
                title,
                null,
                false,
                true,
                (compute, type) -> NetworkVerifier.open(name, () -> {
                    Clip clip = Clip.open(open, PublishedClip.L_14, found.weights(), found.folder(), compute, type);
                    AffineHead affine = AffineHead.read(head.weights(), clip.width());
                    return verifier(name, clip, List.of(head.weights()), question -> judge(name, clip, affine::of));
                }));
    }

    private VerifierOffer similarity(VerifierFiles files) {
        String name = "clip-ssl";
        String title = "CLIP: how much of the picture its prediction on the way had; cosine of embeddings, -1 to 1";
        Found wanting = null;
        for (PublishedClip published : PublishedClip.BY_CHOICE) {
            Found found = published.find(files);
            if (found.problem() == null) {
                return new VerifierOffer(
                        name,
                        title,
                        null,
                        false,
                        false,
                        (compute, type) -> NetworkVerifier.open(name, () -> {
                            Clip clip = Clip.open(open, published, found.weights(), found.folder(), compute, type);
                            return verifier(name, clip, List.of(), question -> new SimilarityJudge(name, clip.units()));
                        }));
            }
            wanting = wanting == null ? found : wanting;
        }
        return VerifierOffer.missing(name, title, problem(wanting), false, false);
    }

    private VerifierOffer classifier(VerifierFiles files) {
        String name = "clip-class";
        String title =
                "CLIP: how sure it is of the requested class among those of labels.txt; logarithm of a probability, at most 0";
        Found wanting = null;
        for (PublishedClip published : PublishedClip.BY_CHOICE) {
            Found found = published.find(files);
            Found words = found.problem() == null ? published.tokenizer(files, found.weights()) : found;
            Found labels = words.problem() == null ? labels(files, found) : words;
            if (labels.problem() == null) {
                return new VerifierOffer(
                                name,
                                title,
                                null,
                                true,
                                true,
                                (compute, type) -> NetworkVerifier.open(name, () -> {
                                    Clip clip =
                                            Clip.open(open, published, found.weights(), words.weights(), compute, type);
                                    ClipClasses classes = new ClipClasses(
                                            clip, Objects.requireNonNull(ClassLabels.read(labels.folder())));
                                    return new NetworkVerifier(
                                            name,
                                            List.of(clip.weights()),
                                            beside(labels.weights(), words.weights()),
                                            classes::prepare,
                                            question -> judge(name, clip, classes.of(question)));
                                }))
                        .taking(VerifierOffer.Extra.LABEL);
            }
            // of a CLIP that is there, what is missing beside it is told
            wanting = wanting == null || found.problem() == null ? labels : wanting;
        }
        return VerifierOffer.missing(name, title, problem(wanting), true, true).taking(VerifierOffer.Extra.LABEL);
    }

    /** {@code labels.txt} beside the weights, or in a {@code --verifiers} folder for every CLIP of it. */
    private static Found labels(VerifierFiles files, Found weights) {
        List<Path> places = new ArrayList<>(List.of(weights.folder()));
        places.addAll(files.folders());
        for (Path place : places) {
            Path labels = place.resolve(ClassLabels.FILE);
            if (Files.isRegularFile(labels)) {
                return new Found(labels, null);
            }
        }
        return new Found(
                null,
                weights.folder().resolve(ClassLabels.FILE)
                        + ": missing (expected: the classes to tell apart, one a line, such as ImageNet's 1000)");
    }

    private static List<Path> beside(Path labels, Path tokenizer) {
        List<Path> files = new ArrayList<>(VerifierFiles.settings(tokenizer));
        files.add(labels);
        return files;
    }

    private static String problem(@Nullable Found found) {
        return String.valueOf(Objects.requireNonNull(found).problem());
    }

    private static Verifier verifier(String name, Clip clip, List<Path> beside, Function<Question, Judge> judges) {
        return new NetworkVerifier(name, List.of(clip.weights()), beside, judges);
    }

    private static Judge judge(String name, Clip clip, UnaryOperator<Tensor> score) {
        return new PictureJudge(name, clip.units(), score);
    }
}

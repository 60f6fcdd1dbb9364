package dev.prenoise.verifier;

import dev.prenoise.image.CropRule;
import dev.prenoise.image.Filter;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Weights;
import dev.prenoise.verifier.VerifierFiles.Found;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** {@code dino-ssl} and {@code dino-class}, by DINO or DINOv2. */
public final class DinoKind implements VerifierKind {
    private static final String CONFIG = "config.json";
    private static final String PREPROCESSOR = "preprocessor_config.json";
    private static final List<String> MODEL = List.of(VerifierFiles.MODEL);
    private static final String SSL_TITLE =
            "DINO: how much of the picture its prediction on the way had; cosine of class tokens, -1 to 1";
    private static final String CLASS_TITLE = "DINO: the requested class's logit of a linear classifier";

    /** DINO's transformers, and the classifiers that were published for them. */
    private static final List<Map.Entry<String, String>> DINO = List.of(
            Map.entry("facebook/dino-vitb16", "dino_vitbase16_linearweights.safetensors"),
            Map.entry("facebook/dino-vitb8", "dino_vitbase8_linearweights.safetensors"),
            Map.entry("facebook/dino-vits16", "dino_deitsmall16_linearweights.safetensors"),
            Map.entry("facebook/dino-vits8", "dino_deitsmall8_linearweights.safetensors"));

    private static final List<String> DINO_2 =
            List.of("facebook/dinov2-base", "facebook/dinov2-large", "facebook/dinov2-small");

    private static final List<String> DINO_2_CLASSIFIERS = List.of(
            "facebook/dinov2-base-imagenet1k-1-layer",
            "facebook/dinov2-large-imagenet1k-1-layer",
            "facebook/dinov2-small-imagenet1k-1-layer");

    @Override
    public List<VerifierOffer> offers(List<Path> folders) {
        VerifierFiles files = new VerifierFiles(folders);
        return List.of(similarity(files), classifier(files));
    }

    private static VerifierOffer similarity(VerifierFiles files) {
        String name = "dino-ssl";
        List<String> repositories = Stream.concat(DINO.stream().map(Map.Entry::getKey), DINO_2.stream())
                .toList();
        Found found = files.findAny(repositories, MODEL, CONFIG, PREPROCESSOR);
        if (found.problem() != null) {
            return VerifierOffer.missing(name, SSL_TITLE, found.problem(), false, false);
        }
        return new VerifierOffer(
                name,
                SSL_TITLE,
                null,
                false,
                false,
                (compute, type) -> NetworkVerifier.open(name, () -> {
                    Weights weights = Weights.open(found.weights(), compute, type);
                    DinoTransformer dino =
                            new DinoTransformer(ConfigFile.read(found.folder().resolve(CONFIG)), weights);
                    Preprocessing preprocessing =
                            Preprocessing.read(found.folder().resolve(PREPROCESSOR));
                    PictureNetwork network = new PictureNetwork(
                            compute,
                            preprocessing,
                            pixels -> Scope.of(() -> DinoTransformer.classToken(dino.tokens(pixels))),
                            dino.places());
                    return new NetworkVerifier(name, List.of(weights), question -> new SimilarityJudge(name, network));
                }));
    }

    private static VerifierOffer classifier(VerifierFiles files) {
        String name = "dino-class";
        List<String> problems = new ArrayList<>();
        for (Map.Entry<String, String> dino : DINO) {
            Found transformer = files.find(dino.getKey(), MODEL, CONFIG);
            Found head = files.find(dino.getKey(), List.of(dino.getValue()));
            if (transformer.problem() == null && head.problem() == null) {
                return new VerifierOffer(
                                name,
                                CLASS_TITLE,
                                null,
                                true,
                                true,
                                (compute, type) -> NetworkVerifier.open(
                                        name,
                                        () -> openClassifier(name, transformer, head, files.folders(), compute, type)))
                        .taking(VerifierOffer.Extra.LABEL);
            }
            if (transformer.problem() == null) {
                problems.add(head.problem());
            }
        }
        Found whole = files.findAny(DINO_2_CLASSIFIERS, MODEL, CONFIG, PREPROCESSOR);
        if (whole.problem() == null) {
            return new VerifierOffer(
                            name,
                            CLASS_TITLE,
                            null,
                            true,
                            true,
                            (compute, type) -> NetworkVerifier.open(
                                    name, () -> openClassifier(name, whole, null, files.folders(), compute, type)))
                    .taking(VerifierOffer.Extra.LABEL);
        }
        String problem = problems.isEmpty()
                ? whole.problem() + "; or " + DINO.get(0).getKey() + " and "
                        + DINO.get(0).getValue()
                : problems.get(0);
        return VerifierOffer.missing(name, CLASS_TITLE, problem, true, true).taking(VerifierOffer.Extra.LABEL);
    }

    /**
     * @param head of a classifier that was published apart from its transformer
     * @param folders that may hold {@code labels.txt}, where the transformer's has no labels
     */
    private static Verifier openClassifier(
            String name, Found transformer, @Nullable Found head, List<Path> folders, Compute compute, DType type) {
        Path folder = transformer.folder();
        Weights weights = Weights.open(transformer.weights(), compute, type);
        Weights headWeights = head == null ? weights : Weights.open(head.weights(), compute, type);
        DinoTransformer dino = new DinoTransformer(ConfigFile.read(folder.resolve(CONFIG)), weights);
        DinoClassifier classifier = new DinoClassifier(dino, headWeights);
        Preprocessing preprocessing =
                head == null ? Preprocessing.read(folder.resolve(PREPROCESSOR)) : evaluation(dino.side());
        ClassLabels labels = ClassLabels.read(folder, classifier.classes(), folders);
        PictureNetwork network = new PictureNetwork(
                compute, preprocessing, pixels -> Scope.of(() -> classifier.logits(pixels)), dino.places());
        List<Path> lists = Stream.concat(Stream.of(folder), folders.stream())
                .map(place -> place.resolve(ClassLabels.FILE))
                .filter(Files::isRegularFile)
                .toList();
        List<Weights> all = head == null ? List.of(weights) : List.of(weights, headWeights);
        return new NetworkVerifier(name, all, lists, question -> {
            int index = labels.find(question);
            return new PictureJudge(
                    name, network, logits -> logits.narrow(1, index, 1).reshape(-1));
        });
    }

    /** As DINO's {@code eval_linear.py} shows pictures: 256 pixels to 224 in the middle, or in that ratio, by ImageNet's colours. */
    private static Preprocessing evaluation(int side) {
        return new Preprocessing(
                new Preprocessing.ShorterSide(Math.round(side * 8 / 7f), Filter.BICUBIC),
                new Preprocessing.Crop(side, side, CropRule.TORCHVISION),
                List.of(0.485, 0.456, 0.406),
                List.of(0.229, 0.224, 0.225));
    }
}

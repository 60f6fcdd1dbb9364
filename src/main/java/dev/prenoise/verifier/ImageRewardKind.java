package dev.prenoise.verifier;

import dev.prenoise.image.CropRule;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.TokenizedPrompt;
import dev.prenoise.text.Tokenizer;
import dev.prenoise.verifier.VerifierFiles.Found;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code image-reward}. */
public final class ImageRewardKind implements VerifierKind {
    private static final String NAME = "image-reward";
    private static final String TITLE = "ImageReward: what people preferred for the prompt; about -2 to 2";
    private static final List<String> REPOSITORIES = List.of("THUDM/ImageReward", "zai-org/ImageReward");
    private static final List<String> TOKENIZERS = List.of("tokenizer.json", "vocab.txt");
    private static final String BERT = "google-bert/bert-base-uncased";

    /** Tokens of a prompt, the first and the last included; what is behind them is not read. */
    private static final int LENGTH = 35;

    @Override
    public List<VerifierOffer> offers(List<Path> folders) {
        VerifierFiles files = new VerifierFiles(folders);
        Found found = files.findAny(REPOSITORIES, List.of("ImageReward.safetensors"));
        if (found.problem() != null) {
            return List.of(VerifierOffer.missing(NAME, TITLE, found.problem(), true, true));
        }
        Path tokenizer = tokenizer(files, found.folder());
        if (tokenizer == null) {
            String problem = "its tokenizer is missing (expected: vocab.txt or tokenizer.json of " + BERT + ", in "
                    + found.folder() + " or in a folder bert-base-uncased of a --verifiers DIR)";
            return List.of(VerifierOffer.missing(NAME, TITLE, problem, true, true));
        }
        return List.of(new VerifierOffer(
                NAME,
                TITLE,
                null,
                true,
                true,
                (compute, type) -> NetworkVerifier.open(NAME, () -> open(found, tokenizer, compute, type))));
    }

    private static @Nullable Path tokenizer(VerifierFiles files, Path folder) {
        if (TOKENIZERS.stream().anyMatch(name -> Files.isRegularFile(folder.resolve(name)))) {
            return folder;
        }
        return files.places(BERT).stream()
                .filter(place -> TOKENIZERS.stream().anyMatch(name -> Files.isRegularFile(place.resolve(name))))
                .findFirst()
                .orElse(null);
    }

    private static Verifier open(Found found, Path tokenizer, Compute compute, DType type) {
        ConfigFile config = ConfigFile.readIfThere(found.folder().resolve("config.json"));
        Weights weights = Weights.open(found.weights(), compute, type);
        ImageReward network = new ImageReward(config, weights);
        Preprocessing preprocessing = Preprocessing.clip(network.side(), CropRule.TORCHVISION);
        PictureNetwork vision = new PictureNetwork(compute, preprocessing, network::tokens, network.places());
        return new NetworkVerifier(NAME, List.of(weights), VerifierFiles.settings(tokenizer), question -> {
            long[] ids = NetworkVerifier.open(NAME, () -> {
                long[] read = ids(tokenizer, question.prompt());
                network.requireKnown(read);
                return read;
            });
            return new PictureJudge(NAME, vision, tokens -> network.rewards(ids, tokens));
        });
    }

    /** Read once a question, so that no native tokenizer has to be kept. */
    private static long[] ids(Path folder, String prompt) {
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            TokenizedPrompt read = tokenizer.encode(prompt, LENGTH, 0);
            return read.ids().stream()
                    .limit(read.chunks().get(0).eosIndex() + 1L)
                    .mapToLong(Integer::longValue)
                    .toArray();
        }
    }
}

package dev.prenoise.verifier;

import dev.prenoise.text.TokenizerException;
import dev.prenoise.text.TokenizerFinder;
import dev.prenoise.verifier.VerifierFiles.Found;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The CLIPs that verifiers are made of, as they were published. */
enum PublishedClip {
    B_16("openai/clip-vit-base-patch16", "ViT-B/16", true),
    B_32("openai/clip-vit-base-patch32", "ViT-B/32", true),
    L_14("openai/clip-vit-large-patch14", "ViT-L/14", true),
    H_14("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "ViT-H/14", false),
    PICK("yuvalkirstain/PickScore_v1", "ViT-H/14", false),
    HPS("xswu/HPSv2", "ViT-H/14", false);

    /** Where any will do. */
    static final List<PublishedClip> BY_CHOICE = List.of(L_14, B_16, B_32, H_14);

    private static final String HPS_WEIGHTS = "HPS_v2.1_compressed.safetensors";

    private final String repository;
    private final String shape;
    private final boolean quickGelu;

    PublishedClip(String repository, String shape, boolean quickGelu) {
        this.repository = repository;
        this.shape = shape;
        this.quickGelu = quickGelu;
    }

    String shape() {
        return shape;
    }

    /** Whether it was trained with OpenAI's activation, which a file in OpenCLIP's layout does not say. */
    boolean quickGelu() {
        return quickGelu;
    }

    Found find(VerifierFiles files) {
        List<String> names = this == HPS
                ? List.of(HPS_WEIGHTS)
                : List.of(VerifierFiles.MODEL, VerifierFiles.OPEN_CLIP_MODEL, VerifierFiles.INDEX);
        return files.find(repository, names);
    }

    /**
     * What {@link dev.prenoise.text.Tokenizer#load} takes: its own folder, another CLIP's, whose tokenizer is the same, or what a host has.
     *
     * @param weights that were found
     */
    Found tokenizer(VerifierFiles files, Path weights) {
        List<String> repositories = new ArrayList<>(List.of(repository));
        for (PublishedClip other : values()) {
            repositories.add(other.repository);
        }
        for (String each : repositories) {
            Found json = files.find(each, List.of("tokenizer.json"));
            Found found = json.problem() == null ? json : files.find(each, List.of("vocab.json"), "merges.txt");
            if (found.problem() == null) {
                return new Found(found.folder(), null);
            }
        }
        try {
            return new Found(new TokenizerFinder(List.of(), files.folders()).find(weights), null);
        } catch (TokenizerException e) {
            return new Found(
                    null,
                    weights
                            + ": no tokenizer beside it or beside another CLIP (expected: CLIP's tokenizer.json, or vocab.json and "
                            + "merges.txt, of " + repository + " or of " + L_14.repository + ")");
        }
    }
}

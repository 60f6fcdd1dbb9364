package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Weights;
import dev.prenoise.verifier.VerifierFiles.Found;
import java.nio.file.Path;
import java.util.List;

/** {@code siglip-ssl}. */
public final class SiglipKind implements VerifierKind {
    private static final String NAME = "siglip-ssl";
    private static final String TITLE =
            "SigLIP: how much of the picture its prediction on the way had; cosine of image embeddings, -1 to 1";
    private static final String CONFIG = "config.json";
    private static final String PREPROCESSOR = "preprocessor_config.json";
    private static final List<String> REPOSITORIES = List.of(
            "google/siglip-base-patch16-224",
            "google/siglip-base-patch16-256",
            "google/siglip-base-patch16-384",
            "google/siglip-large-patch16-256",
            "google/siglip-large-patch16-384",
            "google/siglip-so400m-patch14-384");

    @Override
    public List<VerifierOffer> offers(List<Path> folders) {
        Found found =
                new VerifierFiles(folders).findAny(REPOSITORIES, List.of(VerifierFiles.MODEL), CONFIG, PREPROCESSOR);
        if (found.problem() != null) {
            return List.of(VerifierOffer.missing(NAME, TITLE, found.problem(), false, false));
        }
        return List.of(new VerifierOffer(
                NAME,
                TITLE,
                null,
                false,
                false,
                (compute, type) -> NetworkVerifier.open(NAME, () -> {
                    Weights weights = Weights.open(found.weights(), compute, type);
                    ConfigFile config = ConfigFile.read(found.folder().resolve(CONFIG));
                    SiglipVision siglip = new SiglipVision(config.under("vision_config"), weights);
                    Preprocessing preprocessing =
                            Preprocessing.read(found.folder().resolve(PREPROCESSOR));
                    PictureNetwork network =
                            new PictureNetwork(compute, preprocessing, siglip::embeddings, siglip.places());
                    return new NetworkVerifier(NAME, List.of(weights), question -> new SimilarityJudge(NAME, network));
                })));
    }
}

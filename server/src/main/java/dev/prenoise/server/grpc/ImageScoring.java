package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import com.google.protobuf.ByteString;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.image.Picture;
import dev.prenoise.image.PictureException;
import dev.prenoise.image.PictureFile;
import dev.prenoise.server.jobs.Lane;
import dev.prenoise.server.jobs.PictureScoring;
import dev.prenoise.server.store.VerifierChoice;
import dev.prenoise.v1.ImageScore;
import dev.prenoise.v1.ScoreImagesRequest;
import dev.prenoise.v1.ScoreImagesResponse;
import dev.prenoise.v1.Verifier;
import dev.prenoise.verifier.Preprocessing;
import dev.prenoise.verifier.RankEnsemble;
import dev.prenoise.verifier.VerifierOffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** ScoreImages: checks the request, reads the pictures, has them judged, ranks them. Any number of threads. */
final class ImageScoring {
    private final VerifierCatalog catalog;
    private final PictureScoring scoring;
    private final Limits limits;

    ImageScoring(VerifierCatalog catalog, Lane lane, Limits limits) {
        this.catalog = catalog;
        this.limits = limits;
        scoring = new PictureScoring(catalog, lane);
    }

    /**
     * Waits for the lane and for other machines.
     *
     * @param stopped whether nobody waits for the answer any more
     */
    ScoreImagesResponse score(ScoreImagesRequest request, BooleanSupplier stopped) {
        try {
            check(request);
            List<VerifierChoice> choices = choices(request);
            List<Picture> pictures = pictures(request.getImagesList(), stopped);
            return response(choices, scoring.score("verifiers", choices, request.getPrompt(), pictures, stopped));
        } catch (CancellationException e) {
            throw Statuses.cancelled("the call was cancelled");
        } catch (InvalidFieldException e) {
            // verifiers know the prompt by its field in a search
            throw e.field().equals("prompt.text") ? new InvalidFieldException("prompt", e.description()) : e;
        }
    }

    private void check(ScoreImagesRequest request) {
        Violations violations = new Violations();
        if (request.getImagesCount() == 0) {
            violations.add("images", "empty", "at least one");
        }
        if (request.getImagesCount() > limits.maxImages()) {
            violations.add("images", request.getImagesCount() + " of them", "at most " + limits.maxImages());
        }
        RequestValidator.checkLength(violations, "prompt", request.getPrompt(), limits.maxPromptLength());
        new VerifierRules(violations, limits).checkVerifiers("verifiers", request.getVerifiersList());
        violations.throwIfAny();
    }

    private List<VerifierChoice> choices(ScoreImagesRequest request) {
        List<VerifierOffer> offers = catalog.list();
        List<VerifierChoice> choices = new ArrayList<>();
        for (int i = 0; i < request.getVerifiersCount(); i++) {
            Verifier verifier = request.getVerifiers(i);
            String field = "verifiers[" + i + "].name";
            String name = catalog.resolve(field, verifier.getName(), "");
            if (choices.stream().anyMatch(choice -> choice.name().equals(name))) {
                throw new InvalidFieldException(
                        field, quoted(verifier.getName()) + " is " + name + " (expected: each verifier once)");
            }
            VerifierOffer offer = VerifierCatalog.offer(offers, name).orElse(null);
            if (offer != null) {
                VerifierRules.requireTaken("verifiers[" + i + "]", verifier, offer, offers);
            }
            if (offer != null
                    && offer.readsPrompt()
                    && request.getPrompt().isBlank()
                    && !VerifierRules.standsForThePrompt(offer, verifier.getLabel())) {
                throw new InvalidFieldException(
                        "prompt",
                        quoted(request.getPrompt()) + " (expected: the prompt, which the verifier " + name + " reads)");
            }
            choices.add(new VerifierChoice(
                    name,
                    verifier.getWeight() == 0 ? 1 : verifier.getWeight(),
                    verifier.getLabel(),
                    verifier.getInstructions()));
        }
        return choices;
    }

    private List<Picture> pictures(List<ByteString> images, BooleanSupplier stopped) {
        long most = (long) limits.maxImagePixels() * Limits.ALL_IMAGES;
        long pixels = 0;
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < images.size(); i++) {
            if (stopped.getAsBoolean()) {
                throw new CancellationException("nobody waits for the scores any more");
            }
            Picture picture;
            try {
                picture = PictureFile.decode(images.get(i).toByteArray(), limits.maxImagePixels());
            } catch (PictureException e) {
                throw new InvalidFieldException("images[" + i + "]", String.valueOf(e.getMessage()));
            }
            if (!Preprocessing.ratioFits(picture.width(), picture.height())) {
                throw new InvalidFieldException(
                        "images[" + i + "]",
                        picture.width() + " x " + picture.height() + " pixels (expected: the longer side at most "
                                + Preprocessing.MAX_RATIO + " times the shorter)");
            }
            pixels += (long) picture.width() * picture.height();
            if (pixels > most) {
                throw new InvalidFieldException(
                        "images",
                        pixels + " pixels up to images[" + i + "] (expected: at most " + most + " altogether)");
            }
            pictures.add(picture);
        }
        return pictures;
    }

    private static ScoreImagesResponse response(List<VerifierChoice> choices, PictureScoring.Scores judged) {
        List<Double> weights = choices.stream().map(VerifierChoice::weight).toList();
        double[] shares = new RankEnsemble(weights).rank(judged.scores()).shareBeaten();
        ScoreImagesResponse.Builder response = ScoreImagesResponse.newBuilder().addAllWarnings(judged.warnings());
        for (int i = 0; i < shares.length; i++) {
            ImageScore.Builder score = ImageScore.newBuilder().setEnsemble(shares[i]);
            for (int member = 0; member < weights.size(); member++) {
                score.putScores(choices.get(member).name(), judged.scores()[member][i]);
            }
            response.addScores(score);
        }
        return response.build();
    }
}

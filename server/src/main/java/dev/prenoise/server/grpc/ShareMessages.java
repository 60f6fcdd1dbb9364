package dev.prenoise.server.grpc;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Proposal;
import dev.prenoise.server.jobs.CatalogModel;
import dev.prenoise.server.jobs.SearchSpec;
import dev.prenoise.server.jobs.Share;
import dev.prenoise.server.store.VerifierChoice;
import dev.prenoise.v1.CandidateAnswer;
import dev.prenoise.v1.CandidateBatch;
import dev.prenoise.v1.CandidateNoise;
import dev.prenoise.v1.CandidateScore;
import dev.prenoise.v1.CandidatesStart;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.VerifierSearch;
import dev.prenoise.v1.WeightsIdentity;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Between shares of a search and the messages that carry them. */
final class ShareMessages {
    private ShareMessages() {}

    // --- of the sidecar that asks ---

    /** The search under the ids that things have here. */
    static CandidatesStart start(SearchSpec spec, List<WeightsPin> weights, SidecarIdentity own) {
        CandidatesStart.Builder start = CandidatesStart.newBuilder()
                .setRequest(resolved(spec))
                .setVersion(own.version())
                .setDevice(own.device())
                .setInstance(own.instance());
        weights.forEach(pin -> start.addWeights(weights(pin)));
        return start.build();
    }

    private static OptimizeNoiseRequest resolved(SearchSpec spec) {
        OptimizeNoiseRequest.Builder request;
        try {
            request = OptimizeNoiseRequest.parseFrom(spec.request()).toBuilder();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("search " + spec.id() + ": its request cannot be read", e);
        }
        request.clearSearchId().clearOutput().clearBudget();
        if (spec.model() instanceof CatalogModel model) {
            request.setBackbone(model.backbone());
            for (int i = 0; i < model.loras().size(); i++) {
                request.getLoraBuilder(i).setName(model.loras().get(i).name());
            }
        }
        List<VerifierChoice> verifiers = spec.strategy().verifiers();
        if (!verifiers.isEmpty()) {
            VerifierSearch.Builder search = request.hasVerifier()
                    ? request.getVerifierBuilder()
                    : request.getCascadeBuilder().getVerifyBuilder();
            for (int i = 0; i < verifiers.size(); i++) {
                search.getVerifiersBuilder(i).setName(verifiers.get(i).name());
            }
        }
        return request.build();
    }

    private static WeightsIdentity weights(WeightsPin pin) {
        return WeightsIdentity.newBuilder()
                .setName(pin.name())
                .setBytes(pin.bytes())
                .setStamp(pin.stamp())
                .setSha256(Objects.requireNonNullElse(pin.sha256(), ""))
                .setSettings(Objects.requireNonNullElse(pin.settings(), ""))
                .build();
    }

    static CandidateBatch batch(long id, Share share) {
        CandidateBatch.Builder batch =
                CandidateBatch.newBuilder().setBatchId(id).setEvaluator(share.evaluator());
        for (Proposal proposal : share.proposals()) {
            CandidateNoise.Builder noise =
                    batch.addNoiseBuilder().setSeed(proposal.seeded().seed());
            if (replays(proposal.recipe())) {
                noise.setRecipe(Protos.recipe(proposal.recipe()));
            } else {
                noise.setTensor(Tensors.of(proposal.noise()));
            }
        }
        return batch.build();
    }

    private static boolean replays(NoiseRecipe recipe) {
        return recipe.steps().stream().noneMatch(NoiseStep.Optimization.class::isInstance);
    }

    /**
     * @return one for each candidate of the share
     * @throws IllegalArgumentException when the answer is to another question
     */
    static List<Evaluation> evaluations(CandidateAnswer answer, Share share) {
        if (answer.getScoresCount() != share.proposals().size()) {
            throw new IllegalArgumentException("scores: " + answer.getScoresCount() + " (expected: "
                    + share.proposals().size() + ", one for each noise)");
        }
        return answer.getScoresList().stream()
                .map(score -> new Evaluation(score.getScore(), score.getTermsMap(), null))
                .toList();
    }

    // --- of the sidecar that is asked ---

    static List<WeightsPin> weights(CandidatesStart start) {
        return start.getWeightsList().stream()
                .map(pin -> new WeightsPin(
                        pin.getName(),
                        pin.getBytes(),
                        pin.getStamp(),
                        pin.getSha256().isEmpty() ? null : pin.getSha256(),
                        pin.getSettings().isEmpty() ? null : pin.getSettings()))
                .toList();
    }

    /**
     * @param batch checked
     * @param computed at once by the evaluator that is meant
     * @param base what recipes with a hash start from: the search's own noise
     * @param stopped asked before each noise
     * @throws CancellationException when {@code stopped} says so
     * @throws InvalidRequestException when a noise cannot be made again
     */
    static Share share(CandidateBatch batch, int computed, @Nullable Noise base, BooleanSupplier stopped) {
        List<Proposal> proposals = new ArrayList<>();
        for (int i = 0; i < batch.getNoiseCount(); i++) {
            if (stopped.getAsBoolean()) {
                throw new CancellationException("nobody waits for the scores any more");
            }
            proposals.add(proposal("batch.noise[" + i + "]", batch.getNoise(i), base));
        }
        return new Share(batch.getEvaluator(), computed, proposals);
    }

    private static Proposal proposal(String field, CandidateNoise noise, @Nullable Noise base) {
        if (noise.hasTensor()) {
            Noise values = Noise.of(Protos.shape(noise.getTensor().getShapeList()), Tensors.floats(noise.getTensor()));
            // its recipe is not known here, but for the seed; nothing asks for more
            NoiseRecipe recipe = NoiseRecipe.of(
                    noise.getSeed(),
                    dev.prenoise.noise.NoiseSource.TORCH_CPU,
                    noise.getTensor().getShapeList());
            return new Proposal(recipe, values);
        }
        NoiseRecipe recipe = Protos.recipe(noise.getRecipe());
        try {
            Noise made = recipe.baseSha256() == null || base == null
                    ? NoiseRecipes.replay(recipe)
                    : NoiseRecipes.replay(recipe, base);
            return new Proposal(recipe, made);
        } catch (IllegalArgumentException e) {
            Violations violations = new Violations();
            violations.add(field + ".recipe.", e);
            violations.throwIfAny();
            throw e;
        }
    }

    /**
     * @param computed at once
     */
    static CandidateAnswer answer(CandidateBatch batch, int computed, List<Evaluation> scores, List<String> warnings) {
        CandidateAnswer.Builder answer = CandidateAnswer.newBuilder()
                .setBatchId(batch.getBatchId())
                .setBatchSize(computed)
                .addAllWarnings(warnings);
        for (Evaluation score : scores) {
            answer.addScores(CandidateScore.newBuilder().setScore(score.score()).putAllTerms(score.terms()));
        }
        return answer.build();
    }
}

package dev.prenoise.server.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Duration;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Lora;
import dev.prenoise.v1.NoiseRecipe;
import dev.prenoise.v1.NoiseSource;
import dev.prenoise.v1.NoiseStep;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Progress;
import dev.prenoise.v1.Sampling;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * {@code result.json}: what was asked, what was found, how to use it. Names are the wire contract's. Seeds are whole numbers up to 64 bits.
 * A score that is not finite is null.
 */
final class ResultJson {
    private static final Gson GSON = new GsonBuilder()
            .setPrettyPrinting()
            .disableHtmlEscaping()
            .serializeNulls()
            .create();

    private ResultJson() {}

    /**
     * @param files names of the files beside it
     */
    static String of(SearchResult result, List<String> files) {
        OptimizeNoiseRequest request = result.request();
        JsonObject json = new JsonObject();
        json.addProperty("version", ProductVersion.get());
        json.addProperty("search_id", result.accepted().getSearchId());
        json.addProperty("prompt", request.getPrompt().getText());
        if (!request.getPrompt().getNegativeText().isEmpty()) {
            json.addProperty("negative_prompt", request.getPrompt().getNegativeText());
        }
        json.add("subjects", array(result.accepted().getSubjectsList(), ResultJson::subject));
        json.addProperty("backbone", result.accepted().getBackbone());
        if (request.getLoraCount() > 0) {
            json.add("loras", array(request.getLoraList(), ResultJson::lora));
        }
        List<String> warnings = new ArrayList<>(result.accepted().getWarningsList());
        warnings.addAll(result.summary().getWarningsList());
        if (!warnings.isEmpty()) {
            json.add("warnings", array(warnings, JsonPrimitive::new));
        }
        json.add("noise_shape", array(result.accepted().getNoiseShapeList(), JsonPrimitive::new));
        json.add("sampling", sampling(request));
        json.add("strategy", strategy(result));
        json.add("seed", seed(request.getSeed()));
        json.addProperty("score_is_loss", result.winner().getScoreIsLoss());
        json.add("baseline", candidate(result, result.baseline()));
        json.add("winner", candidate(result, result.winner()));
        json.add("use", use(result.winner().getRecipe()));
        json.add("candidates", array(result.ranked(), candidate -> candidate(result, candidate)));
        json.add("spent", spent(result.summary().getSpent()));
        json.addProperty("stop_reason", WireNames.of(result.summary().getStopReason()));
        json.add("files", array(files, JsonPrimitive::new));
        return GSON.toJson(json) + "\n";
    }

    static JsonObject recipe(NoiseRecipe recipe) {
        JsonObject json = new JsonObject();
        json.add("seed", seed(recipe.getSeed()));
        json.addProperty("source", WireNames.of(recipe.getSource()));
        json.add("shape", array(recipe.getShapeList(), JsonPrimitive::new));
        json.add("steps", array(recipe.getStepsList(), ResultJson::step));
        if (!recipe.getBaseSha256().isEmpty()) {
            json.addProperty("base_sha256", recipe.getBaseSha256());
        }
        return json;
    }

    private static JsonObject lora(Lora lora) {
        double strength = lora.hasStrength() ? lora.getStrength() : 1;
        JsonObject json = new JsonObject();
        json.addProperty("name", lora.getName());
        json.addProperty("strength", strength);
        json.addProperty("text_strength", lora.hasTextStrength() ? lora.getTextStrength() : strength);
        return json;
    }

    private static JsonObject subject(Subject subject) {
        JsonObject json = new JsonObject();
        json.addProperty("text", subject.getText());
        json.add("attributes", array(subject.getAttributesList(), JsonPrimitive::new));
        json.add("token_indices", array(subject.getTokenIndicesList(), JsonPrimitive::new));
        return json;
    }

    /** As asked: 0 and "" are the backbone's own. */
    private static JsonObject sampling(OptimizeNoiseRequest request) {
        Sampling sampling = request.getSampling();
        JsonObject json = new JsonObject();
        json.addProperty("width", request.getWidth());
        json.addProperty("height", request.getHeight());
        json.addProperty("sampler", sampling.getSampler());
        json.addProperty("schedule", sampling.getSchedule());
        json.addProperty("steps", sampling.getSteps());
        json.addProperty("guidance_scale", sampling.getGuidanceScale());
        return json;
    }

    private static JsonObject strategy(SearchResult result) {
        OptimizeNoiseRequest request = result.request();
        return switch (request.getStrategyCase()) {
            case VERIFIER -> strategy(request.getVerifier(), result.accepted());
            case CASCADE -> {
                JsonObject json = new JsonObject();
                json.add("screen", strategy(request.getCascade().getScreen()));
                json.addProperty("keep", request.getCascade().getKeep());
                json.add("verify", strategy(request.getCascade().getVerify(), result.accepted()));
                yield json;
            }
            default -> strategy(request.getAttention());
        };
    }

    /** As asked: 0 is the service's own default. Verifiers by the names that theirs stand for. */
    private static JsonObject strategy(VerifierSearch search, Accepted accepted) {
        JsonObject json = new JsonObject();
        json.addProperty("search", WireNames.of(search.getAlgorithm()));
        json.add("verifiers", array(accepted.getVerifiersList(), ResultJson::verifier));
        json.addProperty("steps", search.getSteps());
        json.addProperty("neighbors", search.getNeighbors());
        json.addProperty("step_size", search.getStepSize());
        json.addProperty("restart_after", search.getRestartAfter());
        json.addProperty("initial_paths", search.getPaths().getInitialPaths());
        json.addProperty("width", search.getPaths().getWidth());
        return json;
    }

    private static JsonObject verifier(Verifier verifier) {
        JsonObject json = new JsonObject();
        json.addProperty("name", verifier.getName());
        json.addProperty("weight", verifier.getWeight());
        if (!verifier.getLabel().isEmpty()) {
            json.addProperty("label", verifier.getLabel());
        }
        if (!verifier.getInstructions().isEmpty()) {
            json.addProperty("instructions", verifier.getInstructions());
        }
        return json;
    }

    private static JsonObject strategy(AttentionRanking ranking) {
        JsonObject json = new JsonObject();
        json.addProperty("loss", WireNames.of(ranking.getLoss()));
        json.addProperty("form", WireNames.of(ranking.getForm()));
        json.addProperty("optimize", ranking.getOptimize());
        if (ranking.getThen() != AttentionLoss.ATTENTION_LOSS_UNSPECIFIED) {
            json.addProperty("then", WireNames.of(ranking.getThen()));
        }
        return json;
    }

    private static JsonObject candidate(SearchResult result, Candidate candidate) {
        JsonObject json = new JsonObject();
        json.addProperty("rank", result.rankOf(candidate));
        json.addProperty("index", candidate.getIndex());
        json.add("score", number(candidate.getScore()));
        JsonObject terms = new JsonObject();
        new TreeMap<>(candidate.getTermsMap()).forEach((name, value) -> terms.add(name, number(value)));
        json.add("terms", terms);
        json.addProperty("plain_seed", SearchResult.isPlainSeed(candidate.getRecipe()));
        json.add("recipe", recipe(candidate.getRecipe()));
        return json;
    }

    private static JsonObject step(NoiseStep step) {
        JsonObject json = new JsonObject();
        if (step.hasPerturbation()) {
            json.addProperty("kind", "perturbation");
            json.add("seed", seed(step.getPerturbation().getSeed()));
            json.addProperty("step_size", step.getPerturbation().getStepSize());
        } else {
            json.addProperty("kind", "optimization");
            json.addProperty("algorithm", step.getOptimization().getAlgorithm());
            json.addProperty("loss_evaluations", step.getOptimization().getLossEvaluations());
        }
        return json;
    }

    private static JsonObject use(NoiseRecipe recipe) {
        String seed = Long.toUnsignedString(recipe.getSeed());
        JsonObject json = new JsonObject();
        if (!SearchResult.isPlainSeed(recipe)) {
            String noise =
                    "no seed gives this noise: load " + SearchReport.NOISE + " (tensor \"noise\", unit variance)";
            json.addProperty("comfyui", noise);
            json.addProperty("a1111", noise);
        } else if (recipe.getSource() == NoiseSource.NOISE_SOURCE_NV_PHILOX) {
            json.addProperty("comfyui", "ComfyUI does not draw this seed's noise: load " + SearchReport.NOISE);
            json.addProperty("a1111", "seed " + seed + ", random number generator source NV, same size and model");
        } else {
            json.addProperty("comfyui", "KSampler: seed " + seed + ", same size and model");
            json.addProperty("a1111", "seed " + seed + ", random number generator source CPU, same size and model");
        }
        return json;
    }

    private static JsonObject spent(Progress spent) {
        Duration elapsed = spent.getElapsed();
        JsonObject json = new JsonObject();
        json.addProperty("loss_evaluations", spent.getLossEvaluations());
        json.addProperty("function_evaluations", spent.getFunctionEvaluations());
        json.addProperty("denoiser_calls", spent.getDenoiserCalls());
        json.addProperty("batch_rows", spent.getBatchRows());
        json.addProperty("seconds", elapsed.getSeconds() + elapsed.getNanos() / 1e9);
        return json;
    }

    private static JsonElement seed(long seed) {
        return new JsonPrimitive(new BigInteger(Long.toUnsignedString(seed)));
    }

    private static JsonElement number(double value) {
        return Double.isFinite(value) ? new JsonPrimitive(value) : JsonNull.INSTANCE;
    }

    private static <T> JsonArray array(Collection<T> values, Function<T, ? extends JsonElement> toJson) {
        JsonArray array = new JsonArray();
        values.stream().map(toJson).forEach(array::add);
        return array;
    }
}

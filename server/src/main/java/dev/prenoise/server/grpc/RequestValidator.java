package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import com.google.protobuf.Duration;
import com.google.protobuf.ProtocolMessageEnum;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Cascade;
import dev.prenoise.v1.Conditioning;
import dev.prenoise.v1.EvaluateAttentionRequest;
import dev.prenoise.v1.FindSubjectsRequest;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.Lora;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.NoiseRecipe;
import dev.prenoise.v1.NoiseSource;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.PromptWeighting;
import dev.prenoise.v1.SampleNoiseRequest;
import dev.prenoise.v1.Sampling;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Reads requests for what is wrong with them, all of it, before any work. What only an open model can know (sizes it takes, subjects of the
 * prompt, names of samplers) it finds itself when the search begins.
 */
final class RequestValidator {
    private static final Pattern SEARCH_ID = Pattern.compile("[A-Za-z0-9._:-]{1,128}");
    private static final int MAX_NAME_LENGTH = 64;
    private static final int MAX_ATTRIBUTES = 16;
    private static final int MAX_TOKENS = 77 * 64;
    private static final int MAX_BEST = 64;
    private static final int MAX_KEPT = 1024;
    private static final int MAX_CLIP_SKIP = 12;
    private static final int MAX_LORAS = 16;
    private static final int MAX_FILE_NAME_LENGTH = 1024;
    private static final int TIME_IDS = 6;
    private static final double LARGEST_TIME_ID = 1e6;
    private static final double LARGEST_STRENGTH = 10;
    private static final double MAX_GUIDANCE_SCALE = 1000;
    private static final float LARGEST_NOISE = 1000;

    /** Bounds the time of a SampleNoise, which nothing interrupts, to some seconds. */
    private static final int DRAWS_PER_VALUE = 16;

    private static final String SEARCH_ID_FORM = "1 to 128 letters, digits, \".\", \"_\", \":\" or \"-\"";

    private final Limits limits;

    RequestValidator(Limits limits) {
        this.limits = limits;
    }

    /**
     * @throws InvalidRequestException with every bad field
     */
    void check(OptimizeNoiseRequest request) {
        Violations violations = new Violations();
        if (request.getPrompt().getText().isBlank() && !request.getPrompt().hasConditioning()) {
            violations.add(
                    "prompt.text", quoted(request.getPrompt().getText()), "not empty, or prompt.conditioning set");
        }
        check(violations, request);
        violations.throwIfAny();
    }

    /**
     * @throws InvalidRequestException with every bad field
     */
    void check(HostStart start) {
        Violations ofRequest = new Violations();
        check(ofRequest, start.getRequest());
        Violations violations = new Violations();
        violations.addAll(HostRules.REQUEST, ofRequest);
        new HostRules(violations, limits).check(start);
        violations.throwIfAny();
    }

    /**
     * @throws InvalidRequestException with every bad field
     */
    void check(FindSubjectsRequest request) {
        Violations violations = new Violations();
        Prompt prompt = request.getPrompt();
        checkLength(violations, "prompt.text", prompt.getText(), limits.maxPromptLength());
        checkWeighting(violations, prompt);
        checkSubjects(violations, "prompt.subjects", prompt.getSubjectsList(), false);
        for (int i = 0; i < prompt.getSubjectsCount(); i++) {
            int indices = prompt.getSubjects(i).getTokenIndicesCount();
            if (indices > 0) {
                violations.add(
                        "prompt.subjects[" + i + "].token_indices",
                        indices + " of them",
                        "none: subjects are looked up by their words");
            }
        }
        violations.throwIfAny();
    }

    private void check(Violations violations, OptimizeNoiseRequest request) {
        if (!request.getSearchId().isEmpty()) {
            checkSearchId(violations, request.getSearchId());
        }
        checkPrompt(violations, request.getPrompt(), !request.hasVerifier());
        checkLoras(violations, request.getLoraList());
        checkRange(violations, "width", request.getWidth(), limits.maxSide());
        checkRange(violations, "height", request.getHeight(), limits.maxSide());
        checkKnown(
                violations,
                "noise_source",
                request.getNoiseSource(),
                request.getNoiseSourceValue(),
                NoiseSource.values());
        checkNoise(violations, request);
        checkSampling(violations, request.getSampling());
        checkStrategy(violations, request);
        checkBudget(violations, request);
        checkOutput(violations, request.getOutput());
    }

    /**
     * @throws InvalidRequestException with every bad field
     */
    void check(SampleNoiseRequest request) {
        Violations violations = new Violations();
        int count = request.getRecipesCount();
        if (count < 1 || count > limits.maxRecipes()) {
            violations.add("recipes", count + " of them", "1 to " + limits.maxRecipes());
            violations.throwIfAny();
        }
        long values = 0;
        double draws = 0;
        for (int i = 0; i < count; i++) {
            NoiseRecipe recipe = request.getRecipes(i);
            String field = "recipes[" + i + "]";
            checkKnown(
                    violations, field + ".source", recipe.getSource(), recipe.getSourceValue(), NoiseSource.values());
            if (!recipe.getBaseSha256().isEmpty()) {
                violations.add(
                        field + ".base_sha256",
                        quoted(recipe.getBaseSha256()),
                        "empty: the tensor it names is not here");
            }
            for (int j = 0; j < recipe.getStepsCount(); j++) {
                if (!recipe.getSteps(j).hasPerturbation()) {
                    violations.add(
                            field + ".steps[" + j + "]",
                            recipe.getSteps(j).hasOptimization() ? "optimization" : "not set",
                            "perturbation: only that replays from numbers");
                }
            }
            try {
                NoiseRecipes.validate(Protos.recipe(recipe), limits.maxNoiseValues());
                long size = dev.prenoise.noise.Noise.sizeOf(Protos.shape(recipe.getShapeList()));
                values += size;
                // Each step draws a direction of the noise's size.
                draws += (double) size * (1 + recipe.getStepsCount());
            } catch (IllegalArgumentException e) {
                violations.add(field + ".", e);
            }
        }
        if (values > limits.maxNoiseValues()) {
            violations.add("recipes", values + " values altogether", "at most " + limits.maxNoiseValues());
        } else if (draws > (double) limits.maxNoiseValues() * DRAWS_PER_VALUE) {
            violations.add(
                    "recipes",
                    String.format(Locale.ROOT, "%.0f random numbers, those of every step counted", draws),
                    "at most " + (long) limits.maxNoiseValues() * DRAWS_PER_VALUE);
        }
        violations.throwIfAny();
    }

    /**
     * @throws InvalidRequestException with every bad field
     */
    void check(EvaluateAttentionRequest request) {
        Violations violations = new Violations();
        checkLoss(violations, "loss", request.getLoss(), request.getLossValue());
        checkKnown(violations, "form", request.getForm(), request.getFormValue(), LossForm.values());
        Tensor cross = request.getAttention().getCrossAttention();
        boolean readable = Tensors.check(violations, "attention.cross_attention", cross, "[H, W, T]");
        if (readable && cross.getShape(2) < 3) {
            violations.add("attention.cross_attention.shape", Tensors.shapeText(cross), "at least 3 tokens");
        }
        checkSelfAttention(violations, request, readable);
        if (request.hasPreviousCross()) {
            boolean previous = Tensors.check(violations, "previous_cross", request.getPreviousCross(), "[H, W, T]");
            if (previous
                    && readable
                    && !request.getPreviousCross().getShapeList().equals(cross.getShapeList())) {
                violations.add(
                        "previous_cross.shape",
                        Tensors.shapeText(request.getPreviousCross()),
                        Tensors.shapeText(cross) + ", that of attention.cross_attention");
            }
        }
        if (request.getEndOfTextIndex() < 0) {
            violations.add("end_of_text_index", request.getEndOfTextIndex(), ">= 0");
        }
        if (request.getSubjectsCount() == 0) {
            violations.add("subjects", "empty", "at least one");
        }
        checkSubjects(violations, "subjects", request.getSubjectsList(), true);
        violations.throwIfAny();
    }

    /**
     * @throws InvalidRequestException when it cannot be the id of a search
     */
    void checkSearchId(String id) {
        Violations violations = new Violations();
        checkSearchId(violations, id);
        violations.throwIfAny();
    }

    private static void checkSearchId(Violations violations, String id) {
        if (!SEARCH_ID.matcher(id).matches()) {
            violations.add("search_id", quoted(id), SEARCH_ID_FORM);
        }
    }

    private static void checkNoise(Violations violations, OptimizeNoiseRequest request) {
        if (!request.hasNoise() || !Tensors.check(violations, "noise", request.getNoise(), "[1, C, H, W]")) {
            return;
        }
        float[] values = Tensors.floats(request.getNoise());
        for (int i = 0; i < values.length; i++) {
            if (Math.abs(values[i]) > LARGEST_NOISE) {
                violations.add("noise.data[" + i + "]", values[i], "of unit variance, so -1000 to 1000");
                return;
            }
        }
    }

    /**
     * @param attends whether the search reads attention, which is a subject's
     */
    private void checkPrompt(Violations violations, Prompt prompt, boolean attends) {
        checkLength(violations, "prompt.text", prompt.getText(), limits.maxPromptLength());
        checkLength(violations, "prompt.negative_text", prompt.getNegativeText(), limits.maxPromptLength());
        // Without a text there is nothing to find a subject in.
        boolean indexed = prompt.hasConditioning() && prompt.getText().isBlank();
        checkSubjects(violations, "prompt.subjects", prompt.getSubjectsList(), indexed);
        checkWeighting(violations, prompt);
        checkRange(violations, "prompt.clip_skip", prompt.getClipSkip(), MAX_CLIP_SKIP);
        if (prompt.hasConditioning()) {
            checkConditioning(violations, prompt);
        }
        if (attends && indexed && prompt.getSubjectsCount() == 0) {
            violations.add(
                    "prompt.subjects", "empty", "at least one with token_indices, as there is no text to find any in");
        }
    }

    private static void checkWeighting(Violations violations, Prompt prompt) {
        checkKnown(
                violations,
                "prompt.weighting",
                prompt.getWeighting(),
                prompt.getWeightingValue(),
                PromptWeighting.values());
    }

    private static void checkConditioning(Violations violations, Prompt prompt) {
        String field = "prompt.conditioning";
        Conditioning conditioning = prompt.getConditioning();
        if (!conditioning.hasEmbeddings()) {
            violations.add(field + ".embeddings", "not set", "[1, T, D]");
            return;
        }
        boolean readable = Tensors.check(violations, field + ".embeddings", conditioning.getEmbeddings(), "[1, T, D]");
        if (conditioning.hasPooled()) {
            Tensors.check(violations, field + ".pooled", conditioning.getPooled(), "[1, P]");
        }
        if (conditioning.hasNegativeEmbeddings()) {
            Tensors.check(
                    violations, field + ".negative_embeddings", conditioning.getNegativeEmbeddings(), "[1, T, D]");
        }
        if (conditioning.hasNegativePooled()) {
            Tensors.check(violations, field + ".negative_pooled", conditioning.getNegativePooled(), "[1, P]");
        }
        checkTimeIds(violations, conditioning.getTimeIdsList());
        if (readable) {
            checkTokenIndices(
                    violations,
                    prompt.getSubjectsList(),
                    conditioning.getEmbeddings().getShape(1));
        }
    }

    private static void checkTimeIds(Violations violations, List<Double> timeIds) {
        String field = "prompt.conditioning.time_ids";
        if (!timeIds.isEmpty() && timeIds.size() != TIME_IDS) {
            violations.add(
                    field,
                    timeIds.size() + " of them",
                    TIME_IDS + ": original height, width, crop top, left, target height, width; or none");
        }
        for (int i = 0; i < Math.min(TIME_IDS, timeIds.size()); i++) {
            if (!(Math.abs(timeIds.get(i)) <= LARGEST_TIME_ID)) {
                violations.add(field + "[" + i + "]", timeIds.get(i), "pixels, so finite and at most 1000000");
                return;
            }
        }
    }

    private static void checkTokenIndices(Violations violations, List<Subject> subjects, long tokens) {
        if (tokens > MAX_TOKENS) {
            violations.add("prompt.conditioning.embeddings.shape[1]", tokens, "at most " + MAX_TOKENS + " tokens");
        }
        for (int i = 0; i < subjects.size(); i++) {
            for (int j = 0; j < subjects.get(i).getTokenIndicesCount(); j++) {
                int index = subjects.get(i).getTokenIndices(j);
                if (index >= tokens) {
                    violations.add(
                            "prompt.subjects[" + i + "].token_indices[" + j + "]",
                            index,
                            "less than the " + tokens + " tokens of prompt.conditioning.embeddings");
                    return;
                }
            }
        }
    }

    private static void checkLoras(Violations violations, List<Lora> loras) {
        if (loras.size() > MAX_LORAS) {
            violations.add("lora", loras.size() + " of them", "at most " + MAX_LORAS);
            return;
        }
        for (int i = 0; i < loras.size(); i++) {
            Lora lora = loras.get(i);
            String field = "lora[" + i + "]";
            if (lora.getName().isEmpty()) {
                violations.add(field + ".name", quoted(""), "a name of GetCapabilities.loras");
            }
            checkLength(violations, field + ".name", lora.getName(), MAX_FILE_NAME_LENGTH);
            checkStrength(violations, field + ".strength", lora.getStrength());
            checkStrength(violations, field + ".text_strength", lora.getTextStrength());
        }
    }

    private static void checkStrength(Violations violations, String field, double strength) {
        // Negated, so that NaN is refused too.
        if (!(Math.abs(strength) <= LARGEST_STRENGTH)) {
            violations.add(field, strength, "-10 to 10");
        }
    }

    /**
     * @param indexed whether there is no text to find them in, so that each must carry its token indices
     */
    private void checkSubjects(Violations violations, String field, List<Subject> subjects, boolean indexed) {
        if (subjects.size() > limits.maxSubjects()) {
            violations.add(field, subjects.size() + " of them", "at most " + limits.maxSubjects());
            return;
        }
        for (int i = 0; i < subjects.size(); i++) {
            checkSubject(violations, field + "[" + i + "]", subjects.get(i), indexed);
        }
    }

    private void checkSubject(Violations violations, String field, Subject subject, boolean indexed) {
        checkLength(violations, field + ".text", subject.getText(), limits.maxPromptLength());
        if (indexed && subject.getTokenIndicesCount() == 0) {
            violations.add(field + ".token_indices", "empty", "at least one");
        }
        if (!indexed && subject.getText().isBlank() && subject.getTokenIndicesCount() == 0) {
            violations.add(field + ".text", quoted(subject.getText()), "not empty, or token_indices set");
        }
        if (subject.getAttributesCount() > MAX_ATTRIBUTES) {
            violations.add(
                    field + ".attributes", subject.getAttributesCount() + " of them", "at most " + MAX_ATTRIBUTES);
            return;
        }
        for (int j = 0; j < subject.getAttributesCount(); j++) {
            String attribute = subject.getAttributes(j);
            if (attribute.isBlank()) {
                violations.add(field + ".attributes[" + j + "]", quoted(attribute), "not empty");
            }
            checkLength(violations, field + ".attributes[" + j + "]", attribute, limits.maxPromptLength());
        }
        if (subject.getTokenIndicesCount() > MAX_TOKENS) {
            violations.add(
                    field + ".token_indices", subject.getTokenIndicesCount() + " of them", "at most " + MAX_TOKENS);
            return;
        }
        for (int j = 0; j < subject.getTokenIndicesCount(); j++) {
            if (subject.getTokenIndices(j) < 1) {
                violations.add(
                        field + ".token_indices[" + j + "]", subject.getTokenIndices(j), ">= 1, as position 0 is BOS");
            }
        }
    }

    private void checkSampling(Violations violations, Sampling sampling) {
        checkLength(violations, "sampling.sampler", sampling.getSampler(), MAX_NAME_LENGTH);
        checkLength(violations, "sampling.schedule", sampling.getSchedule(), MAX_NAME_LENGTH);
        checkRange(violations, "sampling.steps", sampling.getSteps(), limits.maxSteps());
        double guidance = sampling.getGuidanceScale();
        // Negated, so that NaN is refused too.
        if (!(guidance >= 0 && guidance <= MAX_GUIDANCE_SCALE)) {
            violations.add("sampling.guidance_scale", guidance, "0 to " + (int) MAX_GUIDANCE_SCALE);
        }
        checkSigmas(violations, sampling.getSigmasList());
    }

    private void checkSigmas(Violations violations, List<Double> sigmas) {
        if (sigmas.size() > limits.maxSteps() + 1) {
            violations.add("sampling.sigmas", sigmas.size() + " of them", "at most " + (limits.maxSteps() + 1));
            return;
        }
        for (int i = 0; i < sigmas.size(); i++) {
            double sigma = sigmas.get(i);
            String field = "sampling.sigmas[" + i + "]";
            if (!Double.isFinite(sigma) || sigma < 0 || i == 0 && sigma == 0) {
                violations.add(field, sigma, i == 0 ? "finite and > 0" : "finite and >= 0");
                return;
            }
            if (i > 0 && sigma >= sigmas.get(i - 1)) {
                violations.add(field, sigma, "less than the one before, " + sigmas.get(i - 1));
                return;
            }
        }
    }

    private void checkStrategy(Violations violations, OptimizeNoiseRequest request) {
        switch (request.getStrategyCase()) {
            case ATTENTION -> checkRanking(violations, "attention", request.getAttention());
            case VERIFIER -> new VerifierRules(violations, limits).check("verifier", request.getVerifier());
            case CASCADE -> checkCascade(violations, request.getCascade());
            default -> violations.add("strategy", "not set", "attention, verifier or cascade");
        }
    }

    private void checkCascade(Violations violations, Cascade cascade) {
        AttentionRanking screen = cascade.getScreen();
        checkRanking(violations, "cascade.screen", screen);
        if (screen.getOptimize()) {
            violations.add("cascade.screen.optimize", true, "false: noise is screened as it is drawn");
        }
        if (screen.getThen() != AttentionLoss.ATTENTION_LOSS_UNSPECIFIED) {
            violations.add("cascade.screen.then", screen.getThen(), "not set: the verifiers are the second stage");
        }
        checkRange(violations, "cascade.keep", cascade.getKeep(), MAX_KEPT);
        new VerifierRules(violations, limits).check("cascade.verify", cascade.getVerify());
    }

    private static void checkRanking(Violations violations, String field, AttentionRanking ranking) {
        checkLoss(violations, field + ".loss", ranking.getLoss(), ranking.getLossValue());
        checkKnown(violations, field + ".form", ranking.getForm(), ranking.getFormValue(), LossForm.values());
        checkKnown(violations, field + ".then", ranking.getThen(), ranking.getThenValue(), AttentionLoss.values());
    }

    private void checkBudget(Violations violations, OptimizeNoiseRequest request) {
        Budget budget = request.getBudget();
        if (request.hasVerifier()) {
            new VerifierRules(violations, limits).checkBudget(budget);
        }
        checkPictures(violations, budget, request.hasAttention());
        checkRange(violations, "budget.loss_evaluations", budget.getLossEvaluations(), limits.maxLossEvaluations());
        checkRange(
                violations,
                "budget.function_evaluations",
                budget.getFunctionEvaluations(),
                limits.maxFunctionEvaluations());
        Duration time = budget.getWallTime();
        long most = limits.maxWallTime().toSeconds();
        if (time.getSeconds() < 0 || time.getNanos() < 0 || time.getNanos() > 999_999_999) {
            violations.add("budget.wall_time", time.getSeconds() + " s " + time.getNanos() + " ns", ">= 0");
        } else if (time.getSeconds() > most || time.getSeconds() == most && time.getNanos() > 0) {
            violations.add("budget.wall_time", time.getSeconds() + " s", "at most " + most + " s");
        }
    }

    private void checkPictures(Violations violations, Budget budget, boolean attention) {
        String field = "budget.pictures";
        checkRange(violations, field, budget.getPictures(), limits.maxFunctionEvaluations() / limits.maxSteps());
        if (budget.getPictures() != 0 && budget.getFunctionEvaluations() != 0) {
            violations.add(field, budget.getPictures(), "0 where function_evaluations is set, which counts the same");
        }
        if (budget.getPictures() != 0 && attention) {
            violations.add(
                    field, budget.getPictures(), "0, as an attention ranking draws none: loss_evaluations limits it");
        }
    }

    private static void checkOutput(Violations violations, Output output) {
        checkRange(violations, "output.best", output.getBest(), MAX_BEST);
        checkKnown(violations, "output.noise", output.getNoise(), output.getNoiseValue(), Include.values());
        checkKnown(violations, "output.preview", output.getPreview(), output.getPreviewValue(), Include.values());
    }

    private static void checkSelfAttention(
            Violations violations, EvaluateAttentionRequest request, boolean crossReadable) {
        if (!request.getAttention().hasSelfAttention()) {
            boolean read = request.getLoss() == AttentionLoss.ATTENTION_LOSS_INITNO
                    || request.getLoss() == AttentionLoss.ATTENTION_LOSS_SELF_CROSS;
            if (read) {
                violations.add(
                        "attention.self_attention", "not set", "[H, W, H*W], which " + request.getLoss() + " reads");
            }
            return;
        }
        Tensor cross = request.getAttention().getCrossAttention();
        Tensor self = request.getAttention().getSelfAttention();
        boolean readable = Tensors.check(violations, "attention.self_attention", self, "[H, W, H*W]");
        if (!readable || !crossReadable) {
            return;
        }
        long rows = cross.getShape(0);
        long columns = cross.getShape(1);
        if (!self.getShapeList().equals(List.of(rows, columns, rows * columns))) {
            violations.add(
                    "attention.self_attention.shape",
                    Tensors.shapeText(self),
                    List.of(rows, columns, rows * columns).toString());
        }
    }

    private static void checkLoss(Violations violations, String field, AttentionLoss loss, int number) {
        if (Protos.lossName(loss) == null) {
            violations.add(
                    field,
                    loss == AttentionLoss.UNRECOGNIZED ? number : loss,
                    "ATTENTION_LOSS_INITNO, _CONFORM, _SELF_CROSS or _ATTEND_AND_EXCITE");
        }
    }

    /** The last of an enum's values is the one that generated code has for numbers it does not know. */
    static <E extends Enum<E> & ProtocolMessageEnum> void checkKnown(
            Violations violations, String field, E value, int number, E[] values) {
        if (value == values[values.length - 1]) {
            violations.add(field, number, "0 to " + (values.length - 2));
        }
    }

    static void checkRange(Violations violations, String field, int value, int most) {
        if (value < 0) {
            violations.add(field, value, ">= 0");
        } else if (value > most) {
            violations.add(field, value, "at most " + most);
        }
    }

    static void checkLength(Violations violations, String field, String text, int most) {
        if (text.length() > most) {
            violations.add(field, text.length() + " characters", "at most " + most);
        }
    }
}

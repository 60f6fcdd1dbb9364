package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import dev.prenoise.v1.HostSampler;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.VerifierSearch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is wrong with what a host says of itself, and with a request that is to be evaluated by it. Belongs to {@link RequestValidator}. */
final class HostRules {
    /** Where the request stands in the first message. */
    static final String REQUEST = "start.request.";

    private static final int MAX_BATCH = 1024;
    private static final int MAX_MODEL_LENGTH = 1024;
    private static final int MAX_ROWS = 64;

    /** A path goes down at least twice and up once. */
    private static final int LEAST_SIGMAS = 4;

    private final Violations violations;
    private final Limits limits;

    HostRules(Violations violations, Limits limits) {
        this.violations = violations;
        this.limits = limits;
    }

    void check(HostStart start) {
        checkRequest(start.getRequest());
        boolean shaped = checkShape(start.getNoiseShapeList());
        OptimizeNoiseRequest request = start.getRequest();
        if (shaped && request.hasNoise() && !request.getNoise().getShapeList().equals(start.getNoiseShapeList())) {
            violations.add(
                    REQUEST + "noise.shape",
                    Tensors.shapeText(request.getNoise()),
                    start.getNoiseShapeList() + ", that of start.noise_shape");
        }
        RequestValidator.checkRange(violations, "start.max_batch", start.getMaxBatch(), MAX_BATCH);
        RequestValidator.checkLength(violations, "start.model", start.getModel(), MAX_MODEL_LENGTH);
        if (!start.getGradients() && needsGradients(request) != null) {
            violations.add("start.gradients", false, "true, which " + needsGradients(request) + " needs");
        }
        checkSampler(start);
    }

    private static @Nullable String needsGradients(OptimizeNoiseRequest request) {
        if (request.getAttention().getOptimize()) {
            return "attention.optimize";
        }
        return algorithm(request) == SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER ? "first-order search" : null;
    }

    private static SearchAlgorithm algorithm(OptimizeNoiseRequest request) {
        return search(request).getAlgorithm();
    }

    /** The default one where no picture is judged. */
    static VerifierSearch search(OptimizeNoiseRequest request) {
        return request.hasCascade() ? request.getCascade().getVerify() : request.getVerifier();
    }

    // ---- the request ----

    private void checkRequest(OptimizeNoiseRequest request) {
        if (!request.getBackbone().isEmpty()) {
            violations.add(
                    REQUEST + "backbone", quoted(request.getBackbone()), "empty, as the host's model is searched on");
        }
        if (request.getLoraCount() > 0) {
            violations.add(REQUEST + "lora", request.getLoraCount() + " of them", "none: the host's model has its own");
        }
        Prompt prompt = request.getPrompt();
        if (prompt.hasConditioning()) {
            violations.add(REQUEST + "prompt.conditioning", "set", "not set, as the host's model is told by the host");
        }
        if (!request.hasVerifier()) {
            checkSubjects(prompt);
        }
    }

    private void checkSubjects(Prompt prompt) {
        if (prompt.getSubjectsCount() == 0) {
            violations.add(
                    REQUEST + "prompt.subjects", "empty", "at least one with token_indices, as attention is read");
        }
        for (int i = 0; i < prompt.getSubjectsCount(); i++) {
            if (prompt.getSubjects(i).getTokenIndicesCount() == 0) {
                violations.add(
                        REQUEST + "prompt.subjects[" + i + "].token_indices",
                        "empty",
                        "at least one: the host tokenises itself, and FindSubjects says which words to look at");
            }
        }
    }

    // ---- the host ----

    private boolean checkShape(List<Long> shape) {
        boolean fits = shape.size() == 4 && shape.get(0) == 1 && shape.stream().allMatch(n -> n >= 1);
        long values = fits ? 1 : 0;
        for (int i = 0; fits && i < 4 && values <= limits.maxNoiseValues(); i++) {
            values *= Math.min(shape.get(i), limits.maxNoiseValues() + 1L);
        }
        if (!fits) {
            violations.add(
                    "start.noise_shape",
                    shape.size() <= 8 ? shape : shape.size() + " dimensions",
                    "[1, C, H, W], each at least 1");
        } else if (values > limits.maxNoiseValues()) {
            violations.add("start.noise_shape", shape, "at most " + limits.maxNoiseValues() + " values");
        }
        return fits;
    }

    private void checkSampler(HostStart start) {
        OptimizeNoiseRequest request = start.getRequest();
        boolean judged = request.hasVerifier() || request.hasCascade();
        if (!start.hasSampler()) {
            if (judged) {
                violations.add("start.sampler", "not set", "set, as pictures are judged");
            }
            return;
        }
        HostSampler sampler = start.getSampler();
        String field = "start.sampler.";
        RequestValidator.checkRange(violations, field + "calls", sampler.getCalls(), 2 * limits.maxSteps());
        if (judged && sampler.getCalls() == 0 && request.getSampling().getSteps() == 0) {
            violations.add(field + "calls", 0, "at least 1, or start.request.sampling.steps set");
        }
        RequestValidator.checkRange(violations, field + "rows", sampler.getRows(), MAX_ROWS);
        RequestValidator.checkRange(
                violations, field + "gradient_calls", sampler.getGradientCalls(), 2 * limits.maxSteps());
        checkWalk(request, sampler);
    }

    private void checkWalk(OptimizeNoiseRequest request, HostSampler sampler) {
        SearchAlgorithm algorithm = algorithm(request);
        boolean walks = algorithm == SearchAlgorithm.SEARCH_ALGORITHM_PATHS
                || algorithm == SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS;
        List<Double> sigmas = sampler.getSigmasList();
        String field = "start.sampler.sigmas";
        if (sigmas.isEmpty()) {
            if (walks) {
                violations.add(field, "empty", "at least " + LEAST_SIGMAS + ", which search over paths walks between");
            }
            return;
        }
        boolean flow = sampler.getPrediction().equals("flow");
        if (Protos.prediction(sampler.getPrediction()) == null) {
            violations.add("start.sampler.prediction", quoted(sampler.getPrediction()), "\"eps\", \"v\" or \"flow\"");
        }
        if (walks && sigmas.size() < LEAST_SIGMAS || sigmas.size() > limits.maxSteps() + 1) {
            violations.add(
                    field, sigmas.size() + " of them", (walks ? LEAST_SIGMAS : 1) + " to " + (limits.maxSteps() + 1));
            return;
        }
        for (int i = 0; i < sigmas.size(); i++) {
            double sigma = sigmas.get(i);
            double most = i == 0 ? flow ? 1 : Double.MAX_VALUE : sigmas.get(i - 1);
            // Negated, so that NaN is refused too.
            if (!(sigma >= 0 && (i == 0 ? sigma <= most : sigma < most))) {
                violations.add(
                        field + "[" + i + "]",
                        sigma,
                        i == 0
                                ? flow ? "a flow's, 0 to 1" : "finite and >= 0"
                                : "less than the one before, " + most + ", and >= 0");
                return;
            }
        }
        double last = sigmas.get(sigmas.size() - 1);
        if (last != 0) {
            violations.add(field + "[" + (sigmas.size() - 1) + "]", last, "0, where pictures end");
        }
    }
}

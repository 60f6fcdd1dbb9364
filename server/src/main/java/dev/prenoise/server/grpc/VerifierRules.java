package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Paths;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import java.util.List;

/** What is wrong with the fields that say who judges pictures, and how noise is proposed to them. Belongs to {@link RequestValidator}. */
final class VerifierRules {
    private static final int MAX_NAME_LENGTH = 128;
    private static final int MAX_LABEL_LENGTH = 1024;
    private static final double MAX_WEIGHT = 1e6;
    private static final int MAX_AT_ONCE = 1024;
    private static final int MAX_ROUNDS = 100_000;

    /** A tangent: within a tenth of a degree of a right angle. */
    private static final double MAX_STEP_SIZE = 1000;

    private final Violations violations;
    private final Limits limits;

    VerifierRules(Violations violations, Limits limits) {
        this.violations = violations;
        this.limits = limits;
    }

    void check(String field, VerifierSearch search) {
        RequestValidator.checkKnown(
                violations,
                field + ".algorithm",
                search.getAlgorithm(),
                search.getAlgorithmValue(),
                SearchAlgorithm.values());
        checkVerifiers(field + ".verifiers", search.getVerifiersList());
        range(field + ".neighbors", search.getNeighbors(), MAX_AT_ONCE);
        range(field + ".step_size", search.getStepSize(), MAX_STEP_SIZE);
        checkPaths(field + ".paths", search.getPaths());
        range(field + ".steps", search.getSteps(), limits.maxSteps());
        range(field + ".restart_after", search.getRestartAfter(), MAX_ROUNDS);
        range(field + ".first_order.step_size", search.getFirstOrder().getStepSize(), MAX_STEP_SIZE);
        range(field + ".first_order.last_steps", search.getFirstOrder().getLastSteps(), limits.maxSteps());
    }

    void checkVerifiers(String field, List<Verifier> verifiers) {
        if (verifiers.isEmpty()) {
            violations.add(field, "empty", "at least one, by a name of GetCapabilities.verifiers");
        }
        if (verifiers.size() > limits.maxVerifiers()) {
            violations.add(field, verifiers.size() + " of them", "at most " + limits.maxVerifiers());
            return;
        }
        for (int i = 0; i < verifiers.size(); i++) {
            check(field + "[" + i + "]", verifiers.get(i));
        }
    }

    private void check(String field, Verifier verifier) {
        if (verifier.getName().isEmpty()) {
            violations.add(field + ".name", quoted(""), "a name of GetCapabilities.verifiers");
        }
        RequestValidator.checkLength(violations, field + ".name", verifier.getName(), MAX_NAME_LENGTH);
        range(field + ".weight", verifier.getWeight(), MAX_WEIGHT);
        RequestValidator.checkLength(violations, field + ".label", verifier.getLabel(), MAX_LABEL_LENGTH);
        RequestValidator.checkLength(
                violations, field + ".instructions", verifier.getInstructions(), limits.maxPromptLength());
    }

    private void checkPaths(String field, Paths paths) {
        range(field + ".initial_paths", paths.getInitialPaths(), MAX_AT_ONCE);
        range(field + ".width", paths.getWidth(), MAX_AT_ONCE);
        boolean known = range(field + ".start_sigma", paths.getStartSigma(), 1)
                & range(field + ".backward_step", paths.getBackwardStep(), 1)
                & range(field + ".forward_step", paths.getForwardStep(), 1);
        if (!known) {
            return;
        }
        double start = Protos.startSigma(paths);
        double backward = Protos.backwardStep(paths);
        double forward = Protos.forwardStep(paths);
        if (backward <= forward) {
            violations.add(field + ".backward_step", backward, "more than forward_step, " + forward);
        }
        if (start + forward > 1) {
            violations.add(
                    field + ".forward_step",
                    forward,
                    "at most " + (1 - start) + ", as noise begins at 1 and start_sigma is " + start);
        }
    }

    /** Of a search that has pictures judged. */
    void checkBudget(Budget budget) {
        boolean counted = budget.getFunctionEvaluations() != 0 || budget.getPictures() != 0;
        if (budget.getLossEvaluations() != 0 && !counted && !budget.hasWallTime()) {
            violations.add(
                    "budget.loss_evaluations",
                    budget.getLossEvaluations(),
                    "0, as a verifier search computes no attention losses: function_evaluations, pictures or wall_time limit it");
        }
    }

    private boolean range(String field, double value, double most) {
        // Negated, so that NaN is refused too.
        if (!(value >= 0 && value <= most)) {
            violations.add(field, value, "0 to " + most);
            return false;
        }
        return true;
    }

    private void range(String field, int value, int most) {
        RequestValidator.checkRange(violations, field, value, most);
    }
}

package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.search.PathsParameters;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Paths;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import dev.prenoise.verifier.VerifierOffer;
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

    /** Whether a verifier that reads the prompt can do without one: a classifier reads it only for the class it names. */
    static boolean standsForThePrompt(VerifierOffer offer, String label) {
        return offer.takes().contains(VerifierOffer.Extra.LABEL) && !label.isBlank();
    }

    /**
     * What a verifier would not read must not be told to it: its scores would be taken for the answer to another question.
     *
     * @param field of the verifier in the request
     * @param offer that the request means
     * @param offers all
     * @throws InvalidFieldException naming label or instructions
     */
    static void requireTaken(String field, Verifier verifier, VerifierOffer offer, List<VerifierOffer> offers) {
        requireTaken(
                field + ".label", verifier.getLabel(), VerifierOffer.Extra.LABEL, "is no classifier", offer, offers);
        requireTaken(
                field + ".instructions",
                verifier.getInstructions(),
                VerifierOffer.Extra.INSTRUCTIONS,
                "is told nothing in words but the prompt",
                offer,
                offers);
    }

    private static void requireTaken(
            String field,
            String value,
            VerifierOffer.Extra extra,
            String what,
            VerifierOffer offer,
            List<VerifierOffer> offers) {
        if (value.isEmpty() || offer.takes().contains(extra)) {
            return;
        }
        List<String> takers = offers.stream()
                .filter(each -> each.takes().contains(extra))
                .map(VerifierOffer::name)
                .toList();
        throw new InvalidFieldException(
                field,
                quoted(value) + " (expected: empty, as " + offer.name() + " " + what
                        + (takers.isEmpty() ? "" : "; those that take one: " + String.join(", ", takers)) + ")");
    }

    void check(String field, VerifierSearch search) {
        RequestValidator.checkKnown(
                violations,
                field + ".algorithm",
                search.getAlgorithm(),
                search.getAlgorithmValue(),
                SearchAlgorithm.values());
        checkVerifiers(field + ".verifiers", search.getVerifiersList());
        most(field + ".neighbors", search.getNeighbors(), MAX_AT_ONCE);
        most(field + ".step_size", search.getStepSize(), MAX_STEP_SIZE);
        parameters(field, () -> Protos.zeroOrder(search));
        checkPaths(field + ".paths", search.getPaths());
        range(field + ".steps", search.getSteps(), limits.maxSteps());
        most(field + ".restart_after", search.getRestartAfter(), MAX_ROUNDS);
        most(field + ".first_order.step_size", search.getFirstOrder().getStepSize(), MAX_STEP_SIZE);
        parameters(field + ".first_order", () -> Protos.firstOrder(search.getFirstOrder()));
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
        double weight = verifier.getWeight();
        // Negated, so that NaN is refused too.
        if (!(weight >= 0 && weight <= MAX_WEIGHT)) {
            violations.add(field + ".weight", weight, "0 to " + (int) MAX_WEIGHT);
        }
        RequestValidator.checkLength(violations, field + ".label", verifier.getLabel(), MAX_LABEL_LENGTH);
        RequestValidator.checkLength(
                violations, field + ".instructions", verifier.getInstructions(), limits.maxPromptLength());
    }

    private void checkPaths(String field, Paths paths) {
        most(field + ".width", paths.getWidth(), MAX_AT_ONCE);
        parameters(field, () -> checkPoints(field, Protos.paths(paths)));
    }

    /** As many as a round looks at. */
    private void checkPoints(String field, PathsParameters paths) {
        if (paths.width() <= MAX_AT_ONCE && (long) paths.initialPaths() * paths.width() > MAX_AT_ONCE) {
            violations.add(
                    field + ".initial_paths",
                    paths.initialPaths(),
                    "at most " + MAX_AT_ONCE / paths.width() + " with a width of " + paths.width()
                            + ", as a round looks at initial_paths * width points");
        }
    }

    /** Ranges are the algorithms' own; messages name the field as it is called here too. */
    private void parameters(String field, Runnable reading) {
        try {
            reading.run();
        } catch (IllegalArgumentException e) {
            violations.add(field + ".", e);
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

    private void most(String field, double value, double most) {
        if (value > most && Double.isFinite(value)) {
            violations.add(field, value, "at most " + most);
        }
    }

    private void most(String field, int value, int most) {
        if (value > most) {
            violations.add(field, value, "at most " + most);
        }
    }

    private void range(String field, int value, int most) {
        RequestValidator.checkRange(violations, field, value, most);
    }
}

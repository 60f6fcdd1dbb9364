package dev.prenoise.attention;

import java.util.List;

/** The attention losses by name. */
public final class AttentionLosses {
    private static final List<String> NAMES = List.of(InitNo.NAME, Conform.NAME, SelfCross.NAME, AttendAndExcite.NAME);

    private AttentionLosses() {}

    /** "initno", "conform", "self-cross", "attend-and-excite". */
    public static List<String> names() {
        return NAMES;
    }

    /**
     * @param name one of {@link #names()}
     * @throws IllegalArgumentException when there is no loss of that name
     */
    public static AttentionLoss of(String name, LossForm form) {
        return switch (name) {
            case InitNo.NAME -> InitNo.of(form);
            case Conform.NAME -> Conform.of(form);
            case SelfCross.NAME -> SelfCross.of(form);
            case AttendAndExcite.NAME -> AttendAndExcite.of(form);
            default -> throw unknown(name, NAMES);
        };
    }

    /**
     * The loss that InitNO's noise optimisation follows: a joint loss whose terms hold "cross" and "self" for its thresholds.
     *
     * @param name "initno" or "self-cross"
     * @param form of Self-Cross, see {@link SelfCross#optimization}; InitNO's is the published joint in either
     * @throws IllegalArgumentException when that loss has no such joint
     */
    public static AttentionLoss optimization(String name, LossForm form) {
        return switch (name) {
            case InitNo.NAME -> InitNo.optimization();
            case SelfCross.NAME -> SelfCross.optimization(form);
            default -> throw unknown(name, List.of(InitNo.NAME, SelfCross.NAME));
        };
    }

    private static IllegalArgumentException unknown(String name, List<String> expected) {
        return new IllegalArgumentException("loss: " + name + " (expected: " + String.join(", ", expected) + ")");
    }
}

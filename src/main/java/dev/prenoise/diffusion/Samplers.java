package dev.prenoise.diffusion;

import java.util.List;

/** The samplers by name. */
public final class Samplers {
    private static final List<Sampler> ALL = List.of(new DdimSampler(), new EulerSampler());

    private Samplers() {}

    /**
     * @throws IllegalArgumentException when there is none of this name; lists those there are
     */
    public static Sampler of(String name) {
        return ALL.stream()
                .filter(s -> s.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "sampler: \"" + name + "\" (expected: one of " + String.join(", ", names()) + ")"));
    }

    public static List<String> names() {
        return ALL.stream().map(Sampler::name).toList();
    }
}

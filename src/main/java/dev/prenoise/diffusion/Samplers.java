package dev.prenoise.diffusion;

import java.util.List;

/** The samplers by name, which is ComfyUI's. */
public final class Samplers {
    private static final List<Sampler> ALL = List.of(
            new DdimSampler(),
            new EulerSampler(),
            new EulerAncestralSampler(),
            new HeunSampler(),
            new Dpmpp2mSampler(),
            new Dpmpp2mSdeSampler());

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

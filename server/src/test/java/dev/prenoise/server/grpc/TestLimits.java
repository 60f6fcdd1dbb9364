package dev.prenoise.server.grpc;

/** Limits as they are, but for one. */
final class TestLimits {
    private TestLimits() {}

    static Limits searches(int maxSearches) {
        Limits limits = Limits.DEFAULT;
        return new Limits(
                limits.maxMessageBytes(),
                limits.maxSide(),
                limits.maxSteps(),
                limits.maxLossEvaluations(),
                limits.maxFunctionEvaluations(),
                limits.maxWallTime(),
                limits.maxPromptLength(),
                limits.maxSubjects(),
                limits.maxRecipes(),
                limits.maxNoiseValues(),
                maxSearches,
                limits.maxVerifiers(),
                limits.maxImages(),
                limits.maxImagePixels());
    }
}

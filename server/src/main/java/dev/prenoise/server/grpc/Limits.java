package dev.prenoise.server.grpc;

import java.time.Duration;

/**
 * What one request may ask for. Beyond it the answer is INVALID_ARGUMENT (RESOURCE_EXHAUSTED for message size and running searches), before any
 * work.
 *
 * @param maxMessageBytes of one request
 * @param maxSide pixels of width and of height
 * @param maxSteps sampling steps
 * @param maxLossEvaluations of one search
 * @param maxFunctionEvaluations of one search
 * @param maxWallTime of one search
 * @param maxPromptLength characters of a prompt or a negative prompt
 * @param maxSubjects in one request
 * @param maxRecipes in one SampleNoise
 * @param maxNoiseValues floats over all tensors of one SampleNoise
 * @param maxSearches running at once, all clients together
 * @param maxVerifiers of one request
 * @param maxImages of one ScoreImages
 * @param maxImagePixels of one of them; all of a call together may have {@link #ALL_IMAGES} times as many
 */
public record Limits(
        int maxMessageBytes,
        int maxSide,
        int maxSteps,
        int maxLossEvaluations,
        int maxFunctionEvaluations,
        Duration maxWallTime,
        int maxPromptLength,
        int maxSubjects,
        int maxRecipes,
        int maxNoiseValues,
        int maxSearches,
        int maxVerifiers,
        int maxImages,
        int maxImagePixels) {
    /** How many of the largest images may stand in memory for one call. */
    static final int ALL_IMAGES = 4;

    public static final Limits DEFAULT = new Limits(
            64 << 20, 4096, 1000, 100_000, 10_000_000, Duration.ofDays(1), 8192, 64, 256, 1 << 24, 16, 16, 64, 1 << 24);
}

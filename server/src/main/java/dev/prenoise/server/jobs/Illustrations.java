package dev.prenoise.server.jobs;

/**
 * What one listener wants to see drawn.
 *
 * @param preview pictures
 * @param heatMaps of the candidates that are best so far, and the summary's
 * @param best how many candidates the summary holds, at least 1
 */
public record Illustrations(Include preview, boolean heatMaps, int best) {}

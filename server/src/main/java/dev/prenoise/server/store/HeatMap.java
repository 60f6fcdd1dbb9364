package dev.prenoise.server.store;

/**
 * Where a subject draws attention.
 *
 * @param values {@code [rows, columns]}, row-major
 */
public record HeatMap(String subject, int rows, int columns, float[] values) {}

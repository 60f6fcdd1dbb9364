package dev.prenoise.shapes;

/**
 * An estimate and its 95 % confidence interval.
 */
public record Interval(double estimate, double low, double high) {}

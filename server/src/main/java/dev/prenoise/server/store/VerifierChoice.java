package dev.prenoise.server.store;

/**
 * A verifier that judges a search's pictures.
 *
 * @param name of the catalog, no alias
 * @param weight in an ensemble, above 0
 * @param label of a classifier: the class; "" = found in the prompt
 * @param instructions of a grader; "" = the usual ones
 */
public record VerifierChoice(String name, double weight, String label, String instructions) {}

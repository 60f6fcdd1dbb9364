package dev.prenoise.engine;

/**
 * A low-rank change to a model's weights, merged while a session of it computes.
 *
 * @param name an id of the catalog's LoRA files
 * @param strength on the UNet; 1 = as trained, negative = away from it, 0 = none
 * @param textStrength on the text encoders
 */
public record LoraSpec(String name, double strength, double textStrength) {}

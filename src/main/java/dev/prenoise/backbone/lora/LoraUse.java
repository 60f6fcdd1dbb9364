package dev.prenoise.backbone.lora;

/**
 * A LoRA at a strength.
 *
 * @param strength on the UNet; 0 leaves it as it is, negative values are allowed
 * @param textStrength on the text encoders
 */
public record LoraUse(LoraFile file, double strength, double textStrength) {
    /**
     * @throws IllegalArgumentException when a strength is not finite
     */
    public LoraUse {
        if (!Double.isFinite(strength) || !Double.isFinite(textStrength)) {
            throw new IllegalArgumentException(
                    "strength: " + strength + ", " + textStrength + " (expected: finite numbers)");
        }
    }
}

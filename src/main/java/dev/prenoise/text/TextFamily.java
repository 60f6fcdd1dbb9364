package dev.prenoise.text;

import java.util.List;

/** What a family of models reads from which text encoders. A tower is one encoder; its rule holds however many layers it has. */
public enum TextFamily {
    /** CLIP-L. */
    SD1(List.of(new Rule(1, true, true)), false),
    /** OpenCLIP-H, of which the layer before the last is read. */
    SD2(List.of(new Rule(2, true, false)), false),
    /** CLIP-L and OpenCLIP-bigG, one behind the other, without the final norm; the pooled vector is bigG's. Also SSD-1B and Vega. */
    SDXL(List.of(new Rule(2, false, true), new Rule(2, false, false)), true),
    /**
     * Any other model that comes with a tokenizer of its own: the last layer, padding as the tokenizer's files say, and a single chunk; what
     * does not fit is cut off.
     */
    OWN(List.of(new Rule(1, true, true)), false);

    private final List<Rule> rules;
    private final boolean pooled;

    TextFamily(List<Rule> rules, boolean pooled) {
        this.rules = rules;
        this.pooled = pooled;
    }

    /**
     * @param clipSkip as a user interface counts
     * @param finalNorm on the hidden state that is read
     * @param endAsPadding whether the end-of-text token fills up, rather than token 0
     */
    record Rule(int clipSkip, boolean finalNorm, boolean endAsPadding) {}

    List<Rule> rules() {
        return rules;
    }

    /** Whether the last tower's pooled vector is read. */
    boolean pooled() {
        return pooled;
    }

    /** Number of text encoders. */
    public int towers() {
        return rules.size();
    }
}

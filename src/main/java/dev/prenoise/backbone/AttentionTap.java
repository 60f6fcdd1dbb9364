package dev.prenoise.backbone;

import dev.prenoise.tensor.Tensor;

/**
 * Listens at attention modules from outside. Probabilities are built only where {@link #wants} says so, and the forward pass ends after
 * the first site for which {@link #last} says so.
 */
public interface AttentionTap {
    /** Wants nothing: a plain forward pass. */
    AttentionTap NONE = new AttentionTap() {
        @Override
        public boolean wants(AttentionSite site) {
            return false;
        }

        @Override
        public boolean last(AttentionSite site) {
            return false;
        }

        @Override
        public void accept(AttentionSite site, Tensor maps) {}
    };

    boolean wants(AttentionSite site);

    /** Whether nothing after this site is needed: not even its own output. */
    boolean last(AttentionSite site);

    /**
     * @param maps {@code [B, P, T]}: probabilities summed over heads, just made in the innermost scope: {@link
     *     dev.prenoise.tensor.Scope#release} it to hold on to it
     */
    void accept(AttentionSite site, Tensor maps);

    /** Listens as this one does, and lets the forward pass go on to the prediction. */
    default AttentionTap toTheEnd() {
        AttentionTap tap = this;
        return new AttentionTap() {
            @Override
            public boolean wants(AttentionSite site) {
                return tap.wants(site);
            }

            @Override
            public boolean last(AttentionSite site) {
                return false;
            }

            @Override
            public void accept(AttentionSite site, Tensor maps) {
                tap.accept(site, maps);
            }
        };
    }
}

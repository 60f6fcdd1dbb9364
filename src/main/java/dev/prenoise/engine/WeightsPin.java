package dev.prenoise.engine;

import org.jspecify.annotations.Nullable;

/**
 * Which weights a search began with and what says how they compute, to tell later whether both are still the same.
 *
 * @param name the backbone's id, the LoRA's name, or what stands for a host's model
 * @param bytes of the files together
 * @param stamp changes when a file's size or time of change does
 * @param sha256 null where it was not known yet
 * @param settings the precision, and a digest of what its card and configs say; null where an older version stored it
 */
public record WeightsPin(
        String name,
        long bytes,
        String stamp,
        @Nullable String sha256,
        @Nullable String settings) {
    /** Where both hashes are known they decide: a file that was copied or touched is the same file. */
    public boolean sameWeights(WeightsPin other) {
        if (!name.equals(other.name) || bytes != other.bytes) {
            return false;
        }
        return sha256 != null && other.sha256 != null ? sha256.equals(other.sha256) : stamp.equals(other.stamp);
    }

    /** The same weights under another card, or in another precision, give other numbers. */
    public boolean sameSettings(WeightsPin other) {
        return settings == null || other.settings == null || settings.equals(other.settings);
    }
}

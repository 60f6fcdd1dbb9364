package dev.prenoise.study;

import dev.prenoise.noise.Seeds;
import java.util.List;

/**
 * From which seeds every prompt is searched.
 *
 * @param values of candidate 0, unsigned, as a host takes them
 * @param perPrompt whether each prompt has seeds of its own that these are only the root of; else all prompts share these
 */
public record StudySeeds(List<Long> values, boolean perPrompt) {
    /** Rounds of a root seed that are used elsewhere end before this one. */
    private static final int ROUND = 5;

    /** What every host can be given. */
    private static final long LOW_BITS = 0xffffffffL;

    public StudySeeds {
        values = List.copyOf(values);
    }

    static StudySeeds shared(List<Long> values) {
        return new StudySeeds(values, false);
    }

    int count() {
        return values.size();
    }

    /** Of one prompt; of its own they have 32 bits. */
    List<Long> of(StudyPrompt prompt) {
        return perPrompt
                ? values.stream()
                        .map(seed -> Seeds.derive(seed, ROUND, prompt.text().hashCode() & Integer.MAX_VALUE) & LOW_BITS)
                        .toList()
                : values;
    }

    /** Whether all prompts share several, so that these are a factor of their own. */
    boolean crossed() {
        return !perPrompt && values.size() > 1;
    }

    /** In words, of a report. */
    String words() {
        String count = values.size() == 1 ? "1 seed" : values.size() + " seeds";
        if (perPrompt) {
            return count + " of its own";
        }
        return crossed() ? "the same " + count : count;
    }
}

package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import java.util.List;

/**
 * The host's noise, then what the first stage picked, best first, then draws that it has not seen.
 *
 * @param unseen the first of these
 */
record PickedDraws(CandidateSource source, List<Candidate> best, int unseen) implements CandidateSource {
    static PickedDraws drawn(CandidateSource source, Outcome picked, int most) {
        return new PickedDraws(
                source,
                finite(picked).stream().limit(most).toList(),
                picked.ranked().size() + 1);
    }

    static PickedDraws optimized(CandidateSource source, Outcome picked) {
        List<Candidate> moved = finite(picked).stream()
                .filter(candidate -> candidate.index() > 0)
                .toList();
        int starts = picked.ranked().stream().mapToInt(Candidate::index).max().orElse(0);
        return new PickedDraws(source, moved, Math.max(1, starts));
    }

    private static List<Candidate> finite(Outcome picked) {
        return picked.ranked().stream()
                .filter(candidate -> Double.isFinite(candidate.score()))
                .toList();
    }

    int size() {
        return best.size();
    }

    @Override
    public NoiseRecipe recipe(int index) {
        return index > 0 && index <= best.size() ? best.get(index - 1).recipe() : source.recipe(place(index));
    }

    @Override
    public Noise draw(int index) {
        if (index == 0 || index > best.size()) {
            return source.draw(place(index));
        }
        Candidate candidate = best.get(index - 1);
        return candidate.noise() != null ? candidate.noise() : source.draw(candidate.index() + 1);
    }

    private int place(int index) {
        return index == 0 ? 0 : unseen + index - best.size() - 1;
    }

    @Override
    public long deriveSeed(int round, int index) {
        return source.deriveSeed(round, index);
    }
}

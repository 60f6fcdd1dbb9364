package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Candidate;
import dev.prenoise.server.store.HeatMap;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.StoredCandidate;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Draws candidates of one search into the store: previews and heat maps, each once. What a model draws in one call costs it little more than
 * one picture alone, so pictures are asked for together, a few in each turn.
 *
 * <p>Belongs to the search's thread.
 */
final class Illustrator {
    private static final int PICTURES_PER_TURN = 4;

    /** What is wanted of a candidate. */
    record Drawing(int index, boolean preview, boolean heatMaps) {}

    private record Sketch(StoredCandidate stored, Noise noise) {}

    private final String searchId;
    private final SearchStore store;
    private final PictureOptions.Turns turns;
    private final PromptSession session;
    private int calls;

    /**
     * @param callsBefore what earlier runs of the search have spent
     */
    Illustrator(
            String searchId, SearchStore store, PictureOptions.Turns turns, PromptSession session, int callsBefore) {
        this.searchId = searchId;
        this.store = store;
        this.turns = turns;
        this.session = session;
        calls = callsBefore;
    }

    /** Denoiser calls spent over all runs of the search. */
    int calls() {
        return calls;
    }

    /**
     * Draws what is wanted and not there yet.
     *
     * @throws SearchStoppedException when the search is told to stop meanwhile
     */
    void draw(List<Drawing> wanted) {
        List<Sketch> previews = new ArrayList<>();
        List<Sketch> heatMaps = new ArrayList<>();
        for (Drawing drawing : wanted) {
            StoredCandidate stored = store.candidate(searchId, drawing.index());
            if (stored == null) {
                continue;
            }
            Sketch sketch = new Sketch(stored, noise(stored.candidate()));
            if (drawing.preview() && stored.preview() == null) {
                previews.add(sketch);
            }
            if (drawing.heatMaps() && stored.heatMaps().isEmpty()) {
                heatMaps.add(sketch);
            }
        }
        for (int start = 0; start < previews.size(); start += PICTURES_PER_TURN) {
            drawPreviews(previews.subList(start, Math.min(previews.size(), start + PICTURES_PER_TURN)));
        }
        heatMaps.forEach(this::drawHeatMaps);
    }

    private void drawPreviews(List<Sketch> sketches) {
        List<SeededNoise> noises = sketches.stream()
                .map(sketch -> new SeededNoise(
                        sketch.noise(), sketch.stored().candidate().recipe().seed()))
                .toList();
        List<Integer> calls = new ArrayList<>();
        List<Picture> pictures = turns.take(() -> {
            noises.forEach(noise -> calls.add(session.callsToDraw(noise)));
            return session.draw(noises);
        });
        for (int i = 0; i < sketches.size(); i++) {
            keep(sketches.get(i), Png.encode(pictures.get(i)), List.of(), calls.get(i));
        }
    }

    private void drawHeatMaps(Sketch sketch) {
        AttentionMaps maps = turns.take(() -> session.maps(sketch.noise()));
        keep(sketch, null, heatMaps(maps), 1);
    }

    private void keep(Sketch sketch, byte @Nullable [] png, List<HeatMap> heatMaps, int spent) {
        store.illustrate(searchId, sketch.stored().candidate().index(), png, heatMaps, spent);
        calls += spent;
    }

    /** Of each subject's noun: the last of its tokens. */
    private List<HeatMap> heatMaps(AttentionMaps maps) {
        List<HeatMap> result = new ArrayList<>();
        for (SubjectSpec subject : session.subjects()) {
            int token = subject.tokenIndices().get(subject.tokenIndices().size() - 1);
            float[] values = new float[maps.patches()];
            for (int patch = 0; patch < values.length; patch++) {
                values[patch] = (float) maps.cross()[patch * maps.tokens() + token];
            }
            result.add(new HeatMap(subject.text(), maps.rows(), maps.columns(), values));
        }
        return result;
    }

    private static Noise noise(Candidate candidate) {
        Noise noise = candidate.noise();
        return noise == null ? NoiseRecipes.replay(candidate.recipe()) : noise;
    }
}

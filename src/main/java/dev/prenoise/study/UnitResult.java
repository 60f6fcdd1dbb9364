package dev.prenoise.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a unit came to.
 *
 * @param unit its id
 * @param version of the program that computed it
 * @param seconds that picking took: losses and steps, or for pictures drawing and judging them
 * @param memory the most bytes resident in the process meanwhile; 0 where the system does not say
 * @param rows one for each candidate of each seed
 * @param pictures PNG in base64 for the contact sheet: by strategy units the choice among all, under ""; of the pictures that all share
 *     candidate 0 under "", and the best by each metric under its name
 * @param failure why there are no rows; null = there are
 */
public record UnitResult(
        String unit,
        String version,
        double seconds,
        long memory,
        List<Row> rows,
        Map<String, String> pictures,
        @Nullable String failure) {
    private static final Gson JSON =
            new GsonBuilder().serializeSpecialFloatingPointValues().create();

    public UnitResult {
        rows = List.copyOf(rows);
        pictures = Map.copyOf(pictures);
    }

    /**
     * A candidate.
     *
     * @param seed of candidate 0
     * @param index of the candidate; of optimised ones, of the draw they begin with
     * @param score what the strategy ranks by: lower is better for losses, higher for one verifier; NaN where nothing or a mean rank ranks
     * @param losses evaluations that it took; of searches that walk on, all until then
     * @param nfe likewise
     * @param success of optimised ones: whether both thresholds were met, which ends the search
     * @param values by the unit's metrics; empty where others judge the same pictures
     * @param look the picture in 8 x 8 pixels, RGB in base64: to tell how different pictures are; "" where there are no values
     */
    public record Row(
            long seed,
            int index,
            double score,
            int losses,
            int nfe,
            boolean success,
            List<Double> values,
            String look) {
        public Row {
            values = List.copyOf(values);
        }
    }

    public static UnitResult failed(String unit, String version, String why) {
        return new UnitResult(unit, version, 0, 0, List.of(), Map.of(), why);
    }

    public String toJson() {
        return JSON.toJson(this);
    }

    /**
     * @throws RuntimeException when that is none, or one of another version's form
     */
    public static UnitResult ofJson(String json) {
        return JSON.fromJson(json, UnitResult.class);
    }
}

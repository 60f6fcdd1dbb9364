package dev.prenoise.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
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
 * @param batch how many noises, or pictures, shared a pass, the fewest that came up: by how much memory was free. Of another size last bits
 *     differ. null = not said, as by older versions
 */
public record UnitResult(
        String unit,
        String version,
        double seconds,
        long memory,
        List<Row> rows,
        Map<String, String> pictures,
        @Nullable String failure,
        @Nullable Integer batch) {
    private static final Gson JSON =
            new GsonBuilder().serializeSpecialFloatingPointValues().create();

    public UnitResult {
        rows = List.copyOf(rows);
        pictures = Map.copyOf(pictures);
    }

    /** Where no batch is said. */
    public UnitResult(
            String unit,
            String version,
            double seconds,
            long memory,
            List<Row> rows,
            Map<String, String> pictures,
            @Nullable String failure) {
        this(unit, version, seconds, memory, rows, pictures, failure, null);
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
     * @param cuts of optimised ones: what the start comes to where it is cut short, rising; null = nothing asked for that
     */
    public record Row(
            long seed,
            int index,
            double score,
            int losses,
            int nfe,
            boolean success,
            List<Double> values,
            String look,
            @Nullable List<Cut> cuts) {
        public Row {
            values = List.copyOf(values);
            cuts = cuts == null ? null : List.copyOf(cuts);
        }

        public Row(
                long seed,
                int index,
                double score,
                int losses,
                int nfe,
                boolean success,
                List<Double> values,
                String look) {
            this(seed, index, score, losses, nfe, success, values, look, null);
        }

        /**
         * The start where no more than so many evaluations are left for it: as it is where it takes no more, else the longest of its cuts that is
         * paid for.
         *
         * @return empty where none is
         */
        Optional<Row> within(int left) {
            return losses <= left
                    ? Optional.of(this)
                    : shorter().filter(row -> row.losses <= left).reduce((before, row) -> row);
        }

        /** The start and what it comes to where it is cut short. */
        List<Row> forms() {
            return Stream.concat(shorter(), Stream.of(this)).toList();
        }

        private Stream<Row> shorter() {
            return cuts == null
                    ? Stream.empty()
                    : cuts.stream()
                            .map(cut -> new Row(seed, index, cut.score, cut.losses, nfe, false, cut.values, cut.look));
        }
    }

    /**
     * The best of a start's first iterates.
     *
     * @param losses evaluations, fewer than the start takes
     * @param values by the unit's metrics; empty where nothing was drawn
     * @param look as {@link Row#look}
     */
    public record Cut(int losses, double score, List<Double> values, String look) {
        public Cut {
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

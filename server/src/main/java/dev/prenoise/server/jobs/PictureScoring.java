package dev.prenoise.server.jobs;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.image.Picture;
import dev.prenoise.server.store.VerifierChoice;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.VerifierException;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * Has a caller's own pictures judged. What the device computes is done a few pictures a turn, so that searches go on in between; verifiers
 * that wait for another machine are asked on the caller's thread.
 *
 * <p>Any number of threads.
 */
public final class PictureScoring {
    private static final int PICTURES_PER_TURN = 4;

    private final VerifierCatalog catalog;
    private final Lane lane;

    public PictureScoring(VerifierCatalog catalog, Lane lane) {
        this.catalog = catalog;
        this.lane = lane;
    }

    /**
     * @param scores {@code [verifiers][pictures]}, higher is better, NaN where a verifier could not judge
     * @param warnings what was not judged, and why
     */
    @SuppressWarnings("ArrayRecordComponent") // a result that is read once
    public record Scores(double[][] scores, List<String> warnings) {}

    /**
     * @param field of the request that lists the verifiers, for messages
     * @throws InvalidFieldException when a question cannot be used
     * @throws CancellationException soon after {@code stopped} answers true
     */
    public Scores score(
            String field,
            List<VerifierChoice> choices,
            String prompt,
            List<Picture> pictures,
            BooleanSupplier stopped) {
        List<Shot> shots =
                pictures.stream().map(picture -> new Shot(picture, null)).toList();
        Jury.prepare(catalog, field, choices, prompt, part -> () -> turn(part::get, stopped));
        Jury jury = turn(() -> Jury.open(catalog, field, choices, prompt), stopped);
        try {
            List<Panel.Member> members = jury.panel().members();
            double[][] scores = new double[members.size()][shots.size()];
            for (int member = 0; member < scores.length; member++) {
                for (int from = 0; from < shots.size(); from += PICTURES_PER_TURN) {
                    List<Shot> part = shots.subList(from, Math.min(shots.size(), from + PICTURES_PER_TURN));
                    double[] given = ask(members.get(member), part, stopped);
                    System.arraycopy(given, 0, scores[member], from, given.length);
                }
            }
            return new Scores(scores, jury.warnings());
        } finally {
            lane.submit(() -> {
                jury.close();
                return null;
            });
        }
    }

    private double[] ask(Panel.Member member, List<Shot> shots, BooleanSupplier stopped) {
        Judge judge = member.judge();
        if (stopped.getAsBoolean()) {
            throw new CancellationException("nobody waits for the scores any more");
        }
        double[] given =
                judge.remote() ? judge.score(shots, stopped) : turn(() -> judge.score(shots, stopped), stopped);
        if (given.length != shots.size()) {
            throw new VerifierException(member.name() + ": " + given.length + " scores (expected: " + shots.size()
                    + ", one for each picture)");
        }
        return given;
    }

    private <T> T turn(java.util.concurrent.Callable<T> work, BooleanSupplier stopped) {
        try {
            return lane.call(work, stopped);
        } catch (SearchStoppedException e) {
            if (stopped.getAsBoolean()) {
                throw new CancellationException("nobody waits for the scores any more");
            }
            throw new ShuttingDownException();
        }
    }
}

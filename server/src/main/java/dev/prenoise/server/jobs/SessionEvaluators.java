package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a strategy scores noise with on an open session: what it computes takes turns of the device. Belongs to one thread; closed in a turn.
 */
final class SessionEvaluators implements SearchStrategy.Evaluators, AutoCloseable {
    private final PromptSession session;
    private final ModelCatalog catalog;
    private final String words;
    private final PictureOptions.Turns turns;
    private final PictureOptions.Turns device;
    private final BooleanSupplier stopped;
    private @Nullable Jury jury;

    /**
     * @param words the prompt as a person would say it, for verifiers
     * @param turns those that the session's work takes
     * @param device those that verifiers' work takes
     * @param stopped whether nobody waits for scores any more
     */
    SessionEvaluators(
            PromptSession session,
            ModelCatalog catalog,
            String words,
            PictureOptions.Turns turns,
            PictureOptions.Turns device,
            BooleanSupplier stopped) {
        this.session = session;
        this.catalog = catalog;
        this.words = words;
        this.turns = turns;
        this.device = device;
        this.stopped = stopped;
    }

    @Override
    public Evaluator attention(AttentionLoss ranking, AttentionLoss followed) {
        return turns.take(() -> new TurnTakingEvaluator(session.attention(ranking, followed), turns));
    }

    @Override
    public PathEvaluator pictures(String field, VerifierStrategy strategy) {
        session.requirePictures();
        PictureOptions options = new PictureOptions(strategy.steps(), strategy.gradientSteps(), device, stopped);
        Jury.prepare(
                catalog.verifiers(),
                field + ".verifiers",
                strategy.verifiers(),
                words,
                part -> () -> device.take(part));
        return device.take(() -> {
            Jury called = Jury.open(catalog.verifiers(), field + ".verifiers", strategy.verifiers(), words);
            jury = called;
            if (strategy.looksOnTheWay()) {
                called.requireNoPredictions(field);
            }
            try {
                return session.pictures(called.panel(), options);
            } catch (InvalidFieldException e) {
                throw e.field().equals("steps") ? new InvalidFieldException(field + ".steps", e.description()) : e;
            }
        });
    }

    /** Pictures that were not judged, and why, so far. */
    List<String> warnings() {
        Jury called = jury;
        return called == null ? List.of() : called.warnings();
    }

    @Override
    public void close() {
        Jury called = jury;
        jury = null;
        if (called != null) {
            called.close();
        }
    }
}

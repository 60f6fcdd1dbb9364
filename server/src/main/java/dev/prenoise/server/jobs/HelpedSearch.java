package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A search of another sidecar as this one sees it: its candidates are scored here, each share in turns of the lane like any search's, and
 * nothing else is known of it. It has its own model's evaluators alone, never those that spread: what one sidecar asks another is not
 * asked any further.
 *
 * <p>One thread at a time.
 */
public final class HelpedSearch implements AutoCloseable {
    private final SearchSpec spec;
    private final ModelCatalog catalog;
    private final Lane lane;
    private final BooleanSupplier stopped;
    private @Nullable PromptSession session;
    private @Nullable SessionEvaluators evaluators;
    private List<Evaluator> opened = List.of();

    /**
     * @param stopped whether nobody waits for scores any more
     */
    public HelpedSearch(SearchSpec spec, ModelCatalog catalog, Lane lane, BooleanSupplier stopped) {
        this.spec = spec;
        this.catalog = catalog;
        this.lane = lane;
        this.stopped = stopped;
    }

    /**
     * @param theirs of the sidecar that the search runs on
     * @throws OtherWeightsException when there are others here, or the same under other settings
     * @throws CancellationException when {@code stopped} says so
     */
    public void requireSame(List<WeightsPin> theirs) {
        List<WeightsPin> ours = turn(() -> spec.pins(catalog));
        for (WeightsPin pin : theirs) {
            List<WeightsPin> same = ours.stream().filter(pin::sameWeights).toList();
            if (same.isEmpty()) {
                boolean unknown = pin.sha256() == null
                        || ours.stream().anyMatch(our -> our.name().equals(pin.name()) && our.sha256() == null);
                throw OtherWeightsException.files(pin.name(), unknown);
            }
            if (same.stream().noneMatch(pin::sameSettings)) {
                throw OtherWeightsException.settings(pin.name());
            }
        }
        if (ours.size() != theirs.size()) {
            throw OtherWeightsException.files(
                    ours.get(Math.min(theirs.size(), ours.size() - 1)).name(), false);
        }
    }

    /** How many noises the evaluator computes at once. */
    public int batch(int evaluator) {
        return opened().get(evaluator).maxBatch();
    }

    /** How many evaluators the search has. Opens them, and the model, at the first call. */
    public int evaluators() {
        return opened().size();
    }

    /** {@code [1, C, H, W]}. */
    public long[] noiseShape() {
        opened();
        return session().noiseShape();
    }

    /**
     * One for each candidate, in order.
     *
     * @throws CancellationException when {@code stopped} says so
     */
    public List<Evaluation> score(Share share) {
        return share.on(opened().get(share.evaluator()));
    }

    /** Pictures that a verifier could not judge, and why, so far. */
    public List<String> warnings() {
        return evaluators == null ? List.of() : evaluators.warnings();
    }

    private List<Evaluator> opened() {
        if (!opened.isEmpty()) {
            return opened;
        }
        PromptSession open = turn(() -> spec.model().open(spec, catalog, stopped));
        session = open;
        if (spec.strategy().readsAttention()) {
            open.requireSubjects();
        }
        PictureOptions.Turns turns = new PictureOptions.Turns() {
            @Override
            public <T> T take(Supplier<T> work) {
                return turn(work);
            }
        };
        SessionEvaluators own =
                new SessionEvaluators(open, catalog, spec.prompt().words(), turns, turns, stopped);
        evaluators = own;
        List<Evaluator> inOrder = new ArrayList<>();
        spec.strategy().plan(new SearchStrategy.Evaluators() {
            @Override
            public Evaluator attention(AttentionLoss ranking, AttentionLoss followed) {
                return kept(own.attention(ranking, followed));
            }

            @Override
            public PathEvaluator pictures(String field, VerifierStrategy strategy) {
                return kept(own.pictures(field, strategy));
            }

            private <E extends Evaluator> E kept(E evaluator) {
                inOrder.add(evaluator);
                return evaluator;
            }
        });
        opened = List.copyOf(inOrder);
        return opened;
    }

    /**
     * @throws CancellationException when nobody waits for scores any more
     * @throws ShuttingDownException when there are no turns any more
     */
    private <T> T turn(Supplier<T> work) {
        try {
            return lane.call(work::get, stopped);
        } catch (SearchStoppedException e) {
            if (stopped.getAsBoolean()) {
                throw new CancellationException("nobody waits for the scores any more");
            }
            throw new ShuttingDownException();
        }
    }

    private PromptSession session() {
        if (session == null) {
            throw new IllegalStateException("session: closed (expected: open while shares are done)");
        }
        return session;
    }

    @Override
    public void close() {
        PromptSession open = session;
        SessionEvaluators own = evaluators;
        session = null;
        evaluators = null;
        opened = List.of();
        if (open != null) {
            lane.submit(() -> {
                if (own != null) {
                    own.close();
                }
                open.close();
                return true;
            });
        }
    }
}

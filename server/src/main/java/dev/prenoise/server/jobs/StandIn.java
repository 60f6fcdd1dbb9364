package dev.prenoise.server.jobs;

import dev.prenoise.noise.Noise;
import dev.prenoise.search.*;
import java.util.*;

final class StandIn implements SearchAlgorithm {
    @Override
    public String name() {
        return "best-of-n";
    }

    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        List<Candidate> all = new ArrayList<>();
        Spend spent = Spend.NONE;
        StopReason reason = StopReason.BUDGET;
        Candidate best = null;
        for (int i = 0; budget.allows(spent, evaluator.cost()); i++) {
            if (observer.stopRequested()) {
                reason = StopReason.CANCELLED;
                break;
            }
            Candidate candidate = observer.recorded(i);
            if (candidate == null) {
                Noise noise = source.draw(i);
                Evaluation e = evaluator.evaluate(List.of(noise)).get(0);
                candidate = new Candidate(
                        i,
                        source.recipe(i),
                        source.recipe(i).baseSha256() == null ? null : noise,
                        e.score(),
                        e.terms(),
                        evaluator.cost());
            }
            spent = spent.plus(candidate.cost());
            boolean better = best == null || candidate.score() < best.score();
            if (better) {
                best = candidate;
            }
            all.add(candidate);
            observer.scored(candidate, better, spent);
        }
        List<Candidate> ranked = new ArrayList<>(all);
        ranked.sort(Comparator.comparingDouble(Candidate::score));
        return new Outcome(ranked, all.get(0), reason, spent);
    }
}

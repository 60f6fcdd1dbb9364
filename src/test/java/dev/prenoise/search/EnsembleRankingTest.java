package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import dev.prenoise.search.Fakes.Source;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EnsembleRankingTest {
    private final Ranking ranking = Ranking.ensemble(Map.of("a", 1.0, "b", 1.0));

    @Test
    void rank_anyOrderOfThePool_bestFirstWithTheScoresOfThisPool() {
        List<Candidate> pool = List.of(
                judged(2, Map.of("a", 3.0, "b", 1.0)),
                judged(0, Map.of("a", 2.0, "b", 3.0)),
                judged(1, Map.of("a", 1.0, "b", 2.0)));
        List<Candidate> ranked = ranking.rank(pool);
        assertThat(ranked).extracting(Candidate::index).containsExactly(0, 2, 1);
        assertThat(ranked).extracting(Candidate::score).containsExactly(2 / 3.0, 0.5, 1 / 3.0);
    }

    @Test
    void rank_oneMoreCandidate_canReorderTheOthers() {
        Candidate one = judged(0, Map.of("a", 2.0, "b", 2.0));
        Candidate two = judged(1, Map.of("a", 1.0, "b", 3.0));
        Candidate between = judged(2, Map.of("a", 0.0, "b", 2.5));
        assertThat(ranking.rank(List.of(one, two))).extracting(Candidate::index).containsExactly(0, 1);
        assertThat(ranking.rank(List.of(one, two, between)))
                .extracting(Candidate::index)
                .containsExactly(1, 0, 2);
    }

    @Test
    void rank_missingTerm_lastByThatMemberOnly() {
        List<Candidate> ranked = ranking.rank(List.of(
                judged(0, Map.of("a", 9.0)),
                judged(1, Map.of("a", 10.0, "b", 1.0)),
                judged(2, Map.of("a", 0.0, "b", 2.0))));
        assertThat(ranked).extracting(Candidate::index).containsExactly(1, 2, 0);
    }

    @Test
    void rank_judgedByNobody_lastAndNotANumber() {
        List<Candidate> ranked = ranking.rank(List.of(judged(0, Map.of()), judged(1, Map.of("a", -1e9))));
        assertThat(ranked).extracting(Candidate::index).containsExactly(1, 0);
        assertThat(ranked.get(1).score()).isNaN();
        assertThat(ranking.worth(ranked)[1]).isNaN();
    }

    @Test
    void worth_oneTerm_isThatTermUpToUnitAndZero() {
        double[] worth = Ranking.ensemble(Map.of("a", 2.0))
                .worth(List.of(judged(0, Map.of("a", 4.0)), judged(1, Map.of("a", 10.0)), judged(2, Map.of("a", 6.0))));
        assertThat((worth[1] - worth[0]) / (worth[2] - worth[0]))
                .isEqualTo(3, org.assertj.core.data.Offset.offset(1e-12));
    }

    @Test
    void search_ensemble_reportsTheScoreOfTheMomentAndEndsWithThoseOfTheUnion() {
        Loss verifiers = Loss.batched(3);
        verifiers.lowerIsBetter = false;
        verifiers.ranking = Ranking.ensemble(Map.of("cross", 1.0, "self", 1.0));
        Observer observer = new Observer();
        Outcome outcome = new BestOfN().search(new Source(), verifiers, Budget.ofLossEvaluations(7), observer);
        assertThat(observer.scored.get(0).score()).isEqualTo(0.5);
        assertThat(observer.best.get(0)).isTrue();
        assertThat(outcome.ranked()).isEqualTo(verifiers.ranking.rank(observer.scored));
        assertThat(outcome.ranked().get(0).score()).isEqualTo(6.5 / 7);
        assertThat(outcome.baseline())
                .isEqualTo(outcome.ranked().stream()
                        .filter(candidate -> candidate.index() == 0)
                        .findAny()
                        .orElseThrow());
        assertThat(outcome.ranked().get(0).terms().get("cross"))
                .isEqualTo(observer.scored.stream()
                        .mapToDouble(candidate -> candidate.terms().get("cross"))
                        .max()
                        .orElseThrow());
    }

    private static Candidate judged(int index, Map<String, Double> terms) {
        return new Candidate(index, new Source().recipe(index), null, 0, terms, Spend.NONE);
    }
}

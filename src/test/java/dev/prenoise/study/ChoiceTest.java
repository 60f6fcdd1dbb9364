package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.attention.LossForm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChoiceTest {
    private static final List<String> METRICS = List.of("oracle", "shapes-clip");

    private static UnitResult.Row row(int index, double score, int losses, int nfe, boolean success, double... values) {
        return new UnitResult.Row(
                1,
                index,
                score,
                losses,
                nfe,
                success,
                Arrays.stream(values).boxed().toList(),
                "look " + index);
    }

    private static Strategy strategy(Strategy.Kind kind, String... verifiers) {
        return new Strategy("it", kind, "", LossForm.RANKING, List.of(verifiers));
    }

    private static final List<UnitResult.Row> POOL = List.of(
            row(0, Double.NaN, 0, 3, false, 0.2, 0.9),
            row(1, Double.NaN, 0, 3, false, 1.0, 0.5),
            row(2, Double.NaN, 0, 3, false, 0.6, 0.1));

    @Test
    void value_ofALoss_isTheMeanOverSubsets() {
        List<UnitResult.Row> scores =
                List.of(row(0, 3, 1, 0, false), row(1, 2, 1, 0, false), row(2, Double.NaN, 1, 0, false));
        Choice choice = Choice.of(strategy(Strategy.Kind.RANK), POOL, scores, METRICS, "a dog");

        assertThat(choice.value(0, 1)).isCloseTo(0.6, within(1e-12));
        // of {0,1} 1, of {1,2} 1, of {0,2} 0: what could not be scored comes last
        assertThat(choice.value(0, 2)).isCloseTo((1.0 + 1.0 + 0.2) / 3, within(1e-12));
        assertThat(choice.value(0, 3)).isCloseTo(1.0, within(1e-12));
        assertThat(choice.losses(2)).isEqualTo(2);
        assertThat(choice.nfe(2)).isZero();
        assertThat(choice.look()).isEqualTo("look 1");
        assertThat(choice.picked()).hasValue(1);
    }

    @Test
    void value_ofRecords_isThatOfTheBestOfTheFirst() {
        UnitResult.Row plain = row(0, Double.NaN, 0, 3, false, 0.2, 0.9);
        List<UnitResult.Row> rows = List.of(
                row(0, 3, 1, 0, false, 0.2, 0.9),
                row(1, 4, 1, 0, false),
                row(2, 2, 1, 0, false, 0.7, 0.8),
                row(3, 5, 1, 0, false));
        Choice choice = Choice.ofRecords(strategy(Strategy.Kind.RANK), plain, rows, METRICS, 4);

        assertThat(choice.value(0, 1)).isEqualTo(0.2);
        assertThat(choice.value(0, 2)).isEqualTo(0.2);
        assertThat(choice.value(1, 3)).isEqualTo(0.8);
        assertThat(choice.value(0, 4)).isEqualTo(0.7);
        assertThat(choice.losses(3)).isEqualTo(3);
        assertThat(choice.nfe(3)).isZero();
        assertThat(choice.look()).isEqualTo("look 2");
        assertThat(choice.picked()).hasValue(2);
    }

    @Test
    void value_ofStartsInTheirOrder_isPlainWhereTheBudgetPaysForNone() {
        UnitResult.Row plain = row(0, Double.NaN, 0, 3, false, 0.2, 0.9);
        List<UnitResult.Row> starts =
                List.of(row(0, 3, 10, 0, false, 0.4, 0), row(1, 4, 10, 0, false), row(2, 2, 3, 0, true, 0.8, 0));
        Choice choice = Choice.ofRecords(strategy(Strategy.Kind.OPTIMIZE), plain, starts, METRICS, 64);

        assertThat(choice.value(0, 9)).isEqualTo(0.2);
        assertThat(choice.losses(9)).isEqualTo(1);
        assertThat(choice.value(0, 20)).isEqualTo(0.4);
        // two evaluations do not end the third, nine do: it succeeds at once
        assertThat(choice.losses(22)).isEqualTo(20);
        assertThat(choice.losses(29)).isEqualTo(23);
        assertThat(choice.value(0, 30)).isEqualTo(0.8);
        // it ended when it succeeded
        assertThat(choice.losses(64)).isEqualTo(23);
        assertThat(choice.look()).isEqualTo("look 2");
        Choice unpaid = Choice.ofRecords(strategy(Strategy.Kind.OPTIMIZE), plain, starts, METRICS, 8);
        assertThat(unpaid.look()).isEqualTo("look 0");
        assertThat(unpaid.value(0, 8)).isEqualTo(0.2);
    }

    @Test
    void value_ofAVerifier_followsItsScore() {
        Choice choice = Choice.of(strategy(Strategy.Kind.FOLLOW, "shapes-clip"), POOL, POOL, METRICS, "a dog");

        assertThat(choice.value(1, 3)).isCloseTo(0.9, within(1e-12));
        assertThat(choice.value(0, 3)).isCloseTo(0.2, within(1e-12));
        assertThat(choice.nfe(2)).isEqualTo(6);
    }

    @Test
    void value_ofSeveralVerifiers_isThatOfTheBestMeanRank() {
        Choice choice =
                Choice.of(strategy(Strategy.Kind.FOLLOW, "oracle", "shapes-clip"), POOL, POOL, METRICS, "a dog");

        // ranks 3 + 1, 1 + 2, 2 + 3
        assertThat(choice.value(0, 3)).isEqualTo(1.0);
        assertThat(choice.look()).isEqualTo("look 1");
        // of one alone nobody is chosen
        assertThat(choice.value(0, 1)).isCloseTo(0.6, within(1e-12));
    }

    @Test
    void value_ofSeveralVerifiers_drawsOtherSubsetsForAnotherPrompt() {
        List<UnitResult.Row> pool = IntStream.range(0, 40)
                .mapToObj(i -> row(i, Double.NaN, 0, 3, false, i * 17 % 40 / 40.0, i * 23 % 40 / 40.0))
                .toList();
        Strategy both = strategy(Strategy.Kind.FOLLOW, "oracle", "shapes-clip");
        Choice dog = Choice.of(both, pool, pool, METRICS, "a dog");
        Choice cat = Choice.of(both, pool, pool, METRICS, "a cat");

        assertThat(dog.value(0, 4)).isNotEqualTo(cat.value(0, 4)).isCloseTo(cat.value(0, 4), within(0.2));
        assertThat(dog.value(0, 40)).isEqualTo(cat.value(0, 40));
    }

    @Test
    void value_ofOptimisedStarts_isTheMeanOverTheirOrders() {
        List<UnitResult.Row> starts = List.of(
                row(0, 0.9, 10, 0, false, 0.1, 0),
                row(1, 0.3, 4, 0, true, 0.5, 0),
                row(2, 0.2, 10, 0, false, 0.7, 0),
                row(3, 0.1, 6, 0, true, 0.9, 0));
        Choice choice = Choice.of(strategy(Strategy.Kind.OPTIMIZE), POOL, starts, METRICS, "a dog");

        for (int m = 1; m <= 4; m++) {
            double value = 0;
            double losses = 0;
            List<List<Integer>> orders = orders(4);
            for (List<Integer> order : orders) {
                UnitResult.Row best = starts.get(order.get(0));
                for (int i = 0; i < m; i++) {
                    UnitResult.Row next = starts.get(order.get(i));
                    losses += next.losses() / (double) orders.size();
                    best = next.score() < best.score() ? next : best;
                    if (next.success()) {
                        break;
                    }
                }
                value += best.values().get(0) / orders.size();
            }
            assertThat(choice.value(0, 10 * m + 7)).isCloseTo(value, within(1e-12));
            assertThat(choice.losses(10 * m)).isCloseTo(losses, within(1e-12));
        }
        // no start is paid for: the plain noise
        assertThat(choice.value(0, 9)).isCloseTo(0.6, within(1e-12));
        assertThat(choice.look()).isEqualTo("look 0");

        List<UnitResult.Row> forty = IntStream.range(0, 40)
                .mapToObj(i -> row(i, Double.NaN, 0, 3, false, 0.1 * i, 0))
                .toList();
        // the search from the first draw on ends with start 1
        assertThat(Choice.of(strategy(Strategy.Kind.OPTIMIZE), forty, starts, METRICS, "a dog")
                        .look())
                .isEqualTo("look 1");
    }

    /** A start that is told after 2 and 7 evaluations as well, where it takes so many. */
    private static UnitResult.Row start(int index, int losses, boolean success, double score, double value) {
        List<UnitResult.Cut> cuts = IntStream.of(2, 7)
                .filter(cut -> cut < losses)
                .mapToObj(cut -> new UnitResult.Cut(
                        cut, score + 0.37 / cut, List.of(value - cut / 100.0, 0.0), "look " + index + " at " + cut))
                .toList();
        return new UnitResult.Row(
                1,
                index,
                score,
                losses,
                0,
                success,
                List.of(value, 0.0),
                "look " + index,
                cuts.isEmpty() ? null : cuts);
    }

    @Test
    void value_ofStartsOfWhichTheLastIsCutShort_isTheMeanOverTheirOrders() {
        List<UnitResult.Row> starts = List.of(
                start(0, 10, false, 0.9, 0.1),
                start(1, 4, true, 0.3, 0.5),
                start(2, 10, false, 0.25, 0.7),
                start(3, 8, true, 0.2, 0.9),
                start(4, 10, false, 0.28, 0.3));
        Choice choice = Choice.of(strategy(Strategy.Kind.OPTIMIZE), POOL, starts, METRICS, "a dog");

        for (int n = 2; n <= 57; n++) {
            double value = 0;
            double losses = 0;
            List<List<Integer>> orders = orders(5);
            for (List<Integer> order : orders) {
                int left = n;
                UnitResult.Row best = null;
                for (int i : order) {
                    UnitResult.Row next = starts.get(i);
                    if (left < 2) {
                        break;
                    }
                    if (left < 10) {
                        // 9 and 8 are no cut that is known, so 7; and so on
                        int cut = left < 7 ? 2 : 7;
                        if (next.losses() > left) {
                            next = new UnitResult.Row(
                                    1,
                                    i,
                                    next.score() + 0.37 / cut,
                                    cut,
                                    0,
                                    false,
                                    List.of(next.values().get(0) - cut / 100.0, 0.0),
                                    "");
                        }
                        left = 0;
                    } else {
                        left -= next.losses();
                    }
                    losses += next.losses() / (double) orders.size();
                    best = best == null || next.score() < best.score() ? next : best;
                    if (next.success()) {
                        break;
                    }
                }
                value += best.values().get(0) / orders.size();
            }
            assertThat(choice.value(0, n)).as("N = %d", n).isCloseTo(value, within(1e-12));
            assertThat(choice.losses(n)).as("N = %d", n).isCloseTo(losses, within(1e-12));
        }
        assertThat(choice.value(0, 1)).isCloseTo(0.6, within(1e-12));
        assertThat(choice.losses(1)).isEqualTo(1);
        // what a start makes of a noise is no candidate of another prompt
        assertThat(choice.picked()).isEmpty();
    }

    @Test
    void value_ofStartsInTheirOrder_cutsTheLastShort() {
        UnitResult.Row plain = row(0, Double.NaN, 0, 3, false, 0.2, 0.9);
        List<UnitResult.Row> starts =
                List.of(start(0, 10, false, 0.4, 0.1), start(1, 10, false, 0.3, 0.6), start(2, 10, false, 0.5, 0.8));
        Choice choice = Choice.ofRecords(strategy(Strategy.Kind.OPTIMIZE), plain, starts, METRICS, 18);

        assertThat(choice.value(0, 1)).isEqualTo(0.2);
        assertThat(choice.value(0, 6)).isCloseTo(0.08, within(1e-12));
        assertThat(choice.losses(6)).isEqualTo(2);
        assertThat(choice.value(0, 11)).isEqualTo(0.1);
        assertThat(choice.value(0, 18)).isCloseTo(0.53, within(1e-12));
        assertThat(choice.losses(18)).isEqualTo(17);
        assertThat(choice.look()).isEqualTo("look 1 at 7");
        // 0.3 + 0.37 / 2 is no better than 0.4 was
        List<UnitResult.Row> records = List.of(
                starts.get(0),
                new UnitResult.Row(
                        1,
                        1,
                        0.3,
                        10,
                        0,
                        false,
                        List.of(0.6, 0.0),
                        "look 1",
                        List.of(new UnitResult.Cut(2, 0.485, List.of(), ""))));
        assertThat(Choice.ofRecords(strategy(Strategy.Kind.OPTIMIZE), plain, records, METRICS, 12)
                        .value(0, 12))
                .isEqualTo(0.1);
    }

    private static List<List<Integer>> orders(int n) {
        if (n == 0) {
            return List.of(List.of());
        }
        List<List<Integer>> orders = new ArrayList<>();
        for (List<Integer> shorter : orders(n - 1)) {
            IntStream.range(0, n).forEach(place -> {
                List<Integer> order = new ArrayList<>(shorter);
                order.add(place, n - 1);
                orders.add(order);
            });
        }
        return orders;
    }

    @Test
    void value_ofASearchThatWalksOn_isTheBestSoFar() {
        List<UnitResult.Row> found = List.of(
                row(0, 0.5, 0, 3, false, 0.2, 0.5),
                row(1, 0.7, 0, 6, false, 0.4, 0.7),
                row(2, 0.6, 0, 9, false, 0.9, 0.6));
        Choice choice = Choice.of(strategy(Strategy.Kind.ZERO_ORDER, "shapes-clip"), POOL, found, METRICS, "a dog");

        assertThat(List.of(choice.value(0, 1), choice.value(0, 2), choice.value(0, 3)))
                .containsExactly(0.2, 0.4, 0.4);
        assertThat(choice.nfe(2)).isEqualTo(6);
        assertThat(choice.look()).isEqualTo("look 1");
    }

    @Test
    void value_ofASearchWhoseFirstCostsMore_isOfWhatSoManyPicturesPay() {
        List<UnitResult.Row> found = List.of(
                row(0, 0.5, 0, 9, false, 0.2, 0.5),
                row(1, 0.7, 0, 18, false, 0.4, 0.7),
                row(2, 0.8, 0, 27, false, 0.9, 0.8));
        Choice choice = Choice.of(strategy(Strategy.Kind.FIRST_ORDER, "shapes-clip"), POOL, found, METRICS, "a dog");

        // a picture is 3: two pay no gradient, five one step, six two, nine all
        assertThat(List.of(
                        choice.value(0, 1),
                        choice.value(0, 2),
                        choice.value(0, 5),
                        choice.value(0, 6),
                        choice.value(0, 9)))
                .containsExactly(0.2, 0.2, 0.2, 0.4, 0.9);
        assertThat(choice.nfe(1)).isEqualTo(9);
        assertThat(choice.nfe(6)).isEqualTo(18);
    }

    @Test
    void flatFrom_isTheFirstWithinAHundredthOfTheBest() {
        assertThat(StudyFindings.flatFrom(new double[] {0.5, 0.98, 0.995, 1.0, 0.9}))
                .isEqualTo(2);
        assertThat(StudyFindings.flatFrom(new double[] {-2, -1.005, -1})).isEqualTo(1);
    }

    @Test
    void table_inEachLanguage_escapesItsOwn() {
        Table table = new Table("a & b_1", List.of("x", "50 %"), List.of(List.of("a|b <c>", "1")), "");

        assertThat(table.markdown()).contains("| a\\|b <c> | 1 |", "|---|---:|");
        assertThat(table.latex()).contains("\\caption{a \\& b\\_1}", "x & 50 \\% \\\\", "a$|$b $<$c$>$ & 1 \\\\");
        assertThat(Table.tex("a^b ~ \\c{50 %}"))
                .isEqualTo("a\\textasciicircum{}b \\textasciitilde{} \\textbackslash{}c\\{50 \\%\\}");
        assertThat(table.html()).contains("<h3>a &amp; b_1</h3>", "<td>a|b &lt;c&gt;</td><td>1</td>");
    }
}

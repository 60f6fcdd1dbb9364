package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SideBySideTest {
    private final SideBySide together = new SideBySide();
    private final List<Integer> sizes = Collections.synchronizedList(new ArrayList<>());

    private List<Integer> doubled(List<Integer> points) {
        sizes.add(points.size());
        return points.stream().map(point -> 2 * point).toList();
    }

    @Test
    void ask_bySearchesOfDifferentLengths_computesTogetherAndGivesEachItsOwn() {
        List<Supplier<List<Integer>>> searches = new ArrayList<>();
        for (int each = 0; each < 3; each++) {
            int search = each;
            searches.add(() -> {
                List<Integer> results = new ArrayList<>();
                for (int round = 0; round <= search; round++) {
                    results.addAll(together.ask("double", List.of(search, 10 * round), this::doubled));
                }
                return results;
            });
        }

        List<List<Integer>> results = together.run(searches);

        assertThat(results).containsExactly(List.of(0, 0), List.of(2, 0, 2, 20), List.of(4, 0, 4, 20, 4, 40));
        assertThat(sizes).containsExactly(6, 4, 2);
    }

    @Test
    void ask_ofDifferentKinds_isComputedApart() {
        List<Supplier<List<Integer>>> searches = IntStream.range(0, 4)
                .<Supplier<List<Integer>>>mapToObj(
                        i -> () -> together.ask(i % 2 == 0 ? "even" : "odd", List.of(i), this::doubled))
                .toList();

        assertThat(together.run(searches)).containsExactly(List.of(0), List.of(2), List.of(4), List.of(6));
        assertThat(sizes).containsExactly(2, 2);
    }

    @Test
    void ask_ofWorkThatFails_failsForAllWhoWaitedForIt() {
        List<Supplier<List<Integer>>> searches = List.of(
                () -> together.ask("bad", List.of(1), points -> {
                    throw new IllegalStateException("no memory");
                }),
                () -> together.ask("good", List.of(1), this::doubled));

        assertThatThrownBy(() -> together.run(searches))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no memory");
        assertThat(sizes).containsExactly(1);
    }

    @Test
    void ask_ofWorkThatEndsInAnError_leavesNobodyWaiting() {
        List<Supplier<List<Integer>>> searches = List.of(
                () -> together.ask("same", List.of(1), points -> {
                    throw new OutOfMemoryError("no heap");
                }),
                () -> together.ask("same", List.of(1), points -> {
                    throw new OutOfMemoryError("no heap");
                }));

        assertThatThrownBy(() -> together.run(searches))
                .isInstanceOf(OutOfMemoryError.class)
                .hasMessage("no heap");
    }
}

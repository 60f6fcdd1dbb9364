package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.study.WorkerWord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class StudyCrewTest {
    private final List<String> told = new ArrayList<>();
    private final AtomicLong now = new AtomicLong();
    private final StudyCrew crew = new StudyCrew(told::add, "prenoise study work", now::get);

    private void pass(int seconds) {
        now.addAndGet(Duration.ofSeconds(seconds).toNanos());
    }

    @Test
    void look_whileNobodyComputes_saysHowAWorkerIsStarted_andNotAllTheTime() {
        crew.look(3);
        assertThat(told).isEmpty();
        pass(31);
        crew.look(3);
        crew.look(3);
        assertThat(told).containsExactly("study: 3 units wait and nobody computes (expected: prenoise study work)");
        pass(301);
        crew.look(3);
        assertThat(told).hasSize(2);
        crew.look(0);
        assertThat(told).hasSize(2);
    }

    @Test
    void look_whereAllRefuse_saysWhy_untilSomeoneComputes() {
        crew.hear(new WorkerWord("a", "u", "version is 2 (expected: 1)"));
        crew.hear(new WorkerWord("a", "v", "version is 2 (expected: 1)"));
        crew.hear(new WorkerWord("b", "u", "version is 2 (expected: 1)"));
        assertThat(told)
                .containsExactly(
                        "study: a leaves units to others: version is 2 (expected: 1)",
                        "study: b leaves units to others: version is 2 (expected: 1)");
        pass(31);
        crew.look(2);
        assertThat(told.get(2))
                .isEqualTo("study: 2 units wait and nobody who is there can compute them: version is 2 (expected: 1)"
                        + " (expected: a worker of which this is not so)");

        crew.hear(new WorkerWord("c", "u", null));
        crew.hear(new WorkerWord("c", "u", null));
        pass(29);
        crew.look(2);
        assertThat(told).hasSize(4).last().isEqualTo("study: c computes");
        pass(2);
        crew.look(1);
        assertThat(told).hasSize(5);
    }
}

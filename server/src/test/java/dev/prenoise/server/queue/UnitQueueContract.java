package dev.prenoise.server.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.attention.LossForm;
import dev.prenoise.study.BackboneSetting;
import dev.prenoise.study.Strategy;
import dev.prenoise.study.StudyPrompt;
import dev.prenoise.study.Unit;
import dev.prenoise.study.UnitQueue;
import dev.prenoise.study.UnitQueue.Delivery;
import dev.prenoise.study.UnitResult;
import dev.prenoise.study.WorkerWord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every queue of units does. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class UnitQueueContract {
    /** After so long without a word what was taken comes again. */
    static final Duration FORGOTTEN = Duration.ofSeconds(3);

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Duration SHORT = Duration.ofMillis(200);

    private UnitQueue queue;

    /** A queue with nothing in it. */
    abstract UnitQueue fresh() throws Exception;

    @BeforeEach
    void open() throws Exception {
        queue = fresh();
    }

    @AfterEach
    void close() {
        queue.close();
    }

    static Unit unit(int number) {
        return new Unit(
                new BackboneSetting("", "shapes", "", "", "", 0, 0, 0, 0),
                new StudyPrompt("prompt " + number, List.of()),
                new Strategy("", Strategy.Kind.PICTURES, "", LossForm.RANKING, List.of()),
                2,
                List.of(-1L),
                List.of("oracle"),
                true,
                List.of("1 cpu"),
                null,
                null);
    }

    private static UnitResult result(int number) {
        UnitResult.Row row = new UnitResult.Row(-1, 0, Double.NaN, 1, 2, true, List.of(0.5), "AAAA");
        return new UnitResult(unit(number).id(), "1", 0.25, 7, List.of(row), Map.of("", "AA"), null);
    }

    private Delivery<Unit> taken() throws InterruptedException {
        return Objects.requireNonNull(queue.take(PATIENCE), "a unit");
    }

    @Test
    void take_afterOffers_hasEachOnceAndWhole() throws Exception {
        queue.offer(List.of(unit(1), unit(2)));
        assertThat(queue.units()).isEqualTo(2);
        List<Unit> units = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Delivery<Unit> delivery = taken();
            units.add(delivery.content());
            delivery.acknowledge();
        }

        assertThat(units).containsExactlyInAnyOrder(unit(1), unit(2));
        assertThat(queue.take(SHORT)).isNull();
        assertThat(queue.units()).isZero();
    }

    @Test
    void offer_theSameTwice_isOneUnit() throws Exception {
        queue.offer(List.of(unit(1)));
        queue.offer(List.of(unit(1)));
        Delivery<Unit> first = taken();

        assertThat(queue.units()).isEqualTo(1);
        queue.offer(List.of(unit(1), unit(2)));
        assertThat(taken().content()).isEqualTo(unit(2));
        assertThat(queue.take(SHORT)).isNull();
        first.acknowledge();
        assertThat(queue.take(SHORT)).isNull();
    }

    @Test
    void offer_ofOneThatWasDone_isAnewUnit() throws Exception {
        queue.offer(List.of(unit(1)));
        taken().acknowledge();
        queue.offer(List.of(unit(1)));

        assertThat(taken().content()).isEqualTo(unit(1));
    }

    @Test
    void retain_takesBackWhatWaitsOfOthers() throws Exception {
        queue.offer(List.of(unit(1), unit(2), unit(3)));
        queue.retain(Set.of(unit(2).id(), unit(4).id()));

        assertThat(queue.units()).isEqualTo(1);
        Delivery<Unit> wanted = taken();
        assertThat(wanted.content()).isEqualTo(unit(2));
        wanted.acknowledge();
        queue.offer(List.of(unit(3)));
        Delivery<Unit> anew = taken();
        assertThat(anew.content()).isEqualTo(unit(3));
        anew.acknowledge();

        queue.offer(List.of(unit(1), unit(2)));
        queue.retain(Set.of(unit(3).id()));
        assertThat(queue.units()).isZero();
        queue.offer(List.of(unit(1)));
        assertThat(taken().content()).isEqualTo(unit(1));
    }

    @Test
    void begin_ofOneThatWasGivenBack_isAfterNobodysDeath() throws Exception {
        queue.offer(List.of(unit(1)));
        try (Delivery<Unit> delivery = taken()) {
            assertThat(delivery.begin("ann")).isEmpty();
        }
        try (Delivery<Unit> delivery = taken()) {
            assertThat(delivery.begin("bob")).isEmpty();
            delivery.giveBack(SHORT);
        }

        Delivery<Unit> last = taken();
        assertThat(last.begin("cid")).isEmpty();
        last.acknowledge();
        queue.offer(List.of(unit(1)));
        assertThat(taken().begin("ann")).isEmpty();
    }

    @Test
    void withdraw_takesBackWhatWaits_andLeavesResults() throws Exception {
        queue.offer(List.of(unit(1), unit(2)));
        Delivery<Unit> begun = taken();
        queue.withdraw();
        assertThat(queue.take(SHORT)).isNull();
        queue.report(result(1));
        begun.acknowledge();

        assertThat(queue.units()).isZero();
        assertThat(Objects.requireNonNull(queue.result(PATIENCE), "a result").content())
                .isEqualTo(result(1));
    }

    @Test
    void take_ofOneThatWasGivenBackForLater_hasItThen() throws Exception {
        queue.offer(List.of(unit(1)));
        long begin = System.nanoTime();
        try (Delivery<Unit> delivery = taken()) {
            delivery.giveBack(SHORT.multipliedBy(2));
        }

        assertThat(queue.take(SHORT)).isNull();
        assertThat(taken().content()).isEqualTo(unit(1));
        assertThat(System.nanoTime() - begin)
                .isGreaterThanOrEqualTo(SHORT.multipliedBy(2).toNanos());
    }

    @Test
    void say_isHeardByWhoListens() throws Exception {
        BlockingQueue<WorkerWord> heard = new LinkedBlockingQueue<>();
        queue.listen(heard::add);
        WorkerWord word = new WorkerWord("here", unit(1).id(), "no such model");
        queue.say(word);

        assertThat(heard.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEqualTo(word);
    }

    @Test
    void take_ofOneThatWasGivenBack_hasItAgain() throws Exception {
        queue.offer(List.of(unit(1)));
        taken().close();

        assertThat(taken().content()).isEqualTo(unit(1));
    }

    @Test
    void take_ofOneThatWasForgotten_hasItAgain() throws Exception {
        queue.offer(List.of(unit(1)));
        Delivery<Unit> forgotten = taken();

        assertThat(forgotten.content()).isEqualTo(unit(1));
        assertThat(taken().content()).isEqualTo(unit(1));
    }

    @Test
    void take_ofOneThatIsBeingWorkedOn_doesNotHaveIt() throws Exception {
        queue.offer(List.of(unit(1)));
        Delivery<Unit> working = taken();
        // often enough that a machine that halts for a second or two is none that has forgotten it
        for (int i = 0; i < 12; i++) {
            assertThat(queue.take(FORGOTTEN.dividedBy(8))).isNull();
            working.working();
        }
        working.acknowledge();

        assertThat(queue.take(FORGOTTEN.multipliedBy(2))).isNull();
    }

    @Test
    void close_afterAcknowledging_givesNothingBack() throws Exception {
        queue.offer(List.of(unit(1)));
        try (Delivery<Unit> delivery = taken()) {
            delivery.acknowledge();
        }

        assertThat(queue.take(SHORT)).isNull();
    }

    @Test
    void result_afterReports_hasEachWhole() throws Exception {
        queue.report(result(1));
        Delivery<UnitResult> delivery = Objects.requireNonNull(queue.result(PATIENCE), "a result");

        assertThat(delivery.content()).isEqualTo(result(1));
        delivery.acknowledge();
        assertThat(queue.result(SHORT)).isNull();
    }

    @Test
    void result_thatWasGivenBack_comesAgain() throws Exception {
        queue.report(result(1));
        Objects.requireNonNull(queue.result(PATIENCE), "a result").close();

        assertThat(Objects.requireNonNull(queue.result(PATIENCE), "a result").content())
                .isEqualTo(result(1));
    }
}

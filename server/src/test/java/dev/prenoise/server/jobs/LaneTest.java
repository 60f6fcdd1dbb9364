package dev.prenoise.server.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.server.SearchClient;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LaneTest {
    private final Lane lane = new Lane("test");

    @AfterEach
    void close() {
        lane.close();
    }

    @Test
    void call_fromManyThreads_isServedInTheOrderAsked() throws InterruptedException {
        CountDownLatch gate = new CountDownLatch(1);
        List<Integer> order = new CopyOnWriteArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            int turn = i;
            Thread thread = new Thread(() -> lane.call(() -> {
                gate.await();
                return order.add(turn);
            }));
            thread.start();
            threads.add(thread);
            SearchClient.await(() -> thread.getState() == Thread.State.WAITING);
        }
        gate.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(order).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }

    @Test
    void call_runsOnTheLanesOwnThread() {
        assertThat(lane.call(() -> Thread.currentThread().getName())).isEqualTo("prenoise-lane-test");
    }

    @Test
    void call_thatFails_throwsTheSameAndTheLaneGoesOn() {
        OutOfMemoryError memory = new OutOfMemoryError();
        assertThatThrownBy(() -> lane.call(() -> {
                    throw memory;
                }))
                .isSameAs(memory);
        assertThat(lane.call(() -> 1)).isEqualTo(1);
    }

    @Test
    void call_noLongerWantedWhenItsTurnComes_isNotRun() {
        AtomicBoolean ran = new AtomicBoolean();
        assertThatThrownBy(() -> lane.call(() -> ran.getAndSet(true), () -> true))
                .isInstanceOf(SearchStoppedException.class);
        assertThat(ran).isFalse();
    }

    @Test
    void call_afterClose_isStopped() {
        lane.close();
        assertThatThrownBy(() -> lane.call(() -> 1)).isInstanceOf(SearchStoppedException.class);
    }
}

package dev.prenoise.server.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.study.LocalQueue;
import dev.prenoise.study.Unit;
import dev.prenoise.study.UnitQueue;
import dev.prenoise.study.UnitQueue.Delivery;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Of the engine's queue; here, where what every queue does is told once for all. */
class LocalQueueTest extends UnitQueueContract {
    @Override
    UnitQueue fresh() {
        return new LocalQueue(FORGOTTEN);
    }

    @Test
    void begin_ofOneThatWasForgotten_namesWhoForgotIt_butNobodyWhoGaveItBackAfterAll() throws Exception {
        UnitQueue queue = new LocalQueue(Duration.ofMillis(50));
        queue.offer(List.of(unit(1)));
        Delivery<Unit> first = taken(queue);
        assertThat(first.begin("ann")).isEmpty();
        assertThat(taken(queue).begin("bob")).containsExactly("ann");
        Delivery<Unit> third = taken(queue);
        assertThat(third.begin("cid")).containsExactly("ann", "bob");
        Delivery<Unit> fourth = taken(queue);
        // was slow, but is there
        first.close();
        assertThat(fourth.begin("dan")).containsExactly("bob", "cid");
    }

    private static Delivery<Unit> taken(UnitQueue queue) throws InterruptedException {
        return Objects.requireNonNull(queue.take(Duration.ofSeconds(10)), "a unit");
    }
}

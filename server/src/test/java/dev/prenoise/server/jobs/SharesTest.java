package dev.prenoise.server.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.search.Evaluation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class SharesTest {
    private final AtomicLong clock = new AtomicLong();
    private final Shares shares = new Shares(clock::get);
    private final List<Integer> doneHere = new ArrayList<>();

    /** Takes a second. */
    private final Function<Share, List<Evaluation>> here = share -> {
        doneHere.add(share.evaluator());
        pass(Duration.ofSeconds(1));
        return scored(share.evaluator());
    };

    private void pass(Duration time) {
        clock.addAndGet(time.toNanos());
    }

    /** Told from others by its number. */
    private static Share share(int number) {
        return new Share(number, 1, List.of());
    }

    private static List<Evaluation> scored(double score) {
        return List.of(new Evaluation(score, Map.of(), null));
    }

    @Test
    void await_nobodyElse_doesThemHereInOrder() {
        List<Shares.Ticket> all = List.of(shares.add(share(1)), shares.add(share(2)));
        assertThat(shares.await(all, here, () -> false)).containsExactly(scored(1), scored(2));
        assertThat(doneHere).containsExactly(1, 2);
    }

    @Test
    void await_peersBroughtTheWanted_returnsTheirsAndLeavesTheOthers() {
        Shares.Ticket first = shares.add(share(1));
        Shares.Ticket second = shares.add(share(2));
        assertThat(shares.take()).isSameAs(first);
        shares.bring(first, scored(10));
        assertThat(shares.await(List.of(first), here, () -> false)).containsExactly(scored(10));
        assertThat(doneHere).isEmpty();
        assertThat(shares.take()).isSameAs(second);
        assertThat(shares.take()).isNull();
    }

    @Test
    void await_peerIsLate_doesItHereOnceItIsOverdue() {
        Shares.Ticket slow = shares.add(share(1));
        assertThat(shares.take()).isSameAs(slow);
        Shares.Ticket other = shares.add(share(2));
        assertThat(shares.await(List.of(other), here, () -> false)).containsExactly(scored(2));
        pass(Duration.ofSeconds(1));
        // two seconds gone, and one takes one: it may still come
        assertThatThrownBy(() -> shares.await(List.of(slow), here, stopsAfter(3)))
                .isInstanceOf(CancellationException.class);
        assertThat(doneHere).containsExactly(2);
        pass(Duration.ofMillis(1001));
        assertThat(shares.await(List.of(slow), here, () -> false)).containsExactly(scored(1));
        shares.bring(slow, scored(99));
        assertThat(shares.await(List.of(slow), here, () -> false)).containsExactly(scored(1));
        assertThat(doneHere).containsExactly(2, 1);
    }

    private static BooleanSupplier stopsAfter(int times) {
        AtomicLong asked = new AtomicLong();
        return () -> asked.incrementAndGet() > times;
    }

    @Test
    void giveBack_ofALostPeer_isTheNextThatIsTaken() {
        Shares.Ticket lost = shares.add(share(1));
        Shares.Ticket next = shares.add(share(2));
        assertThat(shares.take()).isSameAs(lost);
        shares.giveBack(lost);
        assertThat(shares.take()).isSameAs(lost);
        assertThat(shares.take()).isSameAs(next);
    }

    @Test
    void retain_someAreNotWanted_nobodyDoesThem() {
        Shares.Ticket taken = shares.add(share(1));
        assertThat(shares.take()).isSameAs(taken);
        shares.add(share(2));
        Shares.Ticket wanted = shares.add(share(3));
        shares.retain(List.of(wanted));
        shares.giveBack(taken);
        assertThat(shares.take()).isSameAs(wanted);
        assertThat(shares.take()).isNull();
    }
}

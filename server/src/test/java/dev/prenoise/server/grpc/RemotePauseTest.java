package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RemotePauseTest {
    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);
    private final RemotePause pause = new RemotePause(now::get);

    @Test
    void mayAsk_afterFailuresInARow_isNoUntilThePauseIsOver_thenYesOnce() {
        assertThat(pause.failed()).isFalse();
        assertThat(pause.failed()).isFalse();
        assertThat(pause.mayAsk()).isTrue();
        assertThat(pause.failed()).as("begins a pause").isTrue();
        assertThat(pause.mayAsk()).isFalse();

        now.addAndGet(RemotePause.PAUSE.toNanos() - 1);
        assertThat(pause.mayAsk()).isFalse();
        now.addAndGet(1);
        assertThat(pause.mayAsk()).isTrue();
        assertThat(pause.mayAsk()).as("another, while the first is out").isFalse();

        assertThat(pause.failed()).as("the same pause goes on").isFalse();
        assertThat(pause.mayAsk()).isFalse();
        now.addAndGet(RemotePause.PAUSE.toNanos());
        assertThat(pause.mayAsk()).isTrue();
        pause.answered();
        assertThat(pause.mayAsk()).isTrue();
        assertThat(pause.mayAsk()).isTrue();
    }

    @Test
    void mayAsk_withAnAnswerBetweenFailures_isYes() {
        for (int i = 0; i < 10; i++) {
            pause.failed();
            pause.failed();
            pause.answered();
        }
        assertThat(pause.mayAsk()).isTrue();
    }

    @Test
    void mayAsk_afterOneWhoAskedGaveUp_isYes() {
        for (int i = 0; i < RemotePause.FAILURES; i++) {
            pause.failed();
        }
        now.addAndGet(RemotePause.PAUSE.toNanos());
        assertThat(pause.mayAsk()).isTrue();
        assertThat(pause.mayAsk()).isFalse();
        pause.abandoned();
        assertThat(pause.mayAsk()).as("the next").isTrue();
        assertThat(pause.mayAsk()).as("and no other").isFalse();
    }
}

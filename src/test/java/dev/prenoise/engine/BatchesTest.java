package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.noise.Noise;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchesTest {
    private static final List<Noise> NOISES = IntStream.range(0, 11)
            .mapToObj(i -> Noise.of(new long[] {1, 1, 1, 1}, new float[] {i}))
            .toList();

    private final List<Integer> sizes = new ArrayList<>();
    private final SmallRoom room = new SmallRoom();

    @Test
    void each_whereAllFit_cutsIntoTheSize() {
        Batches batches = new Batches(room, 8);
        assertThat(batches.each(NOISES, this::values)).isEqualTo(values(NOISES, 0));
        assertThat(sizes).containsExactly(8, 8, 0);
        assertThat(room.freed).isZero();
    }

    @Test
    void each_whereTheDeviceRunsOut_halvesAndGoesOnWithoutLosingOne() {
        room.most = 3;
        Batches batches = new Batches(room, 8);
        assertThat(batches.each(NOISES, this::values)).isEqualTo(values(NOISES, 0));
        assertThat(sizes.subList(0, 8)).containsExactly(8, 4, 2, 2, 2, 2, 2, 2);
        assertThat(room.freed).isEqualTo(2);
        assertThat(batches.size()).as("for the searches to come").isEqualTo(2);
    }

    @Test
    void each_whereNotOneFits_throwsWithTheCause() {
        room.most = 0;
        Batches batches = new Batches(room, 4);
        assertThatThrownBy(() -> batches.each(NOISES, this::values))
                .isInstanceOf(OutOfDeviceMemoryException.class)
                .hasRootCauseMessage("CUDA out of memory. Tried to allocate 20 MiB");
        assertThat(sizes).containsExactly(4, 2, 1);
    }

    @Test
    void each_ofBatchesOfOne_triesEachOnceMoreAfterMemoryWasFreed() {
        room.fails = List.of(0, 2);
        Batches batches = new Batches(room, 1);
        assertThat(batches.each(NOISES, this::values)).isEqualTo(values(NOISES, 0));
        assertThat(room.freed).isEqualTo(2);

        room.most = 0;
        assertThatThrownBy(() -> batches.each(NOISES, this::values)).isInstanceOf(OutOfDeviceMemoryException.class);
        assertThat(room.freed).as("two attempts").isEqualTo(4);
    }

    @Test
    void each_whereRoomIsMissedBeforehand_halvesToo() {
        room.foreseen = 3;
        Batches batches = new Batches(room, 8);
        assertThat(batches.each(NOISES, this::values)).isEqualTo(values(NOISES, 0));
        assertThat(batches.size()).isEqualTo(2);

        room.foreseen = 0;
        assertThatThrownBy(() -> batches.each(NOISES, this::values))
                .isInstanceOf(OutOfDeviceMemoryException.class)
                .hasNoCause();
    }

    @Test
    void each_withAnotherFailure_throwsIt() {
        Batches batches = new Batches(room, 4);
        assertThatThrownBy(() -> batches.each(NOISES, (part, size) -> {
                    throw new IllegalStateException("shapes differ");
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("shapes differ");
        assertThat(batches.size()).isEqualTo(4);
    }

    @Test
    void withGradient_isTriedOnceMoreAfterMemoryWasFreed() {
        int[] calls = {0};
        Batches batches = new Batches(room, 4);
        assertThat(batches.<String>withGradient(() -> {
                    if (calls[0]++ == 0) {
                        throw new OutOfMemoryError("Java heap space");
                    }
                    return "done";
                }))
                .isEqualTo("done");
        assertThat(room.freed).isEqualTo(1);
        assertThatThrownBy(() -> batches.withGradient(() -> {
                    throw new RuntimeException(
                            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes");
                }))
                .isInstanceOf(OutOfDeviceMemoryException.class);
    }

    private List<Float> values(List<Noise> part, int size) {
        sizes.add(size);
        if (size > room.most || size > 0 && room.fails.contains(sizes.size() - 1)) {
            throw new RuntimeException("CUDA out of memory. Tried to allocate 20 MiB");
        }
        return part.stream().map(noise -> noise.data()[0]).toList();
    }

    private static final class SmallRoom implements Batches.Room {
        int most = Integer.MAX_VALUE;
        int foreseen = Integer.MAX_VALUE;
        int freed;

        /** Of the calls, from 0, that find no room whatever the size. */
        List<Integer> fails = List.of();

        @Override
        public <T> T take(int batch, boolean gradient, Supplier<T> work) {
            if (batch > foreseen) {
                throw new OutOfDeviceMemoryException("these", "cpu", 1, 1, 0, null);
            }
            return work.get();
        }

        @Override
        public void free() {
            freed++;
        }

        @Override
        public OutOfDeviceMemoryException exhausted(boolean gradient, Throwable cause) {
            return new OutOfDeviceMemoryException("one", "cpu", 1, 1, 0, cause);
        }
    }
}

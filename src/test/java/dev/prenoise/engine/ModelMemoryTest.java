package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DeviceMemory;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModelMemoryTest {
    private static final long GB = 1_000_000_000;

    /** 10 GB, of which others have taken 2. */
    private final FakeModel old = new FakeModel("old", 3 * GB, 1);

    private final FakeModel recent = new FakeModel("recent", 2 * GB, 2);
    private final FakeModel asker = new FakeModel("asker", 0, 0);

    @Test
    void require_ofWhatIsFree_unloadsNobody() {
        try (ModelMemory memory = memory(0)) {
            memory.require(asker, 3 * GB, "it", () -> {});
            assertThat(old.bytes).isEqualTo(3 * GB);
        }
    }

    @Test
    void require_ofMore_unloadsTheLeastRecentlyUsed() {
        try (ModelMemory memory = memory(0)) {
            memory.require(asker, 5 * GB, "it", () -> {});
            assertThat(List.of(old.bytes, recent.bytes)).containsExactly(0L, 2 * GB);
        }
    }

    @Test
    void require_ofMore_asksForWhatTheAskerCanSpareFirst() {
        asker.bytes = 2 * GB;
        try (ModelMemory memory = memory(0)) {
            memory.require(asker, 3 * GB, "it", () -> asker.bytes = 0);
            assertThat(List.of(old.bytes, recent.bytes, asker.bytes)).containsExactly(3 * GB, 2 * GB, 0L);
        }
    }

    @Test
    void require_ofTooMuch_saysWhatIsNeededFreeAndAllowed() {
        recent.computing = true;
        try (ModelMemory memory = memory(6 * GB)) {
            assertThatThrownBy(() -> memory.require(asker, 5 * GB, "sdxl at 1024 x 1024", () -> {}))
                    .isInstanceOfSatisfying(OutOfDeviceMemoryException.class, e -> {
                        assertThat(e.needed()).isEqualTo(5 * GB);
                        assertThat(e.free()).isEqualTo(6 * GB);
                        assertThat(e.limit()).isEqualTo(6 * GB);
                    })
                    .hasMessage(
                            "out of memory: sdxl at 1024 x 1024 needs about 5.00 GB on cpu (6.00 GB free, --memory-limit 6.00 GB;"
                                    + " expected: a smaller picture or model, or memory freed by the host or by ReleaseMemory)");
            assertThat(recent.bytes).as("one that computes stays").isEqualTo(2 * GB);
        }
    }

    @Test
    void available_withALimit_isWhatModelsLeaveOfIt() {
        try (ModelMemory memory = memory(6 * GB)) {
            assertThat(memory.available()).isEqualTo(GB);
            assertThat(memory.release()).isEqualTo(5 * GB);
            assertThat(memory.available()).isEqualTo(6 * GB);
        }
    }

    /** 2 GB are free beside the three models. */
    @Test
    void obtainable_countsWhatWouldLeave() {
        asker.bytes = GB;
        try (ModelMemory memory = memory(0)) {
            assertThat(memory.available()).isEqualTo(2 * GB);
            assertThat(memory.obtainable(GB)).isEqualTo(7 * GB);
            assertThat(List.of(old.bytes, recent.bytes, asker.bytes)).containsExactly(3 * GB, 2 * GB, GB);
        }
        try (ModelMemory memory = memory(5 * GB)) {
            assertThat(memory.available()).isZero();
            assertThat(memory.obtainable(GB)).isEqualTo(4 * GB);
        }
        try (ModelMemory memory =
                new ModelMemory(Compute.cpu(), EngineOptions.of("cpu"), () -> new DeviceMemory(0, 0))) {
            memory.add(old);
            assertThat(memory.obtainable(0)).isEqualTo(Long.MAX_VALUE);
        }
    }

    @Test
    void require_whereNothingIsKnown_letsItTry() {
        EngineOptions options = EngineOptions.of("cpu");
        try (ModelMemory memory = new ModelMemory(Compute.cpu(), options, () -> new DeviceMemory(0, 0))) {
            memory.add(old);
            memory.require(asker, 1000 * GB, "it", () -> {});
            assertThat(old.bytes).isEqualTo(3 * GB);
        }
    }

    @Test
    void idleModels_leaveTheDevice_unlessTheyCompute() throws InterruptedException {
        EngineOptions options = new EngineOptions("cpu", 0, Duration.ofMillis(50), Precision.AUTO, List.of());
        old.used = System.nanoTime() - Duration.ofSeconds(1).toNanos();
        recent.used = Long.MAX_VALUE;
        asker.bytes = GB;
        asker.used = old.used;
        asker.computing = true;
        try (ModelMemory memory = new ModelMemory(Compute.cpu(), options)) {
            List.of(old, recent, asker).forEach(memory::add);
            long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
            while (old.bytes > 0 && System.nanoTime() < deadline) {
                Thread.sleep(5);
            }
            assertThat(List.of(old.bytes, recent.bytes, asker.bytes)).containsExactly(0L, 2 * GB, GB);
        }
    }

    private ModelMemory memory(long limit) {
        EngineOptions options = new EngineOptions("cpu", limit, Duration.ZERO, Precision.AUTO, List.of());
        ModelMemory memory = new ModelMemory(
                Compute.cpu(),
                options,
                () -> new DeviceMemory(10 * GB, 8 * GB - old.bytes - recent.bytes - asker.bytes));
        List.of(old, recent, asker).forEach(memory::add);
        return memory;
    }

    private static final class FakeModel implements ModelMemory.Tenant {
        private final String name;
        volatile long bytes;
        volatile long used;
        volatile boolean computing;

        FakeModel(String name, long bytes, long used) {
            this.name = name;
            this.bytes = bytes;
            this.used = used;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long loadedBytes() {
            return bytes;
        }

        @Override
        public long lastUsed() {
            return used;
        }

        @Override
        public long unload() {
            long freed = computing ? 0 : bytes;
            bytes -= freed;
            return freed;
        }
    }
}

package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceMemoryTest {
    @TempDir
    Path root;

    @BeforeEach
    void machine() throws IOException {
        write("meminfo", "MemTotal:       24000 kB\nMemFree:          100 kB\nMemAvailable:   20000 kB\n");
    }

    @Test
    void linux_countsCacheThatTheSystemGivesBack() {
        assertThat(linux()).isEqualTo(new DeviceMemory(24000L << 10, 20000L << 10));
    }

    @Test
    void linux_inAContainer_isItsLimitWithoutItsFileCache() throws IOException {
        write("cgroup/memory.max", "8000000\n");
        write("cgroup/memory.current", "7000000\n");
        write("cgroup/memory.stat", "anon 3000000\nfile 4000000\n");
        assertThat(linux()).isEqualTo(new DeviceMemory(8_000_000, 5_000_000));
    }

    @Test
    void linux_inAnOldContainer_isItsLimitToo() throws IOException {
        write("cgroup/memory/memory.limit_in_bytes", "8000000");
        write("cgroup/memory/memory.usage_in_bytes", "9000000");
        write("cgroup/memory/memory.stat", "cache 1\ntotal_cache 2000000");
        assertThat(linux()).isEqualTo(new DeviceMemory(8_000_000, 1_000_000));
    }

    @Test
    void linux_inAContainerWithoutLimit_isTheMachine() throws IOException {
        write("cgroup/memory.max", "max\n");
        write("cgroup/memory.current", "7000000\n");
        assertThat(linux().total()).isEqualTo(24000L << 10);
        write("cgroup/memory.max", "9223372036854771712\n");
        assertThat(linux().total()).isEqualTo(24000L << 10);
    }

    @Test
    void linux_withoutTheFiles_isUnknown() {
        assertThat(DeviceMemory.linux(root.resolve("none"), root.resolve("none")))
                .isEqualTo(DeviceMemory.UNKNOWN);
        assertThat(DeviceMemory.UNKNOWN.known()).isFalse();
    }

    @Test
    void memory_ofTheCpu_isSomeOfTheMachines() {
        DeviceMemory memory = Compute.cpu().memory();
        assertThat(memory.known()).isTrue();
        assertThat(memory.free()).isBetween(1L, memory.total());
    }

    @Test
    void isExhaustion_knowsJavasAndLibtorchsErrors() {
        assertThat(DeviceMemory.isExhaustion(new IllegalStateException(
                        "x", new RuntimeException("CUDA out of memory. Tried to allocate 2.00 GiB"))))
                .isTrue();
        assertThat(DeviceMemory.isExhaustion(new OutOfMemoryError("Java heap space")))
                .isTrue();
        assertThat(DeviceMemory.isExhaustion(new RuntimeException(
                        "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")))
                .isTrue();
        assertThat(DeviceMemory.isExhaustion(new RuntimeException("mat1 and mat2 shapes cannot be multiplied")))
                .isFalse();
    }

    @Test
    void driver_thatFails_isUnknownAndLeavesNoContext() {
        FakeDriver driver = new FakeDriver();
        assertThat(driver.memory(1)).isEqualTo(new DeviceMemory(8_000, 3_000));
        assertThat(driver.retained).isZero();
        assertThat(driver.pushed).isZero();
        driver.failing = true;
        assertThat(driver.memory(1)).isEqualTo(DeviceMemory.UNKNOWN);
        assertThat(driver.retained).isZero();
        assertThat(driver.pushed).isZero();
    }

    private DeviceMemory linux() {
        return DeviceMemory.linux(root.resolve("meminfo"), root.resolve("cgroup"));
    }

    private void write(String file, String text) throws IOException {
        Files.createDirectories(root.resolve(file).getParent());
        Files.writeString(root.resolve(file), text);
    }

    private static final class FakeDriver implements CudaDriver {
        int retained;
        int pushed;
        boolean failing;

        @Override
        public int cuInit(int flags) {
            return 0;
        }

        @Override
        public int cuDeviceGetCount(IntByReference count) {
            count.setValue(2);
            return 0;
        }

        @Override
        public int cuDeviceGet(IntByReference device, int ordinal) {
            device.setValue(ordinal);
            return 0;
        }

        @Override
        public int cuDevicePrimaryCtxRetain(PointerByReference context, int device) {
            retained++;
            return 0;
        }

        @Override
        public int cuCtxPushCurrent_v2(Pointer context) {
            pushed++;
            return 0;
        }

        @Override
        public int cuCtxPopCurrent_v2(PointerByReference context) {
            pushed--;
            return 0;
        }

        @Override
        public int cuDevicePrimaryCtxRelease_v2(int device) {
            retained--;
            return 0;
        }

        @Override
        public int cuMemGetInfo_v2(LongByReference free, LongByReference total) {
            free.setValue(3_000);
            total.setValue(8_000);
            return failing ? 1 : 0;
        }
    }
}

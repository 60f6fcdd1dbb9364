package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DeviceMemory;

/** What there is to compute on. */
final class Devices {
    private Devices() {}

    static DeviceInfo info(Compute compute) {
        DeviceMemory memory = compute.memory();
        return new DeviceInfo(compute.name(), memory.total(), memory.free());
    }
}

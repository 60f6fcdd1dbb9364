package dev.prenoise.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.prenoise.tensor.Compute;
import java.lang.management.ManagementFactory;

/** What there is to compute on. */
final class Devices {
    private Devices() {}

    /** Memory of the machine for "cpu"; of other devices it is not known here and 0. */
    static DeviceInfo info(Compute compute) {
        if (compute.isCpu() && ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system) {
            return new DeviceInfo(compute.name(), system.getTotalMemorySize(), system.getFreeMemorySize());
        }
        return new DeviceInfo(compute.name(), 0, 0);
    }
}

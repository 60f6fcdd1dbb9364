package dev.prenoise.tensor;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;

/** The few calls of NVIDIA's driver that say how much memory a card has free; libtorch's binding has none. The driver is there where CUDA is. */
interface CudaDriver extends Library {
    int cuInit(int flags);

    int cuDeviceGetCount(IntByReference count);

    int cuDeviceGet(IntByReference device, int ordinal);

    int cuDevicePrimaryCtxRetain(PointerByReference context, int device);

    int cuCtxPushCurrent_v2(Pointer context);

    int cuCtxPopCurrent_v2(PointerByReference context);

    int cuDevicePrimaryCtxRelease_v2(int device);

    int cuMemGetInfo_v2(LongByReference free, LongByReference total);

    /**
     * @throws UnsatisfiedLinkError when the machine has no such driver
     */
    static CudaDriver load() {
        boolean windows = System.getProperty("os.name", "").startsWith("Windows");
        return Native.load(windows ? "nvcuda" : "libcuda.so.1", CudaDriver.class);
    }

    /** Cards that the driver has. */
    default int devices() {
        IntByReference count = new IntByReference();
        return cuInit(0) == 0 && cuDeviceGetCount(count) == 0 ? count.getValue() : 0;
    }

    /**
     * Free memory counts what libtorch keeps in its cache as used.
     *
     * @param ordinal as in "cuda:N"
     */
    default DeviceMemory memory(int ordinal) {
        IntByReference device = new IntByReference();
        PointerByReference context = new PointerByReference();
        if (cuInit(0) != 0
                || cuDeviceGet(device, ordinal) != 0
                || cuDevicePrimaryCtxRetain(context, device.getValue()) != 0) {
            return DeviceMemory.UNKNOWN;
        }
        try {
            if (cuCtxPushCurrent_v2(context.getValue()) != 0) {
                return DeviceMemory.UNKNOWN;
            }
            LongByReference free = new LongByReference();
            LongByReference total = new LongByReference();
            int result = cuMemGetInfo_v2(free, total);
            cuCtxPopCurrent_v2(new PointerByReference());
            return result == 0 ? new DeviceMemory(total.getValue(), free.getValue()) : DeviceMemory.UNKNOWN;
        } finally {
            cuDevicePrimaryCtxRelease_v2(device.getValue());
        }
    }
}

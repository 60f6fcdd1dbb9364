package dev.prenoise.noise;

/** Which generator turns a seed into noise. */
public enum NoiseSource {
    /** {@code torch.manual_seed(seed); torch.randn(shape)} on the CPU: ComfyUI's noise, and A1111's "CPU". */
    TORCH_CPU,
    /** The CUDA generator's numbers computed anywhere: A1111's "NV", equal to its "GPU". */
    NV_PHILOX
}

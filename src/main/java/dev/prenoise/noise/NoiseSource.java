package dev.prenoise.noise;

/** Which generator turns a seed into noise. All 64 bits of a seed are read as unsigned. */
public enum NoiseSource {
    /**
     * {@code torch.manual_seed(seed); torch.randn(shape)} on the CPU: ComfyUI's noise, and A1111's "CPU". Bit-equal to torch on x86 with
     * AVX2; torch without AVX2 and on ARM draws values up to about 3e-6 away. Only the low 32 bits of the seed count.
     */
    TORCH_CPU,
    /** The CUDA generator's numbers computed anywhere: A1111's "NV"; its "GPU" up to the rounding of CUDA's float functions. */
    NV_PHILOX
}

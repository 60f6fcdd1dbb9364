"""Makes comfy_samplers.safetensors: see README.md. PYTHONPATH names a ComfyUI checkout."""

import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import torch
from safetensors.torch import save_file

for stub in ["torchsde", "einops", "PIL", "torchvision", "scipy", "comfy.model_management", "comfy.model_patcher", "comfy.ldm.util", "comfy.ops",
             "comfy.k_diffusion.deis", "comfy.k_diffusion.sa_solver"]:
    sys.modules[stub] = MagicMock()

import comfy.k_diffusion.sampling as samplers
from comfy.model_sampling import CONST, EPS, ModelSamplingDiscrete, ModelSamplingDiscreteFlow, V_PREDICTION

HERE = Path(__file__).parent
SIGMAS = [14.614642, 7.5, 3.1, 1.2, 0.4, 0.1, 0.0]
FLOW_SIGMAS = [1.0, 0.9, 0.72, 0.5, 0.3, 0.12, 0.0]
SAMPLERS = ["euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde"]


class Eps(ModelSamplingDiscrete, EPS):
    pass


class V(ModelSamplingDiscrete, V_PREDICTION):
    pass


class Flow(ModelSamplingDiscreteFlow, CONST):
    pass


def flow():
    sampling = Flow()
    sampling.set_parameters(shift=3.0)
    return sampling


class Model:
    """What ComfyUI's samplers see of a model."""

    def __init__(self, sampling):
        self.sampling = sampling
        self.inputs = []
        self.inner_model = SimpleNamespace(inner_model=SimpleNamespace(model_sampling=sampling),
                                           model_patcher=SimpleNamespace(get_model_object=lambda name: sampling))

    def __call__(self, x, sigma):
        given = self.sampling.calculate_input(sigma, x)
        self.inputs.append(given)
        t = float(self.sampling.timestep(sigma[:1]))
        out = torch.sin(0.7 * given + 0.01 * t) + 0.3 * given
        return self.sampling.calculate_denoised(sigma, out, x)


def sample(name, sampling, sigmas, noise, step_noise):
    model = Model(sampling)
    sigmas = torch.tensor(sigmas, dtype=torch.float64)
    x = sampling.noise_scaling(sigmas[0], noise, torch.zeros_like(noise), max_denoise=True)
    extra = {}
    if name in ("euler_ancestral", "dpmpp_2m_sde"):
        left = iter(step_noise)
        extra = dict(noise_sampler=lambda sigma, following: next(left), eta=1.0, s_noise=1.0)
    latents = getattr(samplers, "sample_" + name)(model, x, sigmas, disable=True, **extra)
    return torch.stack(model.inputs), latents


def main():
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(2, 4, 2, 3, generator=generator).double()
    step_noise = torch.randn(6, 2, 4, 2, 3, generator=generator).double()
    tensors = {"noise": noise, "step_noise": step_noise}
    for name in SAMPLERS:
        for case, sampling, sigmas in [("eps", Eps(), SIGMAS), ("v", V(), SIGMAS), ("flow", flow(), FLOW_SIGMAS),
                                       ("eps_above_zero", Eps(), SIGMAS[:-1]), ("flow_above_zero", flow(), FLOW_SIGMAS[:-1])]:
            key = f"{name}.{case}"
            tensors[key + ".inputs"], tensors[key + ".latents"] = sample(name, sampling, sigmas, noise, step_noise)
    save_file({k: v.float().contiguous() for k, v in tensors.items()}, HERE / "comfy_samplers.safetensors")


if __name__ == "__main__":
    main()

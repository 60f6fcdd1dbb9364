"""Makes schedules.json and trajectories.safetensors: see README.md. PYTHONPATH names a ComfyUI and a diffusers checkout's src."""

import json
import math
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import scipy.stats
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from safetensors.torch import save_file

for stub in ["torchsde", "einops", "PIL", "torchvision", "comfy.model_management", "comfy.sampler_helpers", "comfy.model_patcher",
             "comfy.patcher_extension", "comfy.hooks", "comfy.context_windows", "comfy.utils", "comfy.extra_samplers", "comfy.k_diffusion.deis",
             "comfy.k_diffusion.utils", "comfy.ldm.util", "comfy.ops"]:
    sys.modules[stub] = MagicMock()

import comfy.model_sampling
import comfy.samplers

HERE = Path(__file__).parent
STEPS = [10, 20, 30, 50]
COMFY = ["normal", "karras", "exponential", "simple", "sgm_uniform", "ddim_uniform", "beta", "kl_optimal", "linear_quadratic"]
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
ZERO_TERMINAL_ALPHA_BAR = 4.8973451890853435e-08


def rounded(values):
    return [float(f"{float(v):.9g}") for v in values]


def comfy_models():
    sd = comfy.model_sampling.ModelSamplingDiscrete()
    zero = comfy.model_sampling.ModelSamplingDiscrete()
    zero.set_sigmas(comfy.model_sampling.rescale_zero_terminal_snr_sigmas(zero.sigmas))
    flow = comfy.model_sampling.ModelSamplingDiscreteFlow()
    flow.set_parameters(shift=3.0)
    return {"sd": (sd, STEPS), "zero_terminal": (zero, [20]), "flow3": (flow, [20])}


def comfy_schedules():
    for model, (sampling, counts) in comfy_models().items():
        for schedule in COMFY:
            for steps in counts:
                sigmas = comfy.samplers.calculate_sigmas(sampling, schedule, steps)
                yield dict(host="comfyui", model=model, sampler="euler", schedule=schedule, steps=steps, sigmas=rounded(sigmas),
                           timesteps=rounded(sampling.timestep(sigmas[:-1])))


def diffusers_schedules():
    for spacing in ["leading", "trailing", "linspace"]:
        for steps in STEPS:
            ddim = DDIMScheduler(**SD, set_alpha_to_one=False, clip_sample=False, timestep_spacing=spacing)
            ddim.set_timesteps(steps)
            alpha_bars = [float(ddim.alphas_cumprod[t]) for t in ddim.timesteps] + [float(ddim.final_alpha_cumprod)]
            yield dict(host="diffusers", model="sd", sampler="ddim", schedule=spacing, steps=steps,
                       sigmas=rounded(math.sqrt((1 - a) / a) for a in alpha_bars), timesteps=rounded(ddim.timesteps), first_scale=1.0)
            euler = EulerDiscreteScheduler(**SD, timestep_spacing=spacing)
            euler.set_timesteps(steps)
            first = float(euler.init_noise_sigma) / math.sqrt(float(euler.sigmas[0]) ** 2 + 1)
            yield dict(host="diffusers", model="sd", sampler="euler", schedule=spacing, steps=steps, sigmas=rounded(euler.sigmas),
                       timesteps=rounded(euler.timesteps), first_scale=first)
    for steps in STEPS:
        flow = FlowMatchEulerDiscreteScheduler(shift=3.0)
        flow.set_timesteps(steps)
        yield dict(host="diffusers", model="flow3", sampler="euler", schedule="linspace", steps=steps, sigmas=rounded(flow.sigmas),
                   timesteps=rounded(flow.timesteps), first_scale=1.0)


def dpm_schedules():
    for spacing in ["leading", "trailing", "linspace"]:
        for steps in STEPS:
            dpm = DPMSolverMultistepScheduler(**SD, timestep_spacing=spacing)
            dpm.set_timesteps(steps)
            yield dict(host="diffusers", model="sd", sampler="dpmpp_2m", schedule=spacing, steps=steps, sigmas=rounded(dpm.sigmas),
                       timesteps=rounded(dpm.timesteps), first_scale=float(dpm.init_noise_sigma))


def network(x, t):
    return torch.sin(0.7 * x + 0.01 * float(t)) + 0.3 * x


def schedulers():
    ddim = dict(**SD, set_alpha_to_one=False, clip_sample=False)
    yield "ddim_eps_leading", DDIMScheduler(**ddim, timestep_spacing="leading")
    yield "ddim_eps_trailing", DDIMScheduler(**ddim, timestep_spacing="trailing")
    yield "ddim_v_leading", DDIMScheduler(**ddim, prediction_type="v_prediction", timestep_spacing="leading")
    yield "ddim_v_zero_terminal", DDIMScheduler(**ddim, prediction_type="v_prediction", timestep_spacing="trailing",
                                                rescale_betas_zero_snr=True)
    yield "euler_eps_leading", EulerDiscreteScheduler(**SD, timestep_spacing="leading")
    yield "euler_eps_linspace", EulerDiscreteScheduler(**SD, timestep_spacing="linspace")
    yield "euler_v_trailing", EulerDiscreteScheduler(**SD, prediction_type="v_prediction", timestep_spacing="trailing")
    yield "euler_flow", FlowMatchEulerDiscreteScheduler(shift=3.0)


def trajectory(name, scheduler, noise, steps):
    if name.endswith("zero_terminal"):
        scheduler.alphas_cumprod[-1] = ZERO_TERMINAL_ALPHA_BAR
    scheduler.set_timesteps(steps)
    x = noise * float(getattr(scheduler, "init_noise_sigma", 1.0))
    predicted = []
    for i, t in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        out = network(scaled, t)
        if name.endswith("flow"):
            predicted.append(x - float(scheduler.sigmas[i]) * out)
        step = scheduler.step(out, t, x)
        if not name.endswith("flow"):
            predicted.append(step.pred_original_sample)
        x = step.prev_sample
    return torch.stack(predicted), x


def main():
    rows = list(comfy_schedules()) + list(diffusers_schedules()) + list(dpm_schedules())
    p = np.concatenate([np.arange(0, 1001, 50) / 1000, [1e-6, 0.001, 0.0123, 0.4999999, 0.999, 0.999999]])
    beta = [[float(a), float(b)] for a, b in zip(p, scipy.stats.beta.ppf(p, 0.6, 0.6))]
    with open(HERE / "schedules.json", "w") as file:
        file.write('{"beta": ' + json.dumps(beta) + ',\n"schedules": [\n' + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
    noise = torch.randn(2, 4, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float32)
    tensors = {"noise": noise}
    for name, scheduler in schedulers():
        tensors[f"{name}.x0"], tensors[f"{name}.latents"] = trajectory(name, scheduler, noise, 10)
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / "trajectories.safetensors")


if __name__ == "__main__":
    main()

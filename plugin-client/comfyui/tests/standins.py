"""Small stand-ins for ComfyUI's modules, for tests without a ComfyUI.

Each does what the real one was seen to do in the order in which it does it: noise for a whole batch from one CPU generator, wrappers around the
sampling of a guider, the first sigma's scaling, masks that keep the latent, progress bars that raise when the user interrupts. The denoiser is a
fixed blur towards a pattern, so that a finished latent depends on every value of the noise it came from.
"""

import contextvars
import math
import sys
import types

import torch

executing = contextvars.ContextVar("executing", default=None)


class InterruptProcessingException(Exception):
    pass


class Host:
    """What the stand-ins share: the interrupt flag, what was shown, the graph that runs."""

    def __init__(self):
        self.interrupted = False
        self.bars = []
        self.sent = []
        self.texts = []
        self.running = {}

    def reset(self):
        self.__init__()

    def shown(self):
        """Every (value, total, preview) that progress bars showed."""
        return [update for bar in self.bars for update in bar.updates]

    def messages(self):
        """What popped up in the browser."""
        return [data["detail"] for event, data in self.sent if event == "prenoise.message"]


host = Host()


def throw_exception_if_processing_interrupted():
    if host.interrupted:
        host.interrupted = False
        raise InterruptProcessingException()


class ProgressBar:
    def __init__(self, total, node_id=None):
        self.total, self.updates = total, []
        host.bars.append(self)

    def update_absolute(self, value, total=None, preview=None):
        throw_exception_if_processing_interrupted()
        self.updates.append((value, total, preview))


class WrapperExecutor:
    def __init__(self, original, class_obj, wrappers, idx=0):
        self.original, self.class_obj, self.wrappers, self.idx = original, class_obj, wrappers, idx

    def __call__(self, *args, **kwargs):
        return WrapperExecutor(self.original, self.class_obj, self.wrappers, self.idx + 1).execute(*args, **kwargs)

    def execute(self, *args, **kwargs):
        if self.idx == len(self.wrappers):
            return self.original(*args, **kwargs)
        return self.wrappers[self.idx](self, *args, **kwargs)


class WrappersMP:
    OUTER_SAMPLE = "outer_sample"


class ModelSampling:
    """Stable Diffusion's: eps, scaled linear betas."""

    def __init__(self):
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        alphas = torch.cumprod(1 - betas, 0)
        self.sigmas = (((1 - alphas) / alphas) ** 0.5).float()
        self.sigma_max = self.sigmas[-1]

    def noise_scaling(self, sigma, noise, latent_image, max_denoise=False):
        scale = torch.sqrt(1.0 + sigma**2.0) if max_denoise else sigma
        return noise * scale + latent_image


class Model:
    """A ModelPatcher: clones share the weights and copy the options."""

    def __init__(self, wrappers=None):
        self.wrappers = wrappers or {}
        self.sampling = ModelSampling()
        self.load_device = torch.device("cpu")

    def clone(self):
        return Model({kind: {key: list(each) for key, each in keys.items()} for kind, keys in self.wrappers.items()})

    def add_wrapper_with_key(self, kind, key, wrapper):
        self.wrappers.setdefault(kind, {}).setdefault(key, []).append(wrapper)

    def remove_wrappers_with_key(self, kind, key):
        self.wrappers.get(kind, {}).pop(key, None)

    def get_model_object(self, name):
        return {"model_sampling": self.sampling}[name]


class KSAMPLER:
    """Euler on the toy denoiser."""

    def __init__(self, sampler_function):
        self.sampler_function = sampler_function

    def sample(self, sampling, sigmas, noise, latent_image, mask, callback):
        greatest = float(sampling.sigma_max)
        first = float(sigmas[0])
        max_denoise = math.isclose(greatest, first, rel_tol=1e-05) or first > greatest
        x = sampling.noise_scaling(sigmas[0], noise, latent_image, max_denoise)
        return self.sampler_function(x.float(), sigmas, noise, latent_image, mask, callback)


def sample_euler(x, sigmas, noise, latent_image, mask, callback):
    for step in range(len(sigmas) - 1):
        if mask is not None:
            x = x * mask + (noise * sigmas[step] + latent_image) * (1 - mask)
        denoised = torch.tanh(x / torch.sqrt(1 + sigmas[step] ** 2)) * 0.5
        denoised = denoised + 0.1 * torch.roll(denoised, 1, -1)
        if mask is not None:
            denoised = denoised * mask + latent_image * (1 - mask)
        if callback is not None:
            callback(step, denoised, x, len(sigmas) - 1)
        x = x + (x - denoised) / sigmas[step] * (sigmas[step + 1] - sigmas[step])
    return x


class CFGGuider:
    def __init__(self, model_patcher):
        self.model_patcher = model_patcher
        self.original_conds, self.cfg = {}, 1.0

    def set_conds(self, positive, negative):
        self.original_conds = {
            "positive": [{"cross_attn": t, **more} for t, more in positive],
            "negative": [{"cross_attn": t, **more} for t, more in negative],
        }

    def set_cfg(self, cfg):
        self.cfg = cfg

    def outer_sample(self, noise, latent_image, sampler, sigmas, denoise_mask=None, callback=None, disable_pbar=False, seed=None, latent_shapes=None):
        if not self.model_patcher.load_device == noise.device:
            raise AssertionError("noise on another device")
        return sampler.sample(self.model_patcher.sampling, sigmas, noise, latent_image, denoise_mask, callback)

    def sample(self, noise, latent_image, sampler, sigmas, denoise_mask=None, callback=None, disable_pbar=False, seed=None):
        if sigmas.shape[-1] == 0:
            return latent_image
        if denoise_mask is not None:
            denoise_mask = prepare_mask(denoise_mask, latent_image.shape, latent_image.device)
        self.conds = {name: [dict(each) for each in conds] for name, conds in self.original_conds.items()}
        wrappers = [each for keys in self.model_patcher.wrappers.get(WrappersMP.OUTER_SAMPLE, {}).values() for each in keys]
        executor = WrapperExecutor(self.outer_sample, self, wrappers)
        return executor.execute(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, latent_shapes=[latent_image.shape])


def prepare_mask(mask, shape, device):
    mask = torch.nn.functional.interpolate(mask.reshape(-1, 1, *mask.shape[-2:]).float(), size=shape[-2:], mode="bilinear")
    return mask.expand(shape[0], shape[1], -1, -1).to(device)


def prepare_noise(latent, seed, noise_inds=None):
    generator = torch.manual_seed(seed)
    if noise_inds is None:
        return torch.randn(latent.size(), dtype=latent.dtype, generator=generator, device="cpu")
    singles = [torch.randn([1, *latent.shape[1:]], dtype=latent.dtype, generator=generator, device="cpu") for _ in range(max(noise_inds) + 1)]
    return torch.cat([singles[index] for index in noise_inds])


def fix_empty_latent_channels(model, latent):
    return latent


def scheduled(model, steps, denoise=1.0):
    """The `normal` schedule, and its tail where denoise is less than 1."""
    total = steps if denoise > 0.9999 else int(steps / denoise)
    table = model.sampling.sigmas
    timesteps = torch.linspace(len(table) - 1, 0, total)
    sigmas = torch.cat([table[timesteps.round().long()], torch.zeros(1)])
    return sigmas[-(steps + 1) :]


def ksampler(model, seed, steps, cfg, positive, negative, latent, denoise=1.0, disable_noise=False, node_id="6"):
    """The KSampler node: noise from the seed, sampling in inference mode."""
    samples = latent["samples"]
    with torch.inference_mode(), Executing(node_id):
        noise = torch.zeros_like(samples) if disable_noise else prepare_noise(samples, seed, latent.get("batch_index"))
        guider = CFGGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(cfg)
        return guider.sample(noise, samples, KSAMPLER(sample_euler), scheduled(model, steps, denoise), latent.get("noise_mask"), None, False, seed)


def sampler_custom_advanced(noise, guider, sampler, sigmas, latent, node_id="6"):
    """The SamplerCustomAdvanced node."""
    with torch.inference_mode(), Executing(node_id):
        made = noise.generate_noise(latent)
        return guider.sample(made, latent["samples"], sampler, sigmas, latent.get("noise_mask"), None, False, noise.seed)


class Executing:
    """The node that runs now."""

    def __init__(self, node_id):
        self.context = types.SimpleNamespace(prompt_id="prompt", node_id=node_id, list_index=None)

    def __enter__(self):
        self.token = executing.set(self.context)

    def __exit__(self, *_):
        executing.reset(self.token)


class PromptServer:
    instance = None

    def __init__(self):
        self.prompt_queue = types.SimpleNamespace(currently_running={})

    def send_sync(self, event, data, sid=None):
        host.sent.append((event, data))

    def send_progress_text(self, text, node_id, sid=None):
        host.texts.append((node_id, text))

    def run(self, graph):
        """Makes a graph the one that runs."""
        self.prompt_queue.currently_running = {0: (0, "prompt", graph, {}, [])}


def install():
    """Puts the stand-ins where `import comfy...` finds them."""

    def module(name, **members):
        made = types.ModuleType(name)
        made.__dict__.update(members)
        sys.modules[name] = made
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, made)

    module("comfy", __path__=[])
    module(
        "comfy.model_management",
        InterruptProcessingException=InterruptProcessingException,
        throw_exception_if_processing_interrupted=throw_exception_if_processing_interrupted,
    )
    module("comfy.utils", ProgressBar=ProgressBar)
    module("comfy.patcher_extension", WrappersMP=WrappersMP, WrapperExecutor=WrapperExecutor)
    module("comfy.sample", prepare_noise=prepare_noise, fix_empty_latent_channels=fix_empty_latent_channels)
    module("comfy.sampler_helpers", prepare_mask=prepare_mask)
    module("comfy.samplers", CFGGuider=CFGGuider, KSAMPLER=KSAMPLER)
    module("comfy_execution", __path__=[])
    module("comfy_execution.utils", get_executing_context=executing.get)

    class ExecutionBlocker:
        def __init__(self, message):
            self.message = message

    module("comfy_execution.graph_utils", ExecutionBlocker=ExecutionBlocker)
    PromptServer.instance = PromptServer()
    module("server", PromptServer=PromptServer)

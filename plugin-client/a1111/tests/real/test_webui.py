"""The extension in a real web UI's own modules: `process_images` runs its whole loop on a UNet with random weights.

Runs where WEBUI_PATH names a folder of Forge or AUTOMATIC1111, in that web UI's own Python, and PRENOISE_TEST_TARGET a running sidecar:

    ./prenoise serve --port 50599 &
    WEBUI_PATH=~/stable-diffusion-webui-forge PRENOISE_TEST_TARGET=127.0.0.1:50599 venv/bin/python plugin-client/a1111/tests/real/test_webui.py

Real are processing, random sources, samplers, schedules, the guided denoiser, prompt parsing, script runner, infotext and Forge's backend with its
UNet; text encoder and VAE are small stand-ins, and so is AUTOMATIC1111's UNet, which lies in repositories of others. No model file is read.
TESTED.md says what was run and seen.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import types
import unittest
from pathlib import Path
from typing import Any, List

WEBUI = os.environ.get("WEBUI_PATH", "")
TARGET = os.environ.get("PRENOISE_TEST_TARGET", "")
EXTENSION = Path(__file__).resolve().parents[2]
ARGUMENTS = list(sys.argv)  # the web UI reads its own from there
READY = bool(WEBUI and TARGET)
FORGE = (Path(WEBUI) / "backend").is_dir()
REASON = "WEBUI_PATH (a folder of Forge or AUTOMATIC1111) and PRENOISE_TEST_TARGET (a sidecar's address) are not both set"

if READY:
    sys.argv = ["webui.py", *(["--always-cpu"] if FORGE else ["--use-cpu", "all", "--no-half"]), "--skip-torch-cuda-test", "--no-prompt-history"]
    os.chdir(os.environ.get("WEBUI_FOLDER", WEBUI))
    sys.path[:0] = [WEBUI, str(Path(WEBUI) / "packages_3rdparty"), str(EXTENSION), str(EXTENSION.parent / "python"),
                    str(EXTENSION / "tests")]
    import torch

    torch.set_num_threads(1)
    from modules import shared_init  # noqa: I001  (everything else expects what it makes)

    shared_init.initialize()
    from modules import processing, sd_models, sd_samplers, shared

    sd_samplers.set_samplers()
    from modules import script_loading, scripts

    if FORGE:
        from backend.diffusion_engine.base import ForgeObjects
        from backend.modules.k_prediction import Prediction
        from backend.nn.unet import IntegratedUNet2DConditionModel
        from backend.patcher.unet import UnetPatcher

TOKENS, WIDTH = 77, 24


class Words:
    """A text encoder: a vector for each word; tokens as Forge's engine and A1111's encoder give them."""

    def __init__(self) -> None:
        self.words = ["<|startoftext|>", "<|endoftext|>"]
        self.tokenizer = self.wrapped = self

    def _ids(self, text: str) -> List[int]:
        found = [0]
        for word in text.replace(",", " ").split():
            if word + "</w>" not in self.words:
                self.words.append(word + "</w>")
            found.append(self.words.index(word + "</w>"))
        return (found + [1] * TOKENS)[:TOKENS]

    def process_texts(self, texts: List[str]) -> Any:
        return [[types.SimpleNamespace(tokens=self._ids(text))] for text in texts], 0

    def convert_ids_to_tokens(self, ids: List[int]) -> List[str]:
        return [self.words[one] for one in ids]

    def encode(self, texts: List[str]) -> Any:
        return torch.stack([torch.stack([torch.randn(WIDTH, generator=torch.Generator().manual_seed(one)) for one in self._ids(text)])
                            for text in texts])


INFO = types.SimpleNamespace(name="random.safetensors", name_for_extra="random", model_name="random", short_title="random", title="random",
                             filename="/models/random.safetensors", sha256=None, shorthash=None, hash="0")


def decode(x: Any) -> Any:
    return torch.tanh(torch.nn.functional.interpolate(x[:, :3].float(), scale_factor=8))


def encode(x: Any) -> Any:
    return torch.nn.functional.avg_pool2d(torch.cat([x, x[:, :1]], 1), 8)


class Held(types.SimpleNamespace):
    """A model of no other kind than it says."""

    def __getattr__(self, name: str) -> bool:
        if name.startswith("is_"):
            return False
        raise AttributeError(name)


def a1111_model() -> Any:
    """What A1111 holds of a checkpoint of SD 1's kind, around a small UNet laid out as LDM's."""
    import tiny_network

    words, unet = Words(), tiny_network.UNet()
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    first_stage = types.SimpleNamespace(dtype=torch.float32, to=lambda dtype: None)
    return Held(
        model=types.SimpleNamespace(diffusion_model=unet, conditioning_key="crossattn"), cond_stage_model=words, parameterization="eps",
        apply_model=lambda x, t, cond: unet(x, t, context=torch.cat(cond["c_crossattn"], 1)), alphas_cumprod=torch.cumprod(1 - betas, 0).float(),
        cond_stage_key="txt", latent_channels=4, is_sd1=True, ema_scope=contextlib.nullcontext,
        sd_checkpoint_info=INFO, sd_model_hash="0", get_learned_conditioning=words.encode, first_stage_model=first_stage, decode_first_stage=decode,
        encode_first_stage=encode, get_first_stage_encoding=lambda x: x, lowvram=False)


def forge_model() -> Any:
    """What Forge holds of a checkpoint of SD 1's kind, small and with random weights."""
    torch.manual_seed(0)
    unet = IntegratedUNet2DConditionModel(
        in_channels=4, model_channels=32, out_channels=4, num_res_blocks=[1, 1, 1, 1], channel_mult=(1, 1, 1, 1), num_heads=4, context_dim=WIDTH,
        use_spatial_transformer=True, transformer_depth=[1, 1, 1, 0], transformer_depth_output=[1, 1, 1, 1, 1, 1, 0, 0], transformer_depth_middle=1)
    for weight in unet.parameters():
        if weight.ndim > 1 and not weight.any():
            torch.nn.init.normal_(weight, std=0.05)  # layers that begin at zero would hide the noise
    unet.storage_dtype = unet.computation_dtype = torch.float32
    unet.load_device = unet.offload_device = unet.initial_device = torch.device("cpu")
    config = types.SimpleNamespace(inpaint_model=lambda: False, ztsnr=False)
    patcher = UnetPatcher.from_model(unet.requires_grad_(False).eval(), None, config, k_predictor=Prediction(prediction_type="epsilon"))
    vae = types.SimpleNamespace(latent_channels=4)
    words = Words()
    held = types.SimpleNamespace(
        forge_objects=ForgeObjects(patcher, None, vae, None), text_processing_engine=words, model_config=config, is_sd1=True, is_sdxl=False,
        is_sd2=False, is_sd3=False, is_inpaint=False, use_distilled_cfg_scale=False, tiling_enabled=False, cond_stage_key="txt", current_lora_hash="[]",
        sd_checkpoint_info=INFO,
        sd_model_hash="0", filename="/models/random.safetensors", get_learned_conditioning=words.encode, set_clip_skip=lambda n: None,
        decode_first_stage=decode, encode_first_stage=encode, get_first_stage_encoding=lambda x: x,
        model=types.SimpleNamespace(conditioning_key="crossattn"), alphas_cumprod=patcher.model.predictor.alphas_cumprod)
    held.forge_objects_original = held.forge_objects.shallow_copy()
    held.forge_objects_after_applying_lora = held.forge_objects.shallow_copy()
    return held


@unittest.skipUnless(READY, REASON)
class RealWebuiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.model = forge_model() if FORGE else a1111_model()
        sd_models.model_data.sd_model = cls.model
        sd_models.forge_model_reload = sd_models.reload_model_weights = lambda *args, **kwargs: (cls.model, False)
        if not FORGE:
            from modules import sd_hijack, sd_unet

            sd_models.model_data.was_loaded_at_least_once = True
            sd_models.apply_alpha_schedule_override = sd_models.apply_token_merging = lambda *args, **kwargs: None
            sd_hijack.model_hijack.apply_circular = sd_unet.apply_unet = lambda *args, **kwargs: None
        shared.opts.data.update({"randn_source": "CPU", "samples_save": False, "grid_save": False, "live_previews_enable": False})
        scripts.current_basedir = str(EXTENSION)
        loaded = script_loading.load_module(str(EXTENSION / "scripts" / "better_noise.py"))
        cls.script = loaded.PrenoiseScript()
        cls.script.filename, cls.script.args_from, cls.script.args_to = "better_noise.py", 0, 1

    def process(self, changes: Any = None, img2img: bool = False, **given: Any) -> Any:
        kind = processing.StableDiffusionProcessingImg2Img if img2img else processing.StableDiffusionProcessingTxt2Img
        p = kind(prompt="a cat and a frog", negative_prompt="blurry", seed=7, steps=4, width=128, height=128, sampler_name="DPM++ 2M",
                 scheduler="Karras", do_not_save_samples=True, do_not_save_grid=True, cfg_scale=5.0, **given)
        p.disable_extra_networks = p.do_not_reload_embeddings = True
        runner = scripts.ScriptRunner()
        runner.scripts = runner.alwayson_scripts = [self.script]
        p.scripts_value, p.scripts_setup_complete = runner, True
        p.script_args_value = [{"enabled": changes is not None, "where": "host", "address": TARGET, "candidates": 4, **(changes or {})}]
        shared.state.begin(job="test")
        self.starts: List[Any] = []
        from modules import sd_samplers_kdiffusion as kd

        original = kd.KDiffusionSampler.launch_sampling
        done = None
        try:
            def launch(own: Any, steps: int, func: Any) -> Any:
                if own.p.scripts is not None:
                    self.starts.append(own.last_latent.detach().clone())
                return original(own, steps, func)

            kd.KDiffusionSampler.launch_sampling = launch
            done = processing.process_images_inner(p)
        finally:
            kd.KDiffusionSampler.launch_sampling = original
            shared.state.end()
        return done

    def assertSamePictures(self, a: Any, b: Any) -> None:
        self.assertEqual([image.tobytes() for image in a.images], [image.tobytes() for image in b.images])

    def test_budgetOne_givesTheSamePictureByteForByte(self) -> None:
        for given in ({}, {"batch_size": 2, "n_iter": 2}, {"subseed": 3, "subseed_strength": 0.4}, {"seed_resize_from_h": 64, "seed_resize_from_w": 96}):
            plain, searched = self.process(**given), self.process({"candidates": 1}, **given)
            self.assertSamePictures(plain, searched)
            self.assertEqual(searched.comments, "")
            self.assertIn("Prenoise: on", searched.infotexts[0])

    def test_search_changesThePictureAndInfotextSaysFromWhatToWhat(self) -> None:
        plain, searched = self.process(), self.process({"candidates": 32, "loss": "conform"})
        print(searched.infotexts[0].splitlines()[-1])
        self.assertEqual(searched.comments, "")
        self.assertRegex(searched.infotexts[0], "Prenoise score: .* from .*Prenoise recipe: ")
        self.assertNotEqual(plain.images[0].tobytes(), searched.images[0].tobytes())

    def test_everyKindOfSearch_runsToItsEnd(self) -> None:
        judged = {"strategy": "pictures", "verifiers": "shapes-aesthetic", "candidates": 3}
        for changes in ({"optimize": True, "candidates": 2}, {"then": "conform"}, judged, {**judged, "algorithm": "zero-order"},
                        {**judged, "algorithm": "paths", "candidates": 12}, {**judged, "strategy": "attention, then pictures", "keep": 2}):
            with self.subTest(changes):
                begun = time.monotonic()
                done = self.process(changes)
                print(f"{changes}: {time.monotonic() - begun:.1f} s; {done.infotexts[0].splitlines()[-1][-160:]}")
                self.assertEqual(done.comments, "")
                self.assertIn("Prenoise: on", done.infotexts[0])

    def test_samplers_ofEveryKind(self) -> None:
        for name in ("Euler a", "DPM++ 2M SDE", "Heun", "DDIM", "UniPC", "DPM adaptive"):
            with self.subTest(name):
                p: Any = {"candidates": 2, "strategy": "attention, then pictures", "keep": 1, "verifiers": "shapes-aesthetic"}
                done = self.sampled(name, p)
                self.assertEqual(done.comments, "")

    def sampled(self, name: str, changes: Any) -> Any:
        original = processing.StableDiffusionProcessingTxt2Img.__post_init__

        def renamed(own: Any) -> None:
            own.sampler_name = name
            original(own)

        processing.StableDiffusionProcessingTxt2Img.__post_init__ = renamed
        try:
            return self.process(changes)
        finally:
            processing.StableDiffusionProcessingTxt2Img.__post_init__ = original

    def test_hires_isSearchedOnceAndOnlyWhereAsked(self) -> None:
        given = {"enable_hr": True, "hr_scale": 2.0, "hr_upscaler": "Latent", "denoising_strength": 0.7, "hr_second_pass_steps": 0,
                 **({"hr_additional_modules": ["Use same choices"]} if FORGE else {})}
        self.process({"candidates": 3}, **given)
        off = [start.clone() for start in self.starts]
        done = self.process({"candidates": 3, "hires": True}, **given)
        self.assertEqual(done.comments, "")
        self.assertTrue(torch.equal(off[0], self.starts[0]))
        self.assertEqual(len(self.starts), 2)

    def test_gradient_isThatOfFiniteDifferences(self) -> None:
        from prenoise import arrays, wire
        from prenoise_a1111 import host_model, job

        test, seen = self, []

        def picture(own: Any, p: Any, index: int, unit: Any, below: Any, hires: bool) -> None:
            each = host_model.HostModel(p, index, own.settings, unit.clone(), below, lambda: None)
            generator = torch.Generator().manual_seed(2)
            noise = torch.randn(1, 4, 16, 16, generator=generator)
            slopes = [torch.randn(4, 4, TOKENS, generator=generator), torch.randn(4, 4, 16, generator=generator)]

            def value(at: Any) -> float:
                (maps,) = each.attention([arrays.from_torch(at)], False)
                pairs = zip((maps.cross_attention, maps.self_attention), slopes)
                return sum(float((arrays.to_torch(one).double() * slope.double()).sum()) for one, slope in pairs)

            each.attention([arrays.from_torch(noise)], True)
            (gradient,) = each.backward([wire.AttentionMaps(*map(arrays.from_torch, slopes))], None)
            gradient = arrays.to_torch(gradient)
            step = gradient / gradient.norm()
            measured = (value(noise + 0.02 * step) - value(noise - 0.02 * step)) / 0.04
            seen.append(measured / float(gradient.norm()))

        original = job.Job._picture
        job.Job._picture = picture
        try:
            self.process({})
        finally:
            job.Job._picture = original
        print(f"finite differences over the gradient's norm: {seen[0]:.5f}")
        test.assertAlmostEqual(seen[0], 1.0, delta=0.01)

    def test_aSearch_leavesTheModelAsItWas(self) -> None:
        before = self.process()
        self.process({"optimize": True, "candidates": 2})
        self.assertSamePictures(before, self.process())
        unet = self.model.forge_objects.unet.model.diffusion_model if FORGE else self.model.model.diffusion_model
        self.assertNotIn("forward", unet.__dict__)
        self.assertTrue(all(not module._forward_hooks for module in unet.modules()))

    def test_img2img_countsThePictureBelow(self) -> None:
        from PIL import Image

        image = Image.effect_noise((128, 128), 60).convert("RGB")
        given: Any = {"init_images": [image], "denoising_strength": 0.6, "img2img": True}
        plain, one, done = self.process(**given), self.process({"candidates": 1}, **given), self.process({"candidates": 8}, **given)
        self.assertSamePictures(plain, one)
        self.assertEqual(done.comments, "")
        self.assertNotEqual(plain.images[0].tobytes(), done.images[0].tobytes())

    def test_stop_endsTheRunWithTheReason(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "Prenoise: .*127.0.0.1:9"):
            self.process({"address": "127.0.0.1:9", "on_error": "stop"})
        done = self.process({"address": "127.0.0.1:9"})
        self.assertSamePictures(done, self.process())
        self.assertIn("The picture was made from plain noise", done.comments)


if __name__ == "__main__":
    unittest.main(argv=ARGUMENTS)

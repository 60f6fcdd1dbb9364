"""The host's side of a search on a real ComfyUI's model code: tiny random models of SD 1.5's, SDXL's, SD 3's and Flux' shape, on the processor.

    COMFYUI_PATH=/path/to/ComfyUI python test_host_model.py       # in ComfyUI's own Python; a minute

Not part of the suite that CI runs. What it says was seen is written down in TESTED.md.
"""

import copy
import os
import sys
import unittest
from pathlib import Path
from unittest import mock

COMFYUI = os.environ.get("COMFYUI_PATH", "")
PACK = Path(__file__).resolve().parents[2]
if COMFYUI:
    sys.argv = [sys.argv[0], "--cpu", "--use-pytorch-cross-attention"]
    sys.path[:0] = [COMFYUI]
    sys.path += [str(PACK), str(PACK.parent / "python"), str(Path(__file__).resolve().parent)]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.ldm.modules.attention
    import comfy.patcher_extension
    import comfy.samplers
    import comfy.sd
    import comfy.taesd.taesd
    import random_models
    import torch
    from better_noise import host_model
    from better_noise.attention_tap import AttentionOutOfReach, Layout
    from better_noise.host_model import HostModel, Sampled
    from prenoise import arrays, torch_host, wire

    torch.set_num_threads(1)
    KINDS = random_models.KINDS
else:
    KINDS = ()

HEIGHT, WIDTH = 16, 24  # of the latents
TOKENS = {"sd15": 77, "sdxl": 77, "sd3": 97, "flux": 40}


def uniform(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Scene:
    """A model, a guider, a sampler and a noise, as a workflow would have them."""

    def __init__(self, kind, steps=4, sampler="euler", vae=None, latent=None, mask=None, **sampled):
        self.model = random_models.model(kind)
        with torch.inference_mode():
            self.latent = torch.zeros([1, random_models.latent_channels(kind), HEIGHT, WIDTH]) if latent is None else latent
            self.positive = random_models.conditioning(kind, TOKENS[kind], 1)
            self.negative = random_models.conditioning(kind, TOKENS[kind], 2)
            sampling = self.model.get_model_object("model_sampling")
            self.sigmas = comfy.samplers.calculate_sigmas(sampling, "normal", steps)
        self.mask, self.vae = mask, vae
        self.sampler = comfy.samplers.ksampler(sampler)
        self.noise = uniform(self.latent.shape, 3)
        self.sampled = sampled

    def guider(self, model=None):
        guider = comfy.samplers.CFGGuider(model or self.model)
        guider.set_conds(self.positive, self.negative)
        guider.set_cfg(3.0)
        return guider

    def sample(self, noise=None, model=None):
        """Latents, as a sampler node makes them."""
        with torch.inference_mode():
            noise = self.noise if noise is None else noise
            return self.guider(model).sample(noise, self.latent, self.sampler, self.sigmas, self.mask, None, True, 5)

    def host(self, model=None, guider=None):
        given = Sampled(guider or self.guider(model), self.sampler, self.sigmas, self.latent, self.mask, 5, self.vae, **self.sampled)
        return HostModel(given)


def maps_of(host, noise, keep=False):
    (maps,) = host.attention([arrays.from_torch(noise)], keep)
    return arrays.to_torch(maps.cross_attention), arrays.to_torch(maps.self_attention)


def slope_of(function, noise, direction, step):
    """The derivative along a direction of length 1, by central differences at two steps (Richardson): random networks are spiky."""

    def central(h):
        return (function(noise + h * direction) - function(noise - h * direction)) / (2 * h)

    return (4 * central(step) - central(2 * step)) / 3


def steepest(gradient):
    return gradient / gradient.norm()


@unittest.skipUnless(COMFYUI, "COMFYUI_PATH names no ComfyUI")
class AttentionTest(unittest.TestCase):
    @unittest.skipUnless(COMFYUI and hasattr(comfy.ldm.modules.attention, "wrap_attn"), "this ComfyUI has no attention override to compare with")
    def test_maps_equal_a_whole_forward_pass_with_explicit_attention(self):
        for kind in KINDS:
            with self.subTest(kind):
                scene = Scene(kind)
                host = scene.host()
                for name, ours, theirs in zip(("cross", "self"), maps_of(host, scene.noise), self.explicit(scene, host.layout())):
                    self.assertEqual(ours.shape, theirs.shape)
                    self.assertLess(float((ours - theirs).abs().max()), 1e-6, name)

    def test_maps_of_a_picture_that_is_too_large_for_a_message_are_those_of_cells_together(self):
        for kind in ("sd15", "sdxl"):
            with self.subTest(kind):
                scene = Scene(kind)
                cross, own = maps_of(scene.host(), scene.noise)
                self.assertEqual(own.shape, (4, 6, 24))
                with mock.patch.object(torch_host, "_MOST_CELLS", 6):
                    coarse = scene.host()
                    small_cross, small_own = maps_of(coarse, scene.noise, keep=True)
                    slopes = wire.AttentionMaps(*(arrays.from_torch(torch.randn(part.shape)) for part in (small_cross, small_own)))
                    (gradient,) = coarse.backward([slopes], None)
                blocks = cross.reshape(2, 2, 3, 2, -1).mean((1, 3))
                self.assertLess(float((small_cross - blocks).abs().max()), 1e-6)
                blocks = own.reshape(2, 2, 3, 2, 2, 2, 3, 2).mean((1, 3)).sum((3, 5)).reshape(2, 3, 6)
                self.assertLess(float((small_own - blocks).abs().max()), 1e-6)
                self.assertGreater(float(arrays.to_torch(gradient).abs().max()), 0)

    def test_no_more_noises_at_once_than_what_comes_of_them_fits_a_message(self):
        ranking = wire.OptimizeNoiseRequest(attention=wire.AttentionRanking())
        judged = wire.OptimizeNoiseRequest(verifier=wire.VerifierSearch(algorithm=wire.SearchAlgorithm.RANDOM))
        steep = wire.OptimizeNoiseRequest(verifier=wire.VerifierSearch(algorithm=wire.SearchAlgorithm.FIRST_ORDER))
        for kind, side, most in (("sd15", 512, (64, 32, 16)), ("sd15", 1280, (4, 5, 2)), ("sd15", 2048, (11, 2, 1)), ("flux", 1152, (7, 6, 3))):
            scene = Scene(kind, latent=torch.zeros([1, random_models.latent_channels(kind), side // 8, side // 8]))
            found = tuple(scene.host().max_batch(request, 64) for request in (ranking, judged, steep))
            self.assertEqual(most, found, f"{kind}, {side} pixels")
            self.assertEqual(1, scene.host().max_batch(ranking), "on a processor, unless the user wants more")

    @staticmethod
    def explicit(scene, layout):
        """Every softmax of the first step in full, in double precision, and the means written out."""
        calls = []

        def override(function, q, k, v, heads, *args, **kwargs):
            def split(x):
                return x if kwargs.get("skip_reshape") else x.unflatten(-1, (heads, -1)).transpose(1, 2)

            wide_q, wide_k = split(q).double(), split(k).double()
            calls.append((wide_q @ wide_k.transpose(-1, -2) / wide_q.shape[-1] ** 0.5).softmax(-1)[0])  # [heads, queries, keys]
            return function(q, k, v, heads, *args, **kwargs)

        guider = comfy.samplers.CFGGuider(scene.model)
        guider.set_conds(scene.positive, scene.negative)
        guider.set_cfg(1.0)
        guider.model_options = copy.deepcopy(guider.model_options)
        guider.model_options["transformer_options"]["optimized_attention_override"] = override
        with torch.inference_mode():
            guider.sample(scene.noise, scene.latent, scene.sampler, scene.sigmas[:2], None, None, True, 5)
        rows, columns = layout.rows, layout.columns
        cells = rows * columns
        if layout.tokens is None:
            cross = torch.cat([p for p in calls if p.shape[1] == cells and p.shape[2] != cells])
            own = torch.cat([p for p in calls if p.shape[1] == cells and p.shape[2] == cells])
            return cross.mean(0).reshape(rows, columns, -1).float(), own.mean(0).reshape(rows, columns, -1).float()
        height, width = layout.tokens
        text = calls[0].shape[1] - height * width
        crosses, owns = [], []
        for p in calls[layout.layers[0] : layout.layers[1]]:
            image = p[:, text:].reshape(-1, rows, height // rows, columns, width // columns, p.shape[2]).mean((2, 4))
            cross, own = image[..., :text], image[..., text:]
            if layout.outside:
                cross = torch.cat([own.sum(-1, keepdim=True), cross], -1)
            keys = own.reshape(-1, rows, columns, rows, height // rows, columns, width // columns).sum((4, 6))
            crosses.append(cross)
            owns.append(keys.reshape(-1, rows, columns, cells))
        return torch.cat(crosses).mean(0).float(), torch.cat(owns).mean(0).float()

    def test_gradient_equals_finite_differences_and_sampling_stays_to_the_bit(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.check_gradient(Scene(kind))

    def test_gradient_with_a_picture_beneath_and_a_mask(self):
        with torch.inference_mode():
            latent = uniform([1, 4, HEIGHT, WIDTH], 8)
            mask = (uniform([1, 1, HEIGHT, WIDTH], 9) > 0).float()
        scene = Scene("sd15", latent=latent, mask=mask)
        scene.sigmas = scene.sigmas[1:]
        gradient = self.check_gradient(scene)
        self.assertEqual(float(gradient[(mask == 0).expand_as(gradient)].abs().max() > 0), 1.0)  # the noise is on what is kept, too

    def check_gradient(self, scene):
        self.assertTrue(any(weight.is_inference() for weight in scene.model.model.parameters()))
        before = scene.sample()
        host = scene.host()
        plain = maps_of(host, scene.noise)
        kept = maps_of(host, scene.noise, keep=True)
        for a, b in zip(plain, kept):
            self.assertTrue(torch.equal(a, b), "maps with a graph differ from those without")
        weights = [uniform(maps.shape, 20 + i) for i, maps in enumerate(plain)]
        slopes = wire.AttentionMaps(*map(arrays.from_torch, weights))
        gradient = arrays.to_torch(host.backward([slopes], None)[0])
        direction = steepest(gradient)

        def score(noise):
            return sum(float((maps.double() * weight).sum()) for maps, weight in zip(maps_of(host, noise), weights))

        measured = slope_of(score, scene.noise, direction, 0.004)
        told = float((gradient * direction).sum())
        self.assertAlmostEqual(measured / told, 1, delta=0.02)
        self.assertFalse(any(weight.requires_grad for weight in scene.model.model.parameters()))
        self.assertTrue(torch.equal(scene.sample(), before), "sampling changed")
        return gradient

    def test_noises_of_a_batch_have_the_maps_they_have_alone(self):
        for kind in KINDS:
            with self.subTest(kind):
                scene = Scene(kind)
                host = scene.host()
                other = uniform(scene.noise.shape, 11)
                both = host.attention([arrays.from_torch(scene.noise), arrays.from_torch(other)], False)
                for noise, maps in zip((scene.noise, other), both):
                    alone = maps_of(host, noise)[0]
                    self.assertLess(float((arrays.to_torch(maps.cross_attention) - alone).abs().max()), 1e-5)

    def test_the_pass_ends_after_the_last_layer_that_counts(self):
        from torch.utils.flop_counter import FlopCounterMode

        for kind in KINDS:
            scene = Scene(kind)
            host = scene.host()
            spent = []
            for _ in range(2):
                host_model._lasts.clear() if not spent else None
                counter = FlopCounterMode(display=False)
                with counter:
                    maps_of(host, scene.noise)
                spent.append(counter.get_total_flops())
            guider = comfy.samplers.CFGGuider(scene.model)
            guider.set_conds(scene.positive, scene.negative)
            guider.set_cfg(1.0)
            counter = FlopCounterMode(display=False)
            with torch.inference_mode(), counter:
                guider.sample(scene.noise, scene.latent, scene.sampler, scene.sigmas[:2], None, None, True, 5)
            print(f"{kind}: {spent[1] / counter.get_total_flops():.2f} of a forward pass, maps included", flush=True)
            self.assertLess(spent[1], counter.get_total_flops())

    def test_an_unknown_network_is_told(self):
        with self.assertRaisesRegex(AttentionOutOfReach, "Linear .expected: SD 1.x"):
            Layout.of(torch.nn.Linear(1, 1), 8, 8)

    @unittest.skipUnless(COMFYUI and hasattr(comfy.ldm.modules.attention, "wrap_attn"), "patches of attention itself are heard in this ComfyUI")
    def test_attention_that_another_node_computes_is_told(self):
        scene = Scene("sd15")
        model = scene.model.clone()
        for block in ("input", "output", "middle"):
            for number in range(12):
                model.set_model_attn2_replace(lambda q, k, v, extra: q, block, number)
        with self.assertRaisesRegex(AttentionOutOfReach, "another node computes it itself"):
            maps_of(scene.host(model), scene.noise)


@unittest.skipUnless(COMFYUI, "COMFYUI_PATH names no ComfyUI")
class PatchesTest(unittest.TestCase):
    def test_a_lora_counts_and_can_be_undone_after_a_gradient(self):
        scene = Scene("sd15")
        plain = scene.sample()
        patched = scene.model.clone()
        with torch.inference_mode():
            keys = [key for key in scene.model.model.state_dict() if "attn2.to_k.weight" in key]
            patches = {key: ("diff", (uniform(scene.model.model.state_dict()[key].shape, i),)) for i, key in enumerate(keys)}
            self.assertEqual(sorted(patched.add_patches(patches, 0.5)), sorted(keys))
        with_lora = scene.sample(model=patched)
        self.assertFalse(torch.equal(plain, with_lora))
        host, bare = scene.host(patched), scene.host()
        self.assertNotEqual(host.fingerprint(), bare.fingerprint())
        maps = maps_of(host, scene.noise, keep=True)
        host.backward([wire.AttentionMaps(*(arrays.from_torch(torch.ones_like(part)) for part in maps))], None)
        self.assertTrue(torch.equal(scene.sample(model=patched), with_lora))
        self.assertTrue(torch.equal(scene.sample(), plain), "the LoRA was not undone")
        self.assertGreater(float((maps_of(bare, scene.noise)[0] - maps[0]).abs().max()), 1e-3)
        self.assertTrue(torch.equal(scene.sample(model=patched), with_lora))

    def test_whatever_decides_over_the_picture_decides_over_the_fingerprint(self):
        half = torch.zeros([1, 1, HEIGHT, WIDTH])
        half[:, :, HEIGHT // 2 :, : WIDTH // 2] = 1
        picture = uniform([1, 4, HEIGHT, WIDTH], 8)
        lower = picture.clone()
        lower[:, :, HEIGHT // 2 :] += 1

        def conditioned(**more):
            scene = Scene("sd15")
            scene.positive = [[text, {**extra, **more}] for text, extra in scene.positive]
            return scene

        def ancestral(eta):
            scene = Scene("sd15")
            scene.sampler = comfy.samplers.ksampler("euler_ancestral", {"eta": eta})
            return scene

        def freed(strength):
            def patch(h, hsp, transformer_options):
                return h * strength, hsp

            scene = Scene("sd15")
            scene.model = scene.model.clone()
            scene.model.set_model_output_block_patch(patch)
            return scene

        def guided(cfg):
            scene = Scene("sd15")
            guider = scene.guider()
            guider.set_cfg(cfg)
            return scene.host(guider=guider)

        kinds = {
            "plain": Scene("sd15").host(),
            "guidance": guided(4.0),
            "mask": Scene("sd15", mask=half).host(),
            "mask on the other side": Scene("sd15", mask=half.flip(-1)).host(),
            "picture": Scene("sd15", latent=picture).host(),
            "picture of another lower half": Scene("sd15", latent=lower).host(),
            "area": conditioned(area=(8, 8, 0, 0)).host(),
            "area elsewhere": conditioned(area=(8, 8, 8, 8)).host(),
            "range": conditioned(start_percent=0.3).host(),
            "another range": conditioned(start_percent=0.9).host(),
            "stochastic": ancestral(1.0).host(),
            "less stochastic": ancestral(0.3).host(),
            "patch": freed(1.1).host(),
            "another patch": freed(1.2).host(),
            "VAE": Scene("sd15", vae=vae()).host(),
        }
        found = {}
        for name, host in kinds.items():
            self.assertNotIn(host.fingerprint(), found, f"{name} as {found.get(host.fingerprint())}")
            found[host.fingerprint()] = name
        for name, scene in (("plain", Scene("sd15")), ("area", conditioned(area=(8, 8, 0, 0))), ("patch", freed(1.1))):
            self.assertEqual(found.get(scene.host().fingerprint()), name, "made again it is equal")

    def test_the_fingerprint_is_the_same_before_within_and_after_sampling_and_gradients(self):
        scene = Scene("sd15", vae=vae())
        keys = [name for name in scene.model.model.state_dict() if "attn2.to_k.weight" in name]
        difference = {name: ("diff", (torch.full_like(scene.model.model.state_dict()[name], 0.05),)) for name in keys}
        model = scene.model.clone()
        model.add_patches(difference, 0.7)
        model.add_object_patch("model_sampling", copy.deepcopy(model.get_model_object("model_sampling")))
        before, within = scene.host(model).fingerprint(), []

        def wrap(executor, noise, latent, sampler, sigmas, *others, **more):
            if not within:
                host = HostModel(Sampled(executor.class_obj, sampler, sigmas, latent, None, 5, scene.vae))
                within.append(host.fingerprint())
                maps = maps_of(host, noise.clone(), keep=True)
                host.backward([wire.AttentionMaps(*(arrays.from_torch(torch.ones_like(part)) for part in maps))], None)
                within.append(host.fingerprint())
            return executor(noise, latent, sampler, sigmas, *others, **more)

        wrapped = model.clone()
        wrapped.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, "prenoise", wrap)
        scene.sample(model=wrapped)
        scene.sample()
        self.assertEqual([before, before, before], [*within, scene.host(model).fingerprint()])

    def test_inside_another_sampling_its_picture_stays_to_the_bit(self):
        for kind in KINDS:
            with self.subTest(kind):
                scene = Scene(kind)
                plain = scene.sample()
                inside = []

                def wrap(executor, noise, latent, sampler, sigmas, *others, inside=inside, **more):
                    if not inside:
                        inside.append(True)
                        host = HostModel(Sampled(executor.class_obj, sampler, sigmas, latent, None, 5))
                        maps = maps_of(host, noise.clone(), keep=True)
                        host.backward([wire.AttentionMaps(*(arrays.from_torch(torch.ones_like(part)) for part in maps))], None)
                        host.walk([arrays.from_torch(noise)], 0, 1, False)
                    return executor(noise, latent, sampler, sigmas, *others, **more)

                model = scene.model.clone()
                model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, "test", wrap)
                self.assertTrue(torch.equal(scene.sample(model=model), plain))
                self.assertEqual(inside, [True])


def vae():
    """A VAE of TAESD's shape with random weights, whose pictures fill the range."""
    with torch.inference_mode():
        network = comfy.taesd.taesd.TAESD(latent_channels=16)
        generator = torch.Generator().manual_seed(4)
        weights = {}
        for name, values in network.state_dict().items():
            random = torch.randn(values.shape, generator=generator)
            weights[name] = random * (1.2 / values[0].numel()) ** 0.5 if values.ndim == 4 else torch.full_like(values, float(name == "vae_scale"))
        last = max((name for name in weights if name.startswith("taesd_decoder") and name.endswith("weight")), key=lambda name: int(name.split(".")[1]))
        network.load_state_dict(weights)
        picture = network.taesd_decoder(torch.randn([1, 16, HEIGHT, WIDTH], generator=generator))
        weights[last] *= 0.15 / picture.std()
        network.load_state_dict(weights)
        offset = network.taesd_decoder(torch.randn([1, 16, HEIGHT, WIDTH], generator=generator)).mean((0, 2, 3))
        weights[last.replace("weight", "bias")] = 0.5 - offset
        return comfy.sd.VAE(sd=weights)


@unittest.skipUnless(COMFYUI, "COMFYUI_PATH names no ComfyUI")
class PicturesTest(unittest.TestCase):
    def test_pictures_are_those_of_the_sampler_and_the_vae(self):
        for sampler in ("euler", "dpmpp_2m", "euler_ancestral"):
            with self.subTest(sampler):
                scene = Scene("sd3", steps=8, sampler=sampler, vae=vae())
                host = scene.host()
                other = uniform(scene.noise.shape, 12)
                shots = host.pictures([arrays.from_torch(scene.noise), arrays.from_torch(other)], [1, 2], True, False)
                with torch.inference_mode():
                    expected = torch_host.png_of(scene.vae.decode(scene.sample())[0])
                self.assertEqual(len(shots), 2)
                if sampler == "euler_ancestral":
                    self.assertEqual(shots[0].image, expected)  # alone in its batch: to the byte
                else:
                    self.assertLess(self.distance(shots[0].image, expected), 2)
                self.assertNotEqual(shots[0].image, shots[1].image)
                self.assertNotEqual(shots[0].image, shots[0].prediction)

    @staticmethod
    def distance(one, other):
        """The largest difference of two pictures, of 255."""
        import io

        import numpy
        from PIL import Image

        a, b = (numpy.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int) for png in (one, other))
        return int(abs(a - b).max())

    def test_gradient_equals_finite_differences_and_sampling_stays_to_the_bit(self):
        for sampler in ("euler", "dpmpp_2m", "heun"):
            with self.subTest(sampler):
                scene = Scene("sd3", steps=3, sampler=sampler, vae=vae())
                before = scene.sample()
                host = scene.host()
                self.assertEqual(host.no_picture_gradient(), "")
                (shot,) = host.pictures([arrays.from_torch(scene.noise)], [1], False, True)
                self.assertEqual(shot.image, host_picture(scene))
                weights = uniform([3, 8 * HEIGHT, 8 * WIDTH], 30)
                (shot,) = host.pictures([arrays.from_torch(scene.noise)], [1], False, True)
                gradient = arrays.to_torch(host.backward(None, [arrays.from_torch(weights)])[0])
                direction = steepest(gradient)

                def score(noise, scene=scene, weights=weights):
                    with torch.inference_mode():
                        return float((scene.vae.decode(scene.sample(noise))[0].movedim(-1, 0).double() * weights).sum())

                measured = slope_of(score, scene.noise, direction, 0.004)
                self.assertAlmostEqual(measured / float((gradient * direction).sum()), 1, delta=0.05)
                self.assertTrue(torch.equal(scene.sample(), before))

    def test_a_gradient_through_the_last_calls_only_is_another(self):
        whole, last = (Scene("sd3", vae=vae(), gradient_calls=calls) for calls in (0, 1))
        gradients = []
        weights = arrays.from_torch(uniform([3, 8 * HEIGHT, 8 * WIDTH], 30))
        for scene in (whole, last):
            host = scene.host()
            host.pictures([arrays.from_torch(scene.noise)], [1], False, True)
            gradients.append(arrays.to_torch(host.backward(None, [weights])[0]))
        self.assertEqual(last.host().sampler().gradient_calls, 1)
        self.assertGreater(float(gradients[1].norm()), 0)
        self.assertFalse(torch.allclose(gradients[0], gradients[1]))

    def test_without_a_vae_pictures_are_refused_by_name(self):
        host = Scene("sd3").host()
        with self.assertRaisesRegex(host_model.HostModelError, "connect one to Better Noise"):
            host.pictures([arrays.from_torch(uniform([1, 16, HEIGHT, WIDTH], 1))], [1], False, False)
        self.assertIn("VAE", host.no_picture_gradient())


def host_picture(scene):
    with torch.inference_mode():
        return torch_host.png_of(scene.vae.decode(scene.sample())[0])


@unittest.skipUnless(COMFYUI, "COMFYUI_PATH names no ComfyUI")
class WalkTest(unittest.TestCase):
    def test_the_walk_to_the_end_is_eulers_picture(self):
        for kind in KINDS:
            with self.subTest(kind):
                scene = Scene(kind)
                host = scene.host()
                levels = host.sampler().sigmas
                (walked,) = host.walk([arrays.from_torch(scene.noise)], 0, len(levels) - 1, False)
                with torch.inference_mode():
                    latents = scene.model.model.process_latent_out(arrays.to_torch(walked.latents))
                    self.assertLess(float((latents - scene.sample()).abs().max() / latents.abs().max()), 1e-5)

    def test_in_parts_and_back(self):
        for kind in ("sd15", "sd3"):
            with self.subTest(kind):
                scene = Scene(kind, steps=60)
                host = scene.host()
                noise = arrays.from_torch(scene.noise)
                (half,) = host.walk([noise], 0, 3, False)
                (rest,) = host.walk([half.latents], 3, 5, False)
                (whole,) = host.walk([noise], 0, 5, False)
                self.assertTrue(torch.equal(arrays.to_torch(rest.latents), arrays.to_torch(whole.latents)))
                (back,) = host.walk([half.latents], 3, 0, False)
                error = (arrays.to_torch(back.latents) - scene.noise).norm() / scene.noise.norm()
                print(f"{kind}: 3 of 60 levels back, {float(error):.1e} from where the walk began", flush=True)
                self.assertLess(float(error), 0.02)


@unittest.skipUnless(COMFYUI, "COMFYUI_PATH names no ComfyUI")
class HabitsTest(unittest.TestCase):
    def test_samplers_are_found_out_by_rehearsal(self):
        scene = Scene("sd15")
        expected = {
            "euler": (4, False, True), "heun": (7, False, True), "dpmpp_2m": (4, False, True), "euler_ancestral": (4, True, True),
            "ddim": (4, False, True), "lms": (4, False, True), "lcm": (4, True, True),
        }  # fmt: skip
        for name, habits in expected.items():
            sampler = comfy.samplers.sampler_object(name)
            self.assertEqual(tuple(host_model._habits(sampler, scene.sigmas, scene.model.get_model_object("model_sampling"))), habits, name)

    def test_fewer_steps_keep_both_ends(self):
        sigmas = torch.tensor([14.0, 9.0, 6.0, 3.0, 1.0, 0.5, 0.0])
        self.assertEqual(host_model.fewer(sigmas, 3).tolist(), [14.0, 6.0, 1.0, 0.0])
        self.assertIs(host_model.fewer(sigmas, 0), sigmas)
        self.assertIs(host_model.fewer(sigmas, 6), sigmas)


if __name__ == "__main__":
    if not COMFYUI:
        print("COMFYUI_PATH names no ComfyUI: nothing is run")
    else:
        unittest.main(argv=[sys.argv[0]], verbosity=2)

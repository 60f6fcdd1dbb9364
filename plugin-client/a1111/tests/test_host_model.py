"""Searches on the host's own model: the tiny network of the stand-ins, driven by a real sidecar."""

from __future__ import annotations

import time
import unittest
from typing import Any
from unittest import mock

import running

REASON = running.reason_to_skip()
if REASON is None:
    import standin
    import torch
    from prenoise import arrays, channel, torch_host, wire
    from prenoise_a1111 import host_model, job
    from prenoise_a1111.settings import Settings
    from test_runs import INTERRUPT_SECONDS, every, later


@unittest.skipIf(REASON is not None, str(REASON))
class HostModelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.started = None if running.TARGET else running.RunningSidecar()
        cls.address = running.TARGET or cls.started.address

    @classmethod
    def tearDownClass(cls) -> None:
        if cls.started is not None:
            cls.started.stop()

    def run_(self, host: Any, changes: Any = {}, **given: Any) -> Any:
        host.shared.sd_model.sd_checkpoint_info.filename = "/models/not-at-the-sidecar.safetensors"
        args = host.args(**{"enabled": True, "where": "host", "address": self.address, "candidates": 4, **changes})
        done = host.run(host.processing(**given), args)
        self.assertEqual(done.logged, [])
        self.assertNotIn("forward", host.unet.__dict__)
        self.assertTrue(all(not module._forward_hooks for module in host.unet.modules()))
        self.assertTrue(getattr(host.unet.fine, "checkpoint", True))
        return done

    def assertFound(self, done: Any, count: int = 1) -> None:
        self.assertEqual(done.comments, [])
        for text in done.infotexts[:count]:
            self.assertRegex(text, "Prenoise: on, Prenoise score: ")

    def evaluator(self, host: Any, **given: Any) -> Any:
        """A HostModel as a search would have it, with the passes that the host makes before it."""
        caught = {}
        original = job.Job._picture

        def picture(own: Any, p: Any, index: int, unit: Any, below: Any, hires: bool) -> None:
            with torch.inference_mode() if host.flavour == standin.FORGE else torch.no_grad():
                caught["host"] = host_model.HostModel(p, index, own.settings, unit.clone(), below, lambda: None)

        job.Job._picture = picture
        try:
            host.run(host.processing(**given), host.args(enabled=True))
        finally:
            job.Job._picture = original
        return caught["host"]

    @every
    def test_search_onTheLoadedModel_needsNoModelAtTheSidecar(self, host: Any) -> None:
        plain = host.run(host.processing(), host.args())
        done = self.run_(host, {"candidates": 12})
        self.assertFound(done)
        self.assertFalse(torch.equal(done.noises[0], plain.noises[0]))

    @every
    def test_search_withBudgetOne_isBitEqualToNone(self, host: Any) -> None:
        for given in ({}, {"batch_size": 2}, {"init_latent": torch.ones(1, 4, 16, 16), "initial_noise_multiplier": 0.5}):
            plain = host.run(host.processing(**given), host.args())
            done = self.run_(host, {"candidates": 1}, **given)
            for a, b in zip(done.noises, plain.noises):
                self.assertTrue(torch.equal(a, b))
            self.assertFound(done)

    @every
    def test_search_ofEveryKind_runsToItsEnd(self, host: Any) -> None:
        for changes in ({"optimize": True, "candidates": 2}, {"then": "conform"}, {"loss": "self-cross"},
                        {"strategy": "pictures", "verifiers": "shapes-aesthetic", "preview": True},
                        {"strategy": "pictures", "verifiers": "shapes-aesthetic", "algorithm": "zero-order"},
                        {"strategy": "pictures", "verifiers": "shapes-aesthetic", "algorithm": "paths", "candidates": 12},
                        {"strategy": "attention, then pictures", "verifiers": "shapes-aesthetic", "keep": 2}):
            with self.subTest(changes):
                self.assertFound(self.run_(host, changes, steps=4))

    @every
    def test_search_withEverySampler_runsToItsEnd(self, host: Any) -> None:
        for name in ("DPM++ 2M SDE", "DDIM", "Euler a"):
            self.assertFound(self.run_(host, {"strategy": "attention, then pictures", "verifiers": "shapes-aesthetic", "keep": 1}, sampler_name=name))

    @every
    def test_search_inImg2imgAndHires_countsThePictureBelow(self, host: Any) -> None:
        below = {"init_latent": torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5))}
        self.assertFound(self.run_(host, {"candidates": 8}, **below))
        self.assertFound(self.run_(host, {"hires": True}, enable_hr=True))
        other = self.evaluator(host, init_latent=torch.zeros(1, 4, 16, 16))
        one = self.evaluator(host, **below)
        noise = arrays.from_torch(torch.ones(1, 4, 16, 16))
        maps = [arrays.to_torch(each.attention([noise], False)[0].cross_attention) for each in (one, other)]
        self.assertFalse(torch.allclose(*maps, atol=1e-4))

    @every
    def test_attention_isThatOfTheRightLayersAndOfThePositivePrompt(self, host: Any) -> None:
        each = self.evaluator(host)
        noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        (maps,) = each.attention([arrays.from_torch(noise)], False)
        unet, sigma = host.unet, standin.sigma(999)
        context = host.encoder.encode("a red circle and a blue square")[None]
        expected, own = [], []
        with torch.no_grad():
            h = unet.down(unet._through(unet.fine, unet.first(noise * sigma / (sigma**2 + 1) ** 0.5), context))
            for block in unet.blocks:
                x = h.flatten(2).transpose(1, 2)
                own.append(probabilities(block.attn1, block.norm1(x), block.norm1(x)))
                x = x + block.attn1(block.norm1(x))
                expected.append(probabilities(block.attn2, block.norm2(x), context))
                h = unet._through(block, h, context)
        self.assertTrue(torch.allclose(arrays.to_torch(maps.cross_attention), torch.stack(expected).mean(0).reshape(4, 4, 77), atol=1e-5))
        self.assertTrue(torch.allclose(arrays.to_torch(maps.self_attention), torch.stack(own).mean(0).reshape(4, 4, 16), atol=1e-5))

    @every
    def test_gradient_isThatOfFiniteDifferences(self, host: Any) -> None:
        for given in ({}, {"init_latent": torch.ones(1, 4, 16, 16), "initial_noise_multiplier": 0.5}):
            each = self.evaluator(host, **given)
            generator = torch.Generator().manual_seed(2)
            noise = torch.randn(1, 4, 16, 16, generator=generator)
            slopes = [torch.randn(4, 4, 77, generator=generator), torch.randn(4, 4, 16, generator=generator)]

            def value(at: torch.Tensor, each: Any = each, slopes: Any = slopes) -> float:
                (maps,) = each.attention([arrays.from_torch(at)], False)
                pairs = zip((maps.cross_attention, maps.self_attention), slopes)
                return sum(float((arrays.to_torch(one).double() * slope.double()).sum()) for one, slope in pairs)

            each.attention([arrays.from_torch(noise)], True)
            (gradient,) = each.backward([wire.AttentionMaps(*map(arrays.from_torch, slopes))], None)
            gradient = arrays.to_torch(gradient)
            step = gradient / gradient.norm()
            measured = (value(noise + 0.02 * step) - value(noise - 0.02 * step)) / 0.04
            self.assertAlmostEqual(measured / float(gradient.norm()), 1.0, delta=0.01)

    @every
    def test_attention_ofAPictureTooLargeForAMessage_isPooled(self, host: Any) -> None:
        each, noise = self.evaluator(host), torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        (whole,) = each.attention([arrays.from_torch(noise)], False)
        cross, own = arrays.to_torch(whole.cross_attention), arrays.to_torch(whole.self_attention)
        with mock.patch.object(torch_host, "_MOST_CELLS", 8):  # of the 16 there are
            (maps,) = each.attention([arrays.from_torch(noise)], True)
            (gradient,) = each.backward([wire.AttentionMaps(wire.Tensor.of_floats([2, 2, 77], [1.0, -1.0] * 154))], None)
            self.assertEqual(self.run_(host, {"optimize": True, "candidates": 2}).comments, [])
        pooled = cross.reshape(2, 2, 2, 2, 77).mean((1, 3))
        self.assertTrue(torch.allclose(arrays.to_torch(maps.cross_attention), pooled, atol=1e-6))
        pooled = own.reshape(2, 2, 2, 2, 2, 2, 2, 2).mean((1, 3)).sum((3, 5)).reshape(2, 2, 4)
        self.assertTrue(torch.allclose(arrays.to_torch(maps.self_attention), pooled, atol=1e-6))
        self.assertGreater(float(arrays.to_torch(gradient).abs().max()), 0)

    def test_attention_ofTheLargestPictures_fitsAMessage(self) -> None:
        for side in (1024, 1792, 2048, 4096):
            maps = host_model._Tap([], torch_host.grid(side, side), None, None).maps
            rows, columns = maps.rows, maps.columns
            self.assertLess(4 * rows * columns * (rows * columns + 6 * 77), channel.MESSAGE_BYTES)

    @every
    def test_walk_downAndBack_comesNearWhereItBegan(self, host: Any) -> None:
        each = self.evaluator(host, steps=24, cfg_scale=1.0)
        noise = arrays.from_torch(torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1)))
        (down,) = each.walk([noise], 0, 3, True)
        self.assertEqual(down.image[:4], b"\x89PNG")
        (back,) = each.walk([down.latents], 3, 0, False)
        self.assertLess(float((arrays.to_torch(back.latents) - arrays.to_torch(noise)).abs().mean()), 0.05)
        (end,) = each.walk([noise], 0, 24, True)
        (shot,) = each.pictures([noise], [0], True, False)
        self.assertEqual(end.image, shot.image)  # the stand-in's own sampler is Euler's too
        self.assertEqual(shot.prediction[:4], b"\x89PNG")

    @every
    def test_attention_stopsAfterTheLastLayerThatCounts(self, host: Any) -> None:
        each, noise = self.evaluator(host), arrays.from_torch(torch.ones(1, 4, 16, 16))
        each.attention([noise], False)
        reached = []
        handle = host.unet.up.register_forward_hook(lambda *_: reached.append(1))
        each.attention([noise], False)
        handle.remove()
        self.assertEqual(reached, [])

    @every
    def test_evaluation_leavesTheHostsOwnRunAsItWas(self, host: Any) -> None:
        step_noise = []
        host.while_sampling = lambda: step_noise.append(p.rng.next())
        p = host.processing(batch_size=2)
        host.run(p, host.args())
        p = host.processing(batch_size=2)
        host.shared.state.sampling_step = 11
        args = host.args(enabled=True, where="host", address=self.address, candidates=3, strategy="pictures", verifiers="shapes-aesthetic")
        done = host.run(p, args)
        self.assertTrue(torch.equal(step_noise[0], step_noise[1]))
        self.assertEqual(host.shared.state.sampling_step, 11)
        self.assertNotIn("Schedule type", done.infotexts[0])

    @every
    def test_interrupt_endsASearchOnTheHostWithinHalfASecond(self, host: Any) -> None:
        pressed = later(1.0, lambda: setattr(host.shared.state, "interrupted", True))
        done = self.run_(host, {"strategy": "pictures", "verifiers": "shapes-aesthetic", "candidates": 512})
        self.assertLess(time.monotonic() - pressed[0], INTERRUPT_SECONDS)
        self.assertIn("Prenoise: plain noise", done.infotexts[0])
        self.assertEqual(done.comments, [])

    @every
    def test_modelWithoutAttention_isSearchedAtTheSidecarOrRefused(self, host: Any) -> None:
        host.unet.blocks, host.unet.fine = torch.nn.ModuleList(), torch.nn.Identity()
        done = self.run_(host)
        self.assertRegex(done.comments[0], r"the attention of this model cannot be read: UNet \(expected: SD 1.x")
        host.shared.sd_model.sd_checkpoint_info.filename = "/models/shapes.safetensors"
        auto = host.run(host.processing(), host.args(enabled=True, address=self.address, candidates=2))
        self.assertEqual(auto.comments, [])
        self.assertIn("Prenoise: on", auto.infotexts[0])

    @every
    def test_hostThatFails_isToldAndTheSidecarTakesOver(self, host: Any) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError("out of memory")

        host.encoder.wrapped.tokenizer.ids("")
        for module in host.unet.modules():
            if hasattr(module, "to_q"):
                module.to_q.forward = broken
        args = {"enabled": True, "address": self.address, "candidates": 2}
        done = host.run(host.processing(), host.args(**args))
        self.assertRegex(done.comments[0], "evaluating on the host failed .RuntimeError: out of memory.; the sidecar's own model is searched")
        self.assertIn("Prenoise: on", done.infotexts[0])
        alone = host.run(host.processing(), host.args(**args, where="host"))
        self.assertRegex(alone.comments[0], "out of memory. The picture was made from plain noise")

    def test_cannot_saysWhyOfPicturesGradients(self) -> None:
        host = standin.Host(standin.A1111)
        p = host.processing()
        reason = host_model.cannot(p, Settings(strategy="pictures", algorithm="first-order"))
        self.assertIn("evaluation on the sidecar", reason)
        self.assertIsNone(host_model.cannot(p, Settings()))

    def test_subjects_areAtTheirTokensOfTheHostsChunks(self) -> None:
        host = standin.Host(standin.A1111)
        from prenoise import Sidecar

        each = self.evaluator(host, prompt="a (red:1.2) circle and a blue square")
        found = each.subjects(Sidecar(self.address), [])
        self.assertEqual([(one.text.split()[-1], one.token_indices) for one in found], [("circle", [2, 3]), ("square", [6, 7])])


def probabilities(layer: Any, x: Any, context: Any) -> Any:
    q, k = (part.reshape(1, part.shape[1], layer.heads, -1).transpose(1, 2) for part in (layer.to_q(x), layer.to_k(context)))
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1).mean(1)


if __name__ == "__main__":
    unittest.main()

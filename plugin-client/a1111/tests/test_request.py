"""What the sidecar is asked, from what the host says."""

from __future__ import annotations

import types
import unittest
from typing import Any

import running

REASON = running.reason_to_skip()
if REASON is None:
    import standin
    from prenoise import wire
    from prenoise_a1111 import locate, request, webui
    from prenoise_a1111.settings import Settings
    from prenoise_a1111.webui import Checkpoint, LoraUse

SHA = "ab" * 32


def capabilities(*models: Any) -> Any:
    return wire.GetCapabilitiesResponse(backbones=list(models))


@unittest.skipIf(REASON is not None, str(REASON))
class RequestTest(unittest.TestCase):
    def setUp(self) -> None:
        self.host = standin.Host(standin.A1111)

    def test_backbone_bySha256_thoughNamesDiffer(self) -> None:
        there = capabilities(wire.Backbone(id="x/dream.safetensors", sha256="cd" * 32), wire.Backbone(id="y/other.safetensors", sha256=SHA))
        self.assertEqual(request.backbone(Settings(), Checkpoint("dream", "dream.safetensors", SHA, SHA[:10]), there), "y/other.safetensors")

    def test_backbone_byShortHash(self) -> None:
        there = capabilities(wire.Backbone(id="a.safetensors", sha256=SHA))
        self.assertEqual(request.backbone(Settings(), Checkpoint("b", "b.safetensors", "", SHA[:10]), there), "a.safetensors")

    def test_backbone_byFileName_whereTheSidecarHasNoHashYet(self) -> None:
        there = capabilities(wire.Backbone(id="sd15/Dream.safetensors"))
        self.assertEqual(request.backbone(Settings(), Checkpoint("d", "dream.safetensors", SHA, SHA[:10]), there), "sd15/Dream.safetensors")

    def test_backbone_ofOneNameButOtherHash_isNotTaken(self) -> None:
        there = capabilities(wire.Backbone(id="dream.safetensors", sha256="cd" * 32))
        with self.assertRaisesRegex(request.NoSuchCheckpoint, "has no checkpoint dream.safetensors .it has: dream.safetensors"):
            request.backbone(Settings(), Checkpoint("d", "dream.safetensors", SHA, SHA[:10]), there)

    def test_backbone_thatCannotBeUsed_saysWhy(self) -> None:
        there = capabilities(wire.Backbone(id="dream.safetensors", problem="an inpainting model"))
        with self.assertRaisesRegex(request.NoSuchCheckpoint, "cannot use dream.safetensors: an inpainting model"):
            request.backbone(Settings(), Checkpoint("d", "dream.safetensors", "", ""), there)

    def test_backbone_named_isLeftToTheSidecar(self) -> None:
        self.assertEqual(request.backbone(Settings(model="shapes"), None, capabilities()), "shapes")

    def test_optimize_ofEachStrategy_fillsOnlyIts(self) -> None:
        def asked(**given: Any) -> Any:
            return request.optimize(Settings(**given), wire.Tensor.of_floats([1, 1, 1, 1], [0]), -1, True, webui.PromptText("a", "b", ()),
                                    webui.SamplingPlan("euler", 20, 7.5, (14.6, 0.0)), 2, "m", [LoraUse("ink", 0.8, 0.5)])

        attention = asked(optimize=True, then="conform", candidates=3)
        self.assertEqual((attention.attention.then, attention.budget.loss_evaluations, attention.verifier), (wire.AttentionLoss.CONFORM, 30, None))
        self.assertEqual((attention.seed, attention.noise_source), (2**64 - 1, wire.NoiseSource.NV_PHILOX))
        self.assertEqual((attention.prompt.clip_skip, attention.prompt.weighting), (2, wire.PromptWeighting.A1111))
        self.assertEqual([(use.name, use.strength, use.text_strength) for use in attention.lora], [("ink", 0.8, 0.5)])
        pictures = asked(strategy="pictures", algorithm="zero-order", verifiers="clip, aesthetic:2", candidates=5)
        self.assertEqual((pictures.budget.pictures, pictures.verifier.algorithm, len(pictures.verifier.verifiers), pictures.attention),
                         (5, wire.SearchAlgorithm.ZERO_ORDER, 2, None))
        cascade = asked(strategy="attention, then pictures", keep=4, candidates=32, loss="self-cross")
        self.assertEqual((cascade.cascade.keep, cascade.budget.loss_evaluations, cascade.cascade.screen.loss),
                         (4, 32, wire.AttentionLoss.SELF_CROSS))

    def test_samplerName_ofEveryVersion(self) -> None:
        for host, expected in [("DPM++ 2M Karras", "dpmpp_2m"), ("DPM++ 2M", "dpmpp_2m"), ("Euler a", "euler_ancestral"), ("DDIM", "ddim"),
                               ("DPM++ 2M SDE Exponential", "dpmpp_2m_sde"), ("Some Extension's", "")]:
            self.assertEqual(webui.sampler_name(host), expected, host)

    def test_sigmas_areTheHostsAndInfotextStaysAsItWas(self) -> None:
        p = self.host.processing(steps=20)
        p.sampler = self.host.make_sampler(p.sampler_name)
        plan = webui.sampling(p, hires=False)
        self.assertEqual(len(plan.sigmas), 21)
        self.assertAlmostEqual(plan.sigmas[0], 14.6146, places=3)
        self.assertEqual(plan.sigmas[-1], 0)
        self.assertEqual(p.extra_generation_params, {})

    def test_sigmas_ofTimestepSamplers_beginWhereTheyDo(self) -> None:
        p = self.host.processing(steps=20, sampler_name="DDIM")
        p.sampler = self.host.make_sampler("DDIM")
        plan = webui.sampling(p, hires=False)
        self.assertEqual(len(plan.sigmas), 21)
        self.assertAlmostEqual(plan.sigmas[0], standin.sigma(951), places=9)

    def test_sigmas_thatDoNotFall_areNotSent(self) -> None:
        p = self.host.processing()
        p.sampler = types.SimpleNamespace(get_sigmas=lambda p, steps: [1.0, 2.0, 0.0])
        self.assertEqual(webui.sigmas(p, 20), [])

    def test_prompt_atTheFirstStep(self) -> None:
        for text, expected, notes in [
            ("a [cat:dog:0.5] on grass", "a cat on grass", 1),
            ("a cat AND a dog :0.8 AND rain :-1", "a cat, a dog", 1),
            ("an ANDROID (red:1.2)", "an ANDROID (red:1.2)", 0),
            ("a [dim] cat", "a [dim] cat", 0),
        ]:
            with self.subTest(text):
                p = types.SimpleNamespace(prompts=[text], negative_prompts=["[x:y:0.5]"], steps=20)
                got = webui.prompt(p, 0, hires=False)
                self.assertEqual((got.text, got.negative, len(got.notes)), (expected, "x", notes))

    def test_loras_ofThePrompt_byTheirFiles(self) -> None:
        p = types.SimpleNamespace(extra_network_data=standin.parse_prompts(["<lora:ink:0.8> <lora:b:0.5:0.25> <lora:c:te=0.1:unet=0.9>"])[1])
        self.assertEqual(webui.loras(p), [LoraUse("ink", 0.8, 0.8), LoraUse("b", 0.25, 0.5), LoraUse("c", 0.9, 0.1)])
        self.assertEqual(webui.loras(types.SimpleNamespace(extra_network_data={}, disable_extra_networks=True)), [])

    def test_clipSkip_countsForSd1Only(self) -> None:
        p = self.host.processing()
        self.host.shared.opts.CLIP_stop_at_last_layers = 2
        self.assertEqual(webui.clip_skip(p), 2)
        self.host.shared.sd_model.is_sdxl = True
        self.assertEqual(webui.clip_skip(p), 0)

    def test_unknownLoras_areThoseWithoutAFile(self) -> None:
        there = wire.GetCapabilitiesResponse(loras=[wire.LoraInfo(name="style/ink.safetensors"), wire.LoraInfo(name="broken", problem="cut short")])
        self.assertEqual(request.unknown_loras([LoraUse("ink", 1, 1), LoraUse("broken", 1, 1)], there), ["broken"])

    def test_addPrenoise_findsThePackageOfACheckout(self) -> None:
        self.assertEqual(locate.add_prenoise(running.EXTENSION).name, "prenoise")


if __name__ == "__main__":
    unittest.main()

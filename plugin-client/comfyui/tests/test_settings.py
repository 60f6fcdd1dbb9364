"""What the widgets mean."""

import unittest

from support import options, pack, widgets  # first: it says where the other modules are

from better_noise_pack.better_noise import requests
from better_noise_pack.better_noise.graph import Lora, ModelSource
from better_noise_pack.better_noise.requests import Picture
from better_noise_pack.better_noise.settings import SettingsError, settings_of, verifiers_of, words_of
from prenoise import wire

NOISE = wire.Tensor.of_floats([1, 4, 1, 1], [0.0] * 4)
PICTURE = Picture("a cat", "blurry", "sample_dpmpp_2m", (14.6, 7.0, 7.0, 1.0, 0.0), 7.5, (1, 4, 1, 1))


def build(source=None, **chosen):
    return requests.build(settings_of(widgets(**chosen)), PICTURE, NOISE, 7, 3, source=source)


class SettingsTest(unittest.TestCase):
    def test_verifiers_have_weights_and_classes(self):
        found = verifiers_of("clip, aesthetic*0.5,\nimagenet=tabby cat")
        self.assertEqual([("clip", 0.0, ""), ("aesthetic", 0.5, ""), ("imagenet", 0.0, "tabby cat")], [(v.name, v.weight, v.label) for v in found])

    def test_refuses_weights_that_are_none(self):
        for text in ("clip*0", "clip*x", "clip*nan", "clip*inf", "clip*-1", "clip="):
            with self.assertRaisesRegex(SettingsError, "expected"):
                verifiers_of(text)

    def test_a_verifier_search_without_a_verifier_says_so(self):
        with self.assertRaisesRegex(SettingsError, "verifiers: empty"):
            settings_of(widgets(strategy="verifier search", verifiers=" , "))

    def test_words_are_separated_by_commas_or_lines(self):
        self.assertEqual(("cat", "red apple"), words_of(" cat,\nred apple ,,"))

    def test_the_web_server_hears_what_is_wrong_before_a_run(self):
        check = pack.NODE_CLASS_MAPPINGS["PrenoiseBetterNoise"].VALIDATE_INPUTS
        self.assertIs(True, check(strategy="cascade", verifiers="clip*0.5"))
        self.assertIn("greater than 0", check(strategy="cascade", verifiers="clip*0"))
        self.assertIn("expected: one of", check(strategy="magic", verifiers=""))


class RequestTest(unittest.TestCase):
    def test_an_attention_ranking_is_judged_at_the_hosts_own_sigmas(self):
        request = build(loss="self-cross", loss_evaluations=9, options=options(then="conform"))
        self.assertEqual(wire.AttentionLoss.SELF_CROSS, request.attention.loss)
        self.assertEqual(wire.AttentionLoss.CONFORM, request.attention.then)
        self.assertEqual([14.6, 7.0, 1.0, 0.0], request.sampling.sigmas, "a sigma that repeats is no step")
        self.assertEqual(("dpmpp_2m", 3, 7.5), (request.sampling.sampler, request.sampling.steps, request.sampling.guidance_scale))
        self.assertEqual((9, 0), (request.budget.loss_evaluations, request.budget.pictures))
        self.assertEqual(
            ("a cat", "blurry", wire.PromptWeighting.COMFYUI), (request.prompt.text, request.prompt.negative_text, request.prompt.weighting)
        )

    def test_optimising_follows_the_gradient(self):
        self.assertTrue(build(strategy="optimise").attention.optimize)

    def test_a_verifier_search_counts_pictures(self):
        request = build(
            strategy="verifier search",
            search="zero-order",
            verifiers="clip*0.5",
            pictures=5,
            loss_evaluations=9,
            options=options(neighbors=3, step_size=0.2),
        )
        self.assertEqual(
            (wire.SearchAlgorithm.ZERO_ORDER, 3, 0.2), (request.verifier.algorithm, request.verifier.neighbors, request.verifier.step_size)
        )
        self.assertEqual(("clip", 0.5), (request.verifier.verifiers[0].name, request.verifier.verifiers[0].weight))
        self.assertEqual((0, 5), (request.budget.loss_evaluations, request.budget.pictures))

    def test_each_search_algorithm_has_its_name_on_the_wire(self):
        for name in widgets_choices("search"):
            self.assertEqual(name, build(strategy="verifier search", search=name).verifier.algorithm.name.lower().replace("_", "-"))

    def test_a_cascade_screens_then_verifies(self):
        request = build(strategy="cascade", loss="conform", options=options(screened=4, then="initno"))
        self.assertEqual(
            (wire.AttentionLoss.CONFORM, wire.AttentionLoss.UNSPECIFIED, 4),
            (request.cascade.screen.loss, request.cascade.screen.then, request.cascade.keep),
        )
        self.assertEqual("clip", request.cascade.verify.verifiers[0].name)

    def test_the_sidecars_copy_is_named_by_file_with_its_loras(self):
        request = build(ModelSource("a/dream.safetensors", (Lora("ink.safetensors", 0.8, 0.5),)))
        self.assertEqual("dream.safetensors", request.backbone)
        self.assertEqual([("ink.safetensors", 0.8, 0.5)], [(x.name, x.strength, x.text_strength) for x in request.lora])
        self.assertEqual("other", build(ModelSource("a/dream.safetensors", ()), options=options(backbone="other")).backbone)

    def test_wall_time_and_plateau_are_part_of_the_budget(self):
        budget = build(options=options(wall_seconds=1.5, stop_on_plateau=True)).budget
        self.assertEqual((1.5, True), (budget.wall_time.total_seconds(), budget.stop_on_plateau))

    def test_unknown_samplers_leave_the_choice_to_the_sidecar(self):
        self.assertEqual("", requests.sampler_name("sample_res_multistep"))
        self.assertEqual("dpmpp_2m_sde", requests.sampler_name("sample_dpmpp_2m_sde_gpu"))


def widgets_choices(name):
    return pack.NODE_CLASS_MAPPINGS["PrenoiseBetterNoise"].INPUT_TYPES()["required"][name][0]


if __name__ == "__main__":
    unittest.main()

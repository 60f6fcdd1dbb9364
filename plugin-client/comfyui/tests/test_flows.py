"""Whole runs: ComfyUI's stand-ins on one side, the real sidecar with its built-in model on the other."""

import re
import threading
import time
import unittest
import unittest.mock

from support import SHAPE, graph, options, pack, sidecar, widgets  # first: it says where the other modules are

import torch
from sidecar_process import Sidecar
from standins import (
    KSAMPLER,
    CFGGuider,
    InterruptProcessingException,
    Model,
    PromptServer,
    host,
    ksampler,
    sample_euler,
    sampler_custom_advanced,
    scheduled,
)

from better_noise_pack.better_noise import sampling, status

NODES = pack.NODE_CLASS_MAPPINGS
CONDITIONING = [[torch.zeros(1, 24, 96), {}]]


def latent(batch=1, **more):
    return {"samples": torch.zeros(batch, *SHAPE), **more}


def pattern(batch=1):
    """A picture's latent."""
    return torch.linspace(-1, 1, batch * 4 * 16 * 16).reshape(batch, *SHAPE)


class Flow(unittest.TestCase):
    def setUp(self):
        self.sidecar = sidecar()
        host.reset()
        PromptServer.instance.run(graph())

    def node(self, model=None, **chosen):
        chosen.setdefault("options", options(target=self.sidecar.target))
        chosen = {"evaluate_on": "sidecar", "loss_evaluations": 4, "on_error": "stop", "workflow": graph(), **chosen}
        return NODES["PrenoiseBetterNoise"]().wrap(model=model or Model(), **widgets(**chosen))

    def plain(self, seed=1, batch=1, **more):
        return ksampler(Model(), seed, 4, 3.0, CONDITIONING, CONDITIONING, latent(batch), **more)

    def sample(self, model, seed=1, given=None, **more):
        return ksampler(model, seed, 4, 3.0, CONDITIONING, CONDITIONING, given or latent(), **more)


class KSamplerTest(Flow):
    def test_a_better_noise_makes_another_picture_and_its_recipe_the_same_one_again(self):
        model, record = self.node(loss_evaluations=4)
        found = self.sample(model)
        best, plain = record.chosen[0], record.found[0].plain
        self.assertLessEqual(best.score, plain.score)
        self.assertNotEqual(0, best.index, "a seed whose plain noise is not the best")
        self.assertFalse(torch.equal(found, self.plain()))
        text = NODES["PrenoiseRecipe"]().show(record, latent())["result"][0]
        again = NODES["PrenoiseFromRecipe"]().wrap(Model(), text, "stop", False, "127.0.0.1:1", "8")[0]
        self.assertTrue(torch.equal(found, self.sample(again)), "a plain seed needs no sidecar")

    def test_candidate_0_with_budget_1_is_bit_equal_to_no_node(self):
        model, record = self.node(loss_evaluations=1)
        self.assertTrue(torch.equal(self.plain(seed=5), self.sample(model, seed=5)))
        self.assertEqual(0, record.chosen[0].index)
        text = NODES["PrenoiseRecipe"]().show(record, latent())["result"][0]
        again = NODES["PrenoiseFromRecipe"]().wrap(Model(), text, "stop", False, "127.0.0.1:1", "8")[0]
        self.assertTrue(torch.equal(self.plain(seed=5), self.sample(again, seed=5)))

    def test_candidate_0_is_the_hosts_own_noise_for_the_sidecar_too(self):
        model, record = self.node(loss_evaluations=1)
        self.sample(model, seed=5)
        sent = torch.randn([1, *SHAPE], generator=torch.manual_seed(5))
        noise = NODES["PrenoiseCandidates"]().show(record, 1, 0, 0)[2]["samples"]
        self.assertTrue(torch.equal(sent, noise))

    def test_the_noise_has_unit_variance_and_the_hosts_type(self):
        model, record = self.node(loss_evaluations=6)
        given = {"samples": torch.zeros(1, *SHAPE, dtype=torch.float16)}
        seen = []
        model.add_wrapper_with_key(
            "outer_sample", "behind", lambda executor, noise, *rest, **named: (seen.append(noise), executor(noise, *rest, **named))[1]
        )
        self.sample(model, given=given)
        self.assertEqual(torch.float16, seen[0].dtype)
        self.assertAlmostEqual(1.0, float(seen[0].float().std()), delta=0.1)

    def test_an_equal_run_is_answered_from_what_is_stored(self):
        model, record = self.node(loss_evaluations=6)
        first = self.sample(model)
        score = record.chosen[0].score
        model, record = self.node(loss_evaluations=6)
        self.assertTrue(torch.equal(first, self.sample(model)))
        self.assertEqual(score, record.chosen[0].score)

    def test_each_image_of_a_batch_is_searched_from_its_own_noise(self):
        model, record = self.node(loss_evaluations=4)
        found = self.sample(model, given=latent(3))
        self.assertEqual(3, len(record.found))
        noises = torch.randn([3, *SHAPE], generator=torch.manual_seed(1))
        for index, each in enumerate(record.found):
            best = NODES["PrenoiseCandidates"]().show(record, 1, index, 0)[2]["samples"]
            self.assertEqual(each.candidates[0].index == 0, torch.equal(noises[index : index + 1], best))
        seeds = {each.candidates[0].recipe.seed for each in record.found if each.candidates[0].index}
        self.assertEqual(len([1 for each in record.found if each.candidates[0].index]), len(seeds), "no two images share a draw")
        single, _ = self.node(loss_evaluations=4)
        self.assertTrue(torch.equal(found[:1], self.sample(single)), "the first image is what it would be alone")

    def test_a_batch_may_be_the_best_of_one_search(self):
        chosen = options(target=self.sidecar.target, batch="the best of one search")
        model, record = self.node(loss_evaluations=5, options=chosen)
        self.sample(model, given=latent(3))
        self.assertEqual(1, len(record.found))
        scores = [each.score for each in record.chosen]
        self.assertEqual(sorted(scores), scores)
        self.assertEqual(3, len(scores))

    def test_a_mask_keeps_what_it_covers(self):
        mask = torch.zeros(1, 128, 128)
        mask[..., 64:] = 1.0
        given = {"samples": pattern(), "noise_mask": mask}
        model, record = self.node(loss_evaluations=4)
        found = self.sample(model, given=given)
        self.assertNotEqual(0, record.chosen[0].index)
        kept = ksampler(Model(), 1, 4, 3.0, CONDITIONING, CONDITIONING, given)
        self.assertFalse(torch.equal(found, kept))
        self.assertLess(float((found[..., :7] - kept[..., :7]).abs().max()), 1e-4, "what the mask covers is the picture's")

    def test_image_to_image_and_second_stages_are_skipped_unless_asked_for(self):
        model, record = self.node()
        given = {"samples": pattern()}
        plain = ksampler(Model(), 1, 4, 3.0, CONDITIONING, CONDITIONING, given, denoise=0.5)
        self.assertTrue(torch.equal(plain, self.sample(model, given=given, denoise=0.5)))
        self.assertEqual([], record.found)
        self.assertIn("skipped", host.texts[-1][1])
        asked, _ = self.node(img2img=True)
        with self.assertRaisesRegex(RuntimeError, "the sidecar cannot see the picture"):
            self.sample(asked, given=given, denoise=0.5)

    def test_a_schedule_that_begins_below_the_greatest_sigma_is_no_image_to_image(self):
        model, record = self.node(loss_evaluations=2)
        self.sample(model, denoise=0.9)
        self.assertEqual(1, len(record.found))

    def test_zero_noise_is_left_alone(self):
        model, record = self.node(options=options(target="127.0.0.1:1"))
        plain = ksampler(Model(), 1, 4, 3.0, CONDITIONING, CONDITIONING, {"samples": pattern()}, disable_noise=True)
        self.assertTrue(torch.equal(plain, self.sample(model, given={"samples": pattern()}, disable_noise=True)))
        self.assertEqual([], record.found)

    def test_two_nodes_in_a_row_search_from_each_others_noise(self):
        first, one = self.node(loss_evaluations=4)
        both, two = self.node(model=first, loss_evaluations=2, unique_id="7", loss="conform")
        self.sample(both)
        self.assertEqual((1, 1), (len(one.found), len(two.found)))
        handed = NODES["PrenoiseCandidates"]().show(one, 1, 0, 0)[2]["samples"]
        self.assertNotEqual(0, one.chosen[0].index)
        if two.chosen[0].index == 0:
            self.assertTrue(torch.equal(handed, NODES["PrenoiseCandidates"]().show(two, 1, 0, 0)[2]["samples"]))

    def test_tiles_are_searched_one_by_one(self):
        model, record = self.node(loss_evaluations=2)
        guider = CFGGuider(model)
        guider.set_conds(CONDITIONING, CONDITIONING)
        scores = []
        for tile in range(2):
            noise = torch.randn([1, *SHAPE], generator=torch.manual_seed(tile))
            guider.sample(noise, torch.zeros(1, *SHAPE), KSAMPLER(sample_euler), scheduled(model, 4), None, None, False, tile)
            scores.append(record.found[0].plain.score)
        self.assertNotEqual(*scores)

    def test_a_search_within_a_search_does_not_search_again(self):
        model, record = self.node()
        sampling._inside.search = True
        try:
            self.assertTrue(torch.equal(self.plain(), self.sample(model)))
        finally:
            sampling._inside.search = False
        self.assertEqual([], record.found)

    def test_named_subjects_are_used(self):
        model, record = self.node(subjects="triangle")
        with self.assertRaisesRegex(RuntimeError, "triangle"):
            self.sample(model)

    def test_the_text_that_is_searched_for_is_the_one_of_the_graph_that_runs(self):
        model, record = self.node(loss_evaluations=1)
        self.sample(model)
        before = record.found[0].plain.score
        PromptServer.instance.run(graph("a green triangle and a blue square"))
        self.sample(model)
        self.assertNotEqual(before, record.found[0].plain.score, "a cached node is not told of the new text, but the graph is")

    def test_connected_text_goes_before_the_workflows(self):
        model, record = self.node(loss_evaluations=1, prompt="a green triangle and a blue square")
        self.sample(model)
        PromptServer.instance.run(graph("a green triangle and a blue square"))
        other, same = self.node(loss_evaluations=1)
        self.sample(other)
        self.assertEqual(same.found[0].plain.score, record.found[0].plain.score)

    def test_verifiers_choose_pictures_and_the_preview_shows_them(self):
        chosen = options(target=self.sidecar.target, preview="best so far", keep=2)
        model, record = self.node(strategy="verifier search", verifiers="oracle", pictures=2, options=chosen)
        self.sample(model)
        images, _, latents, scores = NODES["PrenoiseCandidates"]().show(record, 2, 0, 0)
        self.assertEqual([2, 64, 64, 3], list(images.shape))
        self.assertEqual([2, *SHAPE], list(latents["samples"].shape))
        self.assertEqual(2, len(scores.splitlines()))
        self.assertFalse(record.chosen[0].score_is_loss)
        previews = [preview for _, _, preview in host.shown() if preview is not None]
        self.assertTrue(previews)
        self.assertEqual((64, 64), previews[-1][1].size)

    def test_progress_goes_up_to_the_end_in_finite_numbers(self):
        model, _ = self.node(loss_evaluations=4)
        self.sample(model, given=latent(2))
        values = [value for value, _, _ in host.shown()]
        self.assertEqual(sorted(values), values)
        self.assertEqual(1000, values[-1])
        for _, data in host.sent:
            self.assertNotRegex(repr(data), re.compile(r"\b(nan|inf)\b", re.IGNORECASE))


class FromRecipeTest(Flow):
    def refused(self, text):
        wrapped = NODES["PrenoiseFromRecipe"]().wrap(Model(), text, "stop", False, "127.0.0.1:1", "8")[0]
        with self.assertRaises(RuntimeError) as raised:
            self.sample(wrapped)
        return str(raised.exception)

    def test_noise_of_another_size_is_refused_before_it_is_made(self):
        with unittest.mock.patch.object(torch, "randn", wraps=torch.randn) as drawn:
            said = self.refused('{"seed":1,"source":"torch-cpu","shape":[1,4,300,300],"steps":[]}')
            self.assertNotIn([1, 4, 300, 300], [list(call.args[0]) for call in drawn.call_args_list])
        self.assertIn("line 1: noise of shape [1, 4, 300, 300] (expected: [1, 4, 16, 16], this latent's)", said)
        turned = '{"seed":1,"source":"torch-cpu","shape":[1,4,8,8],"steps":[{"kind":"perturbation","seed":2,"step_size":0.1}]}'
        self.assertIn("noise of shape [1, 4, 8, 8]", self.refused(turned), "nor is a sidecar asked, here one that there is not")

    def test_text_of_brackets_in_brackets_is_no_recipe(self):
        self.assertIn("no JSON", self.refused("[" * 200_000))


class CustomSamplerTest(Flow):
    def flow(self, seed=1, given=None, **chosen):
        chosen.setdefault("options", options(target=self.sidecar.target))
        guider = CFGGuider(Model())
        guider.set_conds(CONDITIONING, CONDITIONING)
        guider.set_cfg(3.0)
        sampler, sigmas = KSAMPLER(sample_euler), scheduled(guider.model_patcher, 4)
        chosen = {"evaluate_on": "sidecar", "loss_evaluations": 4, "on_error": "stop", "workflow": self.graph(), **chosen}
        noise, record = NODES["PrenoiseBetterNoiseNoise"]().make(guider=guider, sampler=sampler, sigmas=sigmas, noise_seed=seed, **widgets(**chosen))
        return sampler_custom_advanced(noise, guider, sampler, sigmas, given or latent()), record, noise

    def graph(self):
        return graph(
            **{
                "7": {"class_type": "CFGGuider", "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0]}},
                "6": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["5", 0], "guider": ["7", 0], "latent_image": ["4", 0]}},
                "5": {"class_type": "PrenoiseBetterNoiseNoise", "inputs": {"guider": ["7", 0]}},
            }
        )

    def setUp(self):
        super().setUp()
        PromptServer.instance.run(self.graph())

    def test_budget_1_is_bit_equal_to_random_noise(self):
        found, _, noise = self.flow(seed=9, loss_evaluations=1)
        self.assertTrue(torch.equal(self.plain(seed=9), found))
        self.assertEqual(9, noise.seed, "it also seeds what stochastic samplers add")

    def test_it_finds_what_the_model_node_finds(self):
        found, record, _ = self.flow(loss_evaluations=4)
        self.assertNotEqual(0, record.chosen[0].index)
        model, _ = self.node(loss_evaluations=4)
        PromptServer.instance.run(graph())
        self.assertTrue(torch.equal(found, self.sample(model)))

    def test_batch_index_selects_the_base_noise(self):
        found, _, _ = self.flow(loss_evaluations=1, given=latent(1, batch_index=[2]))
        self.assertTrue(torch.allclose(self.plain(batch=3)[2:], found, atol=1e-6))

    def test_candidates_are_a_noise_for_a_whole_batch(self):
        _, record, _ = self.flow(loss_evaluations=5, options=options(target=self.sidecar.target, keep=3))
        noise = NODES["PrenoiseCandidates"]().show(record, 3, 0, 4)[1]
        made = noise.generate_noise(latent(4))
        self.assertEqual(4, noise.seed)
        self.assertEqual([4, *SHAPE], list(made.shape))
        self.assertTrue(torch.equal(torch.randn([4, *SHAPE], generator=torch.manual_seed(4))[3], made[3]), "an image too many has the seed's noise")
        with self.assertRaisesRegex(ValueError, "does not fit"):
            noise.generate_noise({"samples": torch.zeros(1, 4, 8, 8)})


class FailureTest(Flow):
    def test_without_a_sidecar_the_picture_is_plain_the_user_is_told_and_nothing_is_cached(self):
        node = NODES["PrenoiseBetterNoise"]
        before = node.IS_CHANGED(unique_id="41")
        model, record = self.node(on_error="plain noise", options=options(target="127.0.0.1:9"), unique_id="41")
        self.assertEqual(before, node.IS_CHANGED(unique_id="41"))
        self.assertTrue(torch.equal(self.plain(), self.sample(model)))
        self.assertNotEqual(before, node.IS_CHANGED(unique_id="41"))
        self.assertIn("plain noise", host.messages()[0])
        self.assertIn("127.0.0.1:9", host.messages()[0])
        self.assertEqual("41", host.texts[-1][0])
        shown = NODES["PrenoiseRecipe"]().show(record, latent())
        self.assertEqual("", shown["result"][0])
        self.assertIn("nothing was found", shown["ui"]["text"][0])

    def test_on_error_stop_ends_the_run(self):
        model, _ = self.node(options=options(target="127.0.0.1:9"))
        with self.assertRaisesRegex(RuntimeError, "Better Noise: .*127.0.0.1:9"):
            self.sample(model)

    def test_a_sidecar_elsewhere_is_not_called_unless_it_is_allowed(self):
        model, _ = self.node(on_error="plain noise", options=options(target="192.0.2.1:50551"))
        begin = time.monotonic()
        self.assertTrue(torch.equal(self.plain(), self.sample(model)))
        self.assertLess(time.monotonic() - begin, 5)
        self.assertRegex(host.messages()[0], "192.0.2.1:50551 .*allowed_hosts")

    def test_a_prompt_that_the_workflow_does_not_show_is_asked_for(self):
        PromptServer.instance.run({"6": {"class_type": "KSampler", "inputs": {}}})
        model, _ = self.node(workflow={})
        with self.assertRaisesRegex(RuntimeError, "connect it to the input prompt"):
            self.sample(model)

    def test_latents_that_are_no_images_are_refused_plainly(self):
        model, _ = self.node()
        with self.assertRaisesRegex(RuntimeError, "are no images"):
            self.sample(model, given={"samples": torch.zeros(1, 4, 3, 16, 16)})

    def test_an_interrupt_is_heard_within_half_a_second(self):
        model, record = self.node(strategy="verifier search", verifiers="oracle", pictures=500, on_error="plain noise")
        pressed = []

        def press():
            time.sleep(2)
            pressed.append(time.monotonic())
            host.interrupted = True

        threading.Thread(target=press).start()
        with self.assertRaises(InterruptProcessingException):
            self.sample(model)
        self.assertLess(time.monotonic() - pressed[0], 0.5)
        self.assertEqual([], record.found)
        self.assertEqual([], host.messages(), "the user knows: no word about a failure")

    def test_a_sidecar_that_dies_in_mid_search_leaves_the_plain_picture(self):
        doomed = Sidecar()
        try:
            chosen = options(target=doomed.target)
            model, _ = self.node(strategy="verifier search", verifiers="oracle", pictures=500, on_error="plain noise", options=chosen, unique_id="43")
            threading.Timer(3, doomed.kill).start()
            before = status.change_marker("43")
            self.assertTrue(torch.equal(self.plain(), self.sample(model)))
            self.assertNotEqual(before, status.change_marker("43"))
            self.assertIn("UNAVAILABLE", host.messages()[0])
        finally:
            doomed.stop()


if __name__ == "__main__":
    unittest.main()

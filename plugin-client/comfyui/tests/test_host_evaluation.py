"""Searches that the real sidecar leads and ComfyUI's side evaluates: what the nodes hand over, and that a search within one stands aside.

The evaluator is a stand-in with maps and pictures made of the noise by fixed arithmetic; the real one, `host_model`, needs ComfyUI's own model code
and is tested in a real ComfyUI.
"""

import sys
import types
import unittest

from support import SHAPE, graph, options, pack, sidecar, widgets  # first: it says where the other modules are

import torch
from prenoise import arrays, png, wire
from prenoise.host import Shot
from standins import CFGGuider, InterruptProcessingException, Model, PromptServer, host, ksampler

from better_noise_pack.better_noise import sampling

NODES = pack.NODE_CLASS_MAPPINGS
WORDS = ["<bos>", "<eos>", "a</w>", "red</w>", "circle</w>", "and</w>", "blue</w>", "square</w>"]
TOKENS = 24
CELLS = 4
CONDITIONING = [[torch.zeros(1, TOKENS, 8), {}]]


class Tokenizer:
    start_token, end_token, pad_token = 0, 1, 1
    inv_vocab = dict(enumerate(WORDS))


class Clip:
    """A text encoder whose tokens are whole words."""

    tokenizer = types.SimpleNamespace(clip_words=Tokenizer())

    def tokenize(self, text):
        ids = [0, *(WORDS.index(f"{word}</w>") for word in text.split())]
        return {"words": [[(token, 1.0) for token in ids + [1] * (TOKENS - len(ids))]]}


class Sampled:
    def __init__(self, **given):
        self.__dict__.update(given)


class HostModel:
    """An evaluator that notes what it is given."""

    made = []
    interrupt_at = None

    def __init__(self, sampled):
        self.sampled, self.evaluated, self.most, self.released, self.subjects = sampled, 0, 0, 0, []
        HostModel.made.append(self)

    def start(self, request, at_once=0):
        self.subjects = request.prompt.subjects
        return wire.HostStart(request, [1, *SHAPE], at_once, "stand-in", False, wire.HostSampler(4, 2, [], "eps", self.sampled.gradient_calls))

    def attention(self, noises, keep_graph):
        out = []
        for noise in noises:
            self.evaluated, self.most = self.evaluated + 1, max(self.most, len(noises))
            if HostModel.interrupt_at == self.evaluated:
                raise InterruptProcessingException()
            values = arrays.to_torch(noise)
            self.probe(values)
            cells = torch.nn.functional.adaptive_avg_pool2d(values, CELLS)[0].flatten(1)
            weights = torch.sin(torch.arange(TOKENS * 4, dtype=torch.float32)).reshape(TOKENS, 4) * 4
            cross = torch.softmax((weights @ cells).T, -1).reshape(CELLS, CELLS, TOKENS)
            own = torch.softmax(cells.T @ cells * 4, -1).reshape(CELLS, CELLS, CELLS * CELLS)
            out.append(wire.AttentionMaps(arrays.from_torch(cross), arrays.from_torch(own)))
        return out

    def probe(self, noise):
        """Samples on the same model, as a real evaluation does, within the search."""
        guider = CFGGuider(self.sampled.guider.model_patcher)
        guider.set_conds(CONDITIONING, CONDITIONING)
        guider.sample(noise, self.sampled.latent, self.sampled.sampler, self.sampled.sigmas, None, None, False, 0)

    def pictures(self, noises, seeds, predictions, keep_graph):
        shots = []
        for noise in noises:
            self.evaluated += 1
            grey = torch.nn.functional.interpolate(arrays.to_torch(noise)[:, :3], size=(64, 64)).clamp(-1, 1)[0]
            picture = png.encode(((grey + 1) * 127).byte().permute(1, 2, 0).contiguous().numpy().tobytes(), 64, 64)
            shots.append(Shot(picture, picture if predictions else None))
        return shots

    def release(self):
        self.released += 1


class HostEvaluationTest(unittest.TestCase):
    def setUp(self):
        stand_in = types.ModuleType("better_noise_pack.better_noise.host_model")
        stand_in.HostModel, stand_in.Sampled, stand_in.map_pieces = HostModel, Sampled, lambda model, pieces: list(pieces)
        before = sys.modules.get(stand_in.__name__)
        sys.modules[stand_in.__name__] = stand_in
        self.addCleanup(lambda: sys.modules.pop(stand_in.__name__) if before is None else sys.modules.update({stand_in.__name__: before}))
        HostModel.made, HostModel.interrupt_at = [], None
        host.reset()
        PromptServer.instance.run(graph())
        self.options = options(target=sidecar().target, host_batch=2)

    def node(self, **chosen):
        given = {"loss_evaluations": 6, "on_error": "stop", "workflow": graph(), "options": self.options, "clip": Clip(), **chosen}
        return NODES["PrenoiseBetterNoise"]().wrap(model=Model(), **widgets(**given))

    def sample(self, model, batch=1, seed=1, latent=None, **more):
        given = latent or {"samples": torch.zeros(batch, *SHAPE)}
        return ksampler(model, seed, 4, 3.0, CONDITIONING, CONDITIONING, given, **more)

    def test_the_hosts_own_evaluation_ranks_with_the_subjects_as_its_tokenizer_has_them(self):
        model, record = self.node()
        self.sample(model)
        evaluator = HostModel.made[0]
        self.assertEqual((6, 2), (evaluator.evaluated, evaluator.most), "two at once, as the options say")
        self.assertGreaterEqual(evaluator.released, 1)
        self.assertEqual(
            [("circle", [2, 3]), ("square", [6, 7])], [(subject.text.split()[-1], subject.token_indices) for subject in evaluator.subjects]
        )
        scores = [record.chosen[0].score, record.found[0].plain.score]
        self.assertLessEqual(*scores)

    def test_chosen_words_are_looked_up_in_the_hosts_tokens(self):
        model, _ = self.node(subjects="square, circle")
        self.sample(model)
        self.assertEqual([[7], [3]], [subject.token_indices[-1:] for subject in HostModel.made[0].subjects])

    def test_a_prompt_without_a_subject_is_told_what_to_do(self):
        PromptServer.instance.run(graph("and"))
        model, _ = self.node()
        with self.assertRaisesRegex(RuntimeError, "name them in subjects, or use a verifier search"):
            self.sample(model)
        word, _ = self.node(subjects="triangle")
        with self.assertRaisesRegex(RuntimeError, "triangle"):
            self.sample(word)

    def test_budget_1_is_bit_equal_to_no_node(self):
        model, _ = self.node(loss_evaluations=1)
        plain = self.sample(Model())
        self.assertTrue(torch.equal(plain, self.sample(model)))
        self.assertEqual(1, HostModel.made[0].evaluated)

    def test_sampling_within_a_search_does_not_search_again(self):
        model, _ = self.node(loss_evaluations=3)
        self.sample(model)
        self.assertEqual(1, len(HostModel.made), "the evaluator sampled on the same model three times")
        self.assertFalse(getattr(sampling._inside, "search", False))

    def test_each_image_of_a_batch_is_evaluated_with_its_own_latent_and_mask(self):
        pictures = torch.stack([torch.full(SHAPE, 0.25), torch.full(SHAPE, 0.5)])
        masks = torch.stack([torch.ones(128, 128), torch.zeros(128, 128)])
        model, _ = self.node(img2img=True, loss_evaluations=2)
        self.sample(model, latent={"samples": pictures, "noise_mask": masks}, denoise=0.5)
        one, two = (made.sampled for made in HostModel.made)
        self.assertEqual((0.25, 0.5), (float(one.latent.mean()), float(two.latent.mean())))
        self.assertEqual((1.0, 0.0), (float(one.mask.mean()), float(two.mask.mean())))
        self.assertEqual([1, *SHAPE], list(one.latent.shape))
        self.assertLess(float(one.sigmas[0]), 5, "the first sigma of image to image")

    def test_verifiers_judge_the_hosts_pictures(self):
        model, record = self.node(
            strategy="verifier search",
            verifiers="oracle",
            pictures=3,
            vae=object(),
            clip=None,
            options=options(target=sidecar().target, preview="when free"),
        )
        self.sample(model)
        self.assertFalse(record.chosen[0].score_is_loss)
        self.assertGreaterEqual(HostModel.made[0].evaluated, 3)
        self.assertEqual([], HostModel.made[0].subjects, "a verifier search needs no subject")
        self.assertTrue(record.chosen[0].preview_png)

    def test_another_way_to_draw_is_another_search_and_an_equal_one_is_answered_from_what_is_stored(self):
        evaluated = []
        for calls in (0, 2, 0, 2):
            chosen = options(target=sidecar().target, gradient_calls=calls)
            model, _ = self.node(strategy="verifier search", verifiers="oracle", pictures=3, vae=object(), clip=None, options=chosen)
            self.sample(model, seed=77)
            evaluated.append(HostModel.made[-1].evaluated)
        self.assertGreaterEqual(min(evaluated[:2]), 3)
        self.assertEqual([0, 0], evaluated[2:])

    def test_an_interrupt_while_the_host_evaluates_ends_the_run(self):
        HostModel.interrupt_at = 2
        model, record = self.node(on_error="plain noise")
        with self.assertRaises(InterruptProcessingException):
            self.sample(model)
        self.assertEqual([], host.messages())
        self.assertEqual([], record.found)

    def test_an_error_of_the_host_is_told_in_its_own_words(self):
        def fails(self, noises, keep_graph):
            raise ValueError("attention was not seen")

        before, HostModel.attention = HostModel.attention, fails
        self.addCleanup(setattr, HostModel, "attention", before)
        model, _ = self.node(on_error="plain noise")
        plain = self.sample(Model())
        self.assertTrue(torch.equal(plain, self.sample(model)))
        self.assertIn("attention was not seen", host.messages()[0])

    def test_a_text_that_was_not_the_one_that_was_encoded_is_noticed(self):
        model, _ = self.node()
        with self.assertRaisesRegex(RuntimeError, "has 77 tokens, but the text .* gives 24"):
            longer = [[torch.zeros(1, 77, 8), {}]]
            ksampler(model, 1, 4, 3.0, longer, CONDITIONING, {"samples": torch.zeros(1, *SHAPE)})


if __name__ == "__main__":
    unittest.main()

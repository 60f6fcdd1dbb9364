"""Every call against the real sidecar and its built-in model."""

import importlib.util
import io
import time
import unittest

import prenoise
import sidecars
from prenoise import SidecarError, recipes, tokens, wire

PROMPT = "a red circle and a blue square"


class SidecarTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sidecar = sidecars.running()
        cls.target = str(cls.sidecar.target)

    def test_capabilities(self):
        can = self.sidecar.capabilities()
        self.assertEqual(can.default_backbone, "shapes")
        self.assertIn(wire.AttentionLoss.CONFORM, can.losses)
        self.assertIn("oracle", [verifier.name for verifier in can.verifiers])
        self.assertEqual(can.limits.message_bytes, 64 << 20)

    def test_a_search_by_attention_from_script_to_picture(self):
        scores = []
        with prenoise.optimize(PROMPT, n=4, seed=7, target=self.target) as found:
            for candidate in found:
                scores.append(candidate.score)
        self.assertEqual(len(scores), 4)
        self.assertEqual(found.best.score, min(scores))
        self.assertEqual(found.summary.baseline.recipe.seed, 7)
        self.assertEqual(found.best.noise.shape, found.search.accepted.noise_shape)
        self.assertTrue(found.best._repr_png_().startswith(b"\x89PNG"))
        if importlib.util.find_spec("PIL") is not None:
            from PIL import Image

            colours = Image.open(io.BytesIO(found.best.preview_png)).convert("RGB").getcolors(1 << 20)
            self.assertGreater(len(colours), 50)

    def test_a_search_by_verifiers_and_a_cascade(self):
        found = prenoise.optimize(PROMPT, verifiers={"oracle": 1.0}, n=2, steps=4, pictures=False, target=self.target)
        candidates = list(found)
        self.assertEqual([c.index for c in candidates], [0, 1])
        self.assertFalse(candidates[0].score_is_loss)
        self.assertEqual(found.search.accepted.verifiers[0].name, "oracle")
        cascade = prenoise.optimize(PROMPT, loss="self-cross", verifiers="oracle", keep=1, n=3, steps=4, pictures=False, target=self.target)
        self.assertGreater(cascade.summary.spent.loss_evaluations, 2)
        self.assertEqual(cascade.search.accepted.budget.loss_evaluations, 3)

    def test_the_hosts_own_noise_is_candidate_0(self):
        (base,) = self.sidecar.sample_noise([wire.NoiseRecipe(12, shape=[1, 4, 16, 16])])
        found = prenoise.optimize(PROMPT, n=1, noise=base, pictures=False, target=self.target)
        self.assertEqual(found.summary.baseline.noise, base)
        self.assertTrue(found.summary.baseline.recipe.base_sha256)
        self.assertFalse(recipes.is_replayable(found.summary.baseline.recipe))

    def test_a_recipe_is_the_noise(self):
        best = prenoise.optimize(PROMPT, n=2, pictures=False, target=self.target).best
        text = recipes.to_text(best.recipe)
        self.assertEqual(recipes.replay(self.sidecar, recipes.from_text(text)), best.noise)
        if importlib.util.find_spec("torch") is not None:
            import torch

            from prenoise import arrays

            drawn = torch.randn(best.recipe.shape, generator=torch.Generator().manual_seed(best.recipe.seed))
            self.assertTrue(torch.allclose(arrays.to_torch(best.noise), drawn, atol=1e-5))  # bit-equal where torch has AVX2

    def test_subjects_are_found_and_laid_on_a_hosts_tokens(self):
        answer = self.sidecar.find_subjects("a (red:1.2) circle and a blue square", wire.PromptWeighting.A1111)
        self.assertEqual(answer.text, PROMPT)
        pieces = ["", *(word + "</w>" for word in PROMPT.split()), *[""] * 69]
        subjects = [tokens.token_indices(subject, answer.text, pieces) for subject in answer.subjects]
        self.assertEqual([(s.text, s.attributes, s.token_indices) for s in subjects], [("circle", ["red"], [2, 3]), ("square", ["blue"], [6, 7])])
        named = self.sidecar.find_subjects(PROMPT, named=[wire.Subject("square")])
        self.assertEqual([s.subject.text for s in named.subjects], ["square"])

    def test_pictures_are_scored(self):
        from prenoise import png

        scores = self.sidecar.score_images([png.encode(bytes([200, 30, 30] * 64 * 64), 64, 64)], "a red circle", [wire.Verifier("oracle")]).scores
        self.assertEqual(list(scores[0].scores), ["oracle"])

    def test_a_refused_field_is_named(self):
        with self.assertRaises(SidecarError) as caught:
            prenoise.optimize(PROMPT, width=-1, target=self.target).search.run()
        self.assertEqual((caught.exception.code, caught.exception.field), ("INVALID_ARGUMENT", "width"))
        self.assertIn("width: -1 (expected: >= 0)", str(caught.exception))

    def test_an_interrupt_stops_the_search_which_can_be_read_and_gone_on_with(self):
        class Interrupt(Exception):
            pass

        seen = []

        def poll():
            if len(seen) > 1:
                raise Interrupt

        found = prenoise.optimize(PROMPT, n=3000, pictures=False, target=self.target, poll=poll)
        with self.assertRaises(Interrupt):
            for candidate in found:
                seen.append(candidate)
        end = time.monotonic() + 20
        stored = self.sidecar.get_search(found.search.search_id)
        while stored.state == wire.SearchState.RUNNING and time.monotonic() < end:
            time.sleep(0.1)
            stored = self.sidecar.get_search(found.search.search_id)
        self.assertEqual(stored.state, wire.SearchState.CANCELLED)
        self.assertGreaterEqual(len(stored.summary.best), 1)

    def test_memory_is_released(self):
        prenoise.optimize(PROMPT, n=1, pictures=False, target=self.target).search.run()
        self.assertGreater(self.sidecar.release_memory(), 0)

    def test_a_loss_on_maps_of_the_callers(self):
        side, words = 16, 4
        cross = [1.0 / words] * (side * side * words)
        maps = wire.AttentionMaps(
            wire.Tensor.of_floats([side, side, words], cross), wire.Tensor.of_floats([side, side, side * side], [1 / 256] * side**4)
        )
        subjects = [wire.Subject("a", token_indices=[1]), wire.Subject("b", token_indices=[2])]
        request = wire.EvaluateAttentionRequest(wire.AttentionLoss.INITNO, maps, subjects, gradient=True)
        answer = self.sidecar.evaluate_attention(request)
        self.assertGreater(answer.loss, 0)
        self.assertEqual(answer.gradient.cross_attention.shape, [side, side, words])


if __name__ == "__main__":
    unittest.main()

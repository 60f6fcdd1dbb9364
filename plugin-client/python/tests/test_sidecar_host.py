"""Searches that the real sidecar leads and a host in this file evaluates: maps, gradients and pictures that follow from the noise by a short rule.

The rule is small enough for plain Python: at each place the four channels of the noise, softmaxed, are the attention to four tokens.
"""

import math
import unittest

import sidecars
from prenoise import SidecarError, png, wire
from prenoise.host import Shot

SIDE, TOKENS = 16, 4
SHAPE = [1, TOKENS, SIDE, SIDE]
SUBJECTS = [wire.Subject("circle", ["red"], [1]), wire.Subject("square", ["blue"], [2])]


def softmaxed(noise):
    """[H, W, T] of [1, T, H, W]."""
    values, out = noise.floats(), []
    for place in range(SIDE * SIDE):
        row = [math.exp(values[token * SIDE * SIDE + place]) for token in range(TOKENS)]
        total = sum(row)
        out += [value / total for value in row]
    return out


class RuleHost:
    def __init__(self):
        self.maps = {}  # by noise
        self.shots = {}
        self.kept = None
        self.gradients = 0
        self.released = 0

    def attention(self, noises, keep_graph):
        answers = []
        for noise in noises:
            cross = wire.Tensor.of_floats([SIDE, SIDE, TOKENS], softmaxed(noise))
            even = wire.Tensor.of_floats([SIDE, SIDE, SIDE * SIDE], [1 / SIDE**2] * SIDE**4)
            answers.append(wire.AttentionMaps(cross, even))
            self.maps[bytes(noise.data)] = answers[-1]
        self.kept = list(answers) if keep_graph else None
        return answers

    def backward(self, attention, images):
        out = []
        for maps, gradient in zip(self.kept, attention):
            p, g = maps.cross_attention.floats(), gradient.cross_attention.floats()
            back = [0.0] * len(p)
            for place in range(SIDE * SIDE):
                at = place * TOKENS
                dot = sum(p[at + t] * g[at + t] for t in range(TOKENS))
                for t in range(TOKENS):
                    back[t * SIDE * SIDE + place] = p[at + t] * (g[at + t] - dot)
            out.append(wire.Tensor.of_floats(SHAPE, back))
        self.kept = None
        self.gradients += len(out)
        return out

    def pictures(self, noises, seeds, predictions, keep_graph):
        shots = []
        for noise in noises:
            values = noise.floats()
            pixels = bytearray()
            for y in range(64):
                for x in range(64):
                    place = y // 4 * SIDE + x // 4
                    pixels += bytes(max(0, min(255, int(128 + 60 * values[c * SIDE * SIDE + place]))) for c in range(3))
            shots.append(Shot(png.encode(pixels, 64, 64)))
            self.shots[bytes(noise.data)] = shots[-1].image
        return shots

    def walk(self, latents, start, end, pictures):
        raise NotImplementedError("this host cannot walk")

    def release(self):
        self.released += 1


def start(budget, gradients=False, sampler=None, **strategy):
    request = wire.OptimizeNoiseRequest(
        prompt=wire.Prompt("a red circle and a blue square", subjects=SUBJECTS),
        seed=11,
        budget=budget,
        output=wire.Output(best=1, noise=wire.Include.ALL),
        **strategy,
    )
    return wire.HostStart(request, SHAPE, max_batch=2, model="a rule in plain Python", gradients=gradients, sampler=sampler)


class SidecarHostTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sidecar = sidecars.running()

    def search(self, host, started, **options):
        candidates = []
        search = self.sidecar.optimize_on_host(started, host, **options)
        for event in search:
            if isinstance(event, wire.Candidate):
                candidates.append(event)
        return search, candidates

    def test_every_score_is_the_loss_of_the_maps_that_the_host_sent(self):
        for loss in (wire.AttentionLoss.CONFORM, wire.AttentionLoss.INITNO, wire.AttentionLoss.SELF_CROSS, wire.AttentionLoss.ATTEND_AND_EXCITE):
            with self.subTest(loss.name):
                host = RuleHost()
                search, candidates = self.search(host, start(wire.Budget(4), attention=wire.AttentionRanking(loss)))
                self.assertEqual(len(candidates), 4)
                self.assertEqual(candidates[0].recipe.seed, 11)
                for candidate in candidates:
                    maps = host.maps[bytes(candidate.noise.data)]
                    answer = self.sidecar.evaluate_attention(wire.EvaluateAttentionRequest(loss, maps, SUBJECTS, form=wire.LossForm.RANKING))
                    self.assertAlmostEqual(candidate.score, answer.loss, places=9)
                self.assertEqual(search.best.score, min(c.score for c in candidates))
                self.assertEqual(host.released, 1)

    def test_gradients_lead_to_a_lower_loss(self):
        plain = RuleHost()
        before, _ = self.search(plain, start(wire.Budget(1), attention=wire.AttentionRanking(wire.AttentionLoss.INITNO)))
        host = RuleHost()
        after, _ = self.search(
            host, start(wire.Budget(10), gradients=True, attention=wire.AttentionRanking(wire.AttentionLoss.INITNO, optimize=True))
        )
        self.assertGreater(host.gradients, 2)
        self.assertLess(after.best.score, before.best.score)
        self.assertTrue(any(step.optimization for step in after.best.recipe.steps))

    def test_pictures_are_judged_as_they_were_sent(self):
        host = RuleHost()
        verify = wire.VerifierSearch(wire.SearchAlgorithm.RANDOM, [wire.Verifier("oracle")])
        search, candidates = self.search(host, start(wire.Budget(pictures=3), sampler=wire.HostSampler(calls=4, rows=1), verifier=verify))
        self.assertEqual(len(candidates), 3)
        for candidate in candidates:
            image = host.shots[bytes(candidate.noise.data)]
            scores = self.sidecar.score_images([image], "a red circle and a blue square", [wire.Verifier("oracle")]).scores[0].scores
            self.assertAlmostEqual(candidate.terms["oracle"], scores["oracle"], places=9)
        self.assertEqual(search.summary.spent.function_evaluations, 12)

    def test_a_failing_host_fails_the_search_with_its_words_and_the_same_search_goes_on_from_there(self):
        class Failing(RuleHost):
            def attention(self, noises, keep_graph):
                if len(self.maps) >= 2:
                    raise RuntimeError("CUDA out of memory")
                return super().attention(noises, keep_graph)

        started = start(wire.Budget(6), attention=wire.AttentionRanking(wire.AttentionLoss.CONFORM))
        search = self.sidecar.optimize_on_host(started, Failing())
        with self.assertRaisesRegex(RuntimeError, "CUDA out of memory"):
            search.run()
        stored = self.sidecar.get_search(search.search_id)
        self.assertEqual(stored.state, wire.SearchState.FAILED)
        self.assertIn("CUDA out of memory", stored.error)
        started.request.search_id = search.search_id
        host = RuleHost()
        again, candidates = self.search(host, started)
        self.assertEqual([c.index for c in candidates], list(range(6)))
        self.assertLess(len(host.maps), 6)

    def test_what_the_host_cannot_do_is_refused_before_it_is_asked(self):
        host = RuleHost()
        with self.assertRaises(SidecarError) as caught:
            self.search(host, start(wire.Budget(10), attention=wire.AttentionRanking(wire.AttentionLoss.INITNO, optimize=True)))
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")
        self.assertIn("gradients", str(caught.exception.field))
        self.assertEqual((host.maps, host.released), ({}, 1))


if __name__ == "__main__":
    unittest.main()

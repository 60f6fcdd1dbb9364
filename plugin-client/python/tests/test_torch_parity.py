"""A search on a torch host against the same search on the sidecar's own copy of the model: the tiny UNet golden, over real gRPC.

The sidecar reads the same weights from the same file, and is told the same noise, text embeddings, first step and subjects.
"""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from prenoise import Sidecar, wire

HERE = Path(__file__).resolve().parent
TORCH = importlib.util.find_spec("torch") is not None
if TORCH:
    import torch
    from prenoise import arrays
    from tiny_unet import FOLDER, TinyHost, safetensors

SUBJECTS = [wire.Subject(text="cat", token_indices=[2]), wire.Subject(text="frog", token_indices=[5])]


def relative(ours, theirs):
    """The largest difference as a share of the largest value."""
    ours, theirs = ours.double(), theirs.double()
    return float((ours - theirs).abs().max() / theirs.abs().max())


@unittest.skipUnless(TORCH, "torch is not installed in this Python")
class TinyUNetTest(unittest.TestCase):
    def test_the_torch_network_is_the_goldens(self):
        golden, metadata = safetensors(FOLDER / "golden.safetensors")
        with torch.no_grad():
            host = TinyHost(golden["context"], int(metadata["timestep"]), torch.float64)
            maps = host.maps(golden["latents"])
        self.assertLess(relative(host.eps, golden["eps"]), 1e-5)  # the angles of the time embedding are float32, and rounded by torch 1.13 in another way
        self.assertLess(relative(maps.cross[0], golden["cross"]), 1e-5)
        self.assertLess(relative(maps.self_[0], golden["self"]), 1e-5)


@unittest.skipUnless(TORCH, "torch is not installed in this Python")
class ParityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not Path(os.environ.get("PRENOISE_JAR", "")).is_file():
            raise unittest.SkipTest("PRENOISE_JAR names no sidecar; ./prenoise builds it and run_tests.py names it")
        sys.path.insert(0, str(HERE.parents[1]))
        import run_tests

        run_tests.JAR = Path(os.environ["PRENOISE_JAR"])
        torch.set_num_threads(1)
        folder = tempfile.TemporaryDirectory(prefix="prenoise-tiny-")
        cls.addClassCleanup(folder.cleanup)
        shutil.copy(FOLDER / "diffusion_pytorch_model.safetensors", Path(folder.name) / "tiny.safetensors")
        (Path(folder.name) / "tiny.prenoise.json").write_text(json.dumps({"heads": 2, "norm_groups": 16}))
        context = run_tests.sidecar("--models", folder.name)
        try:
            cls.sidecar = Sidecar(context.__enter__())
        except run_tests.StartError as problem:
            raise unittest.SkipTest(f"no sidecar: {problem}") from problem
        cls.addClassCleanup(context.__exit__, None, None, None)
        cls.golden, metadata = safetensors(FOLDER / "golden.safetensors")
        cls.scalars = json.loads(metadata["scalars"])
        cls.timestep = int(metadata["timestep"])

    def request(self, ranking, evaluations, side, **more):
        """Of 50 steps of DDIM, whose first is timestep 981 with unit noise for input: that of the goldens."""
        noise = self.golden["latents"][:, :, :side, :side].float().contiguous()
        return wire.OptimizeNoiseRequest(
            prompt=wire.Prompt(subjects=SUBJECTS, **more),
            noise=arrays.from_torch(noise),
            seed=5,
            sampling=wire.Sampling(sampler="ddim", steps=50, guidance_scale=7.5),
            attention=ranking,
            budget=wire.Budget(loss_evaluations=evaluations),
            output=wire.Output(best=2, noise=wire.Include.ALL, preview=wire.Include.NONE),
        )

    def both(self, ranking, evaluations, max_batch=1, side=32):
        """The candidates and summaries of the two searches, and the host. `side`: of the latents, at most the golden's 64."""
        context = arrays.from_torch(self.golden["context"].float())
        own = self.request(ranking, evaluations, side, conditioning=wire.Conditioning(embeddings=context))
        own.backbone = "tiny"
        host = TinyHost(self.golden["context"].float(), self.timestep)
        start = wire.HostStart(self.request(ranking, evaluations, side), [1, 4, side, side], max_batch, "tiny", gradients=True)
        results = []
        for search in (self.sidecar.optimize(own), self.sidecar.optimize_on_host(start, host)):
            candidates = [event for event in search if isinstance(event, wire.Candidate)]
            results.append((candidates, search.summary))
        return results[0], results[1], host

    def assert_same(self, theirs, ours, noise_error, score_error=2e-4):
        """Candidates of the sidecar's own evaluation and of the host's: indices, scores, terms, noise."""
        self.assertEqual([c.index for c in ours], [c.index for c in theirs])
        for own, other in zip(theirs, ours):
            self.assertAlmostEqual(other.score, own.score, delta=score_error * max(1, abs(own.score)))
            self.assertEqual(sorted(other.terms), sorted(own.terms))
            for name, value in own.terms.items():
                self.assertAlmostEqual(other.terms[name], value, delta=score_error * max(1, abs(value)), msg=name)
            self.assertLessEqual(relative(arrays.to_torch(other.noise), arrays.to_torch(own.noise)), noise_error)

    def test_every_loss_ranks_alike(self):
        for loss in list(wire.AttentionLoss)[1:]:
            for form in (wire.LossForm.RANKING, wire.LossForm.PUBLISHED):
                with self.subTest(loss=loss.name, form=form.name):
                    (theirs, told), (ours, found), host = self.both(wire.AttentionRanking(loss=loss, form=form), 3, max_batch=3)
                    self.assertEqual(len(ours), 3)
                    self.assert_same(theirs, ours, 0)
                    self.assertEqual(found.best[0].index, told.best[0].index)
                    self.assertEqual(found.spent.loss_evaluations, told.spent.loss_evaluations)
                    self.assertGreaterEqual(host.released, 1)

    def test_initno_moves_the_noise_alike(self):
        ranking = wire.AttentionRanking(loss=wire.AttentionLoss.INITNO, form=wire.LossForm.PUBLISHED, optimize=True)
        (theirs, told), (ours, found), host = self.both(ranking, 3, side=64)
        # two steps of 1e-2 along float32 gradients of a random, spiky network
        self.assert_same(theirs, ours, 1e-3, score_error=2e-3)
        self.assertGreater(relative(arrays.to_torch(host.noises[-1]), self.golden["latents"]), 1e-3)
        self.assertEqual(found.spent.loss_evaluations, told.spent.loss_evaluations)
        self.assertEqual(found.stop_reason, told.stop_reason)
        self.assertGreaterEqual(len(host.gradients), 2)
        # the first gradient is of the noise as it was sent, by the published loss: the authors' own is on file
        self.assertLess(relative(arrays.to_torch(host.gradients[0]), self.golden["initno.dlatents"]), 1e-3)

    def test_a_second_stage_decides_alike(self):
        ranking = wire.AttentionRanking(loss=wire.AttentionLoss.INITNO, optimize=True, then=wire.AttentionLoss.SELF_CROSS)
        (theirs, told), (ours, found), _host = self.both(ranking, 3)
        self.assert_same(theirs, ours, 2e-4)
        self.assertEqual(found.spent.loss_evaluations, told.spent.loss_evaluations)

    def test_a_gradient_over_the_wire_is_that_of_the_authors(self):
        host = TinyHost(self.golden["context"].float(), self.timestep)
        noise = arrays.from_torch(self.golden["latents"].float())
        for loss, name in ((wire.AttentionLoss.INITNO, "initno"), (wire.AttentionLoss.SELF_CROSS, "sc")):
            with self.subTest(loss=loss.name):
                (maps,) = host.attention([noise], keep_graph=True)
                answer = self.sidecar.evaluate_attention(
                    wire.EvaluateAttentionRequest(loss=loss, attention=maps, subjects=SUBJECTS, gradient=True, form=wire.LossForm.PUBLISHED)
                )
                self.assertAlmostEqual(answer.loss, self.scalars[f"{name}.joint"], delta=1e-4)
                (gradient,) = host.backward([answer.gradient], None)
                self.assertLess(relative(arrays.to_torch(gradient), self.golden[f"{name}.dlatents"]), 1e-3)


if __name__ == "__main__":
    unittest.main()

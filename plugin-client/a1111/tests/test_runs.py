"""Runs of the stand-in hosts with a real sidecar on its built-in model: what a user gets, and what they are told."""

from __future__ import annotations

import functools
import threading
import time
import unittest
from typing import Any, Callable, List
from unittest import mock

import running

REASON = running.reason_to_skip()
if REASON is None:
    import standin
    import torch
    from prenoise_a1111 import job

INTERRUPT_SECONDS = 0.5
BIG = {"candidates": 512, "strategy": "pictures", "verifiers": "oracle"}  # minutes of searching


def later(seconds: float, act: Any) -> List[float]:
    """Acts on another thread after a while; the list then holds when."""
    at: List[float] = []

    def run() -> None:
        time.sleep(seconds)
        at.append(time.monotonic())
        act()

    threading.Thread(target=run, daemon=True).start()
    return at


def every(test: Callable[[Any, Any], None]) -> Callable[[Any], None]:
    """Runs a test in the host of each flavour."""

    @functools.wraps(test)
    def run(self: Any) -> None:
        for flavour in standin.FLAVOURS:
            with self.subTest(flavour):
                test(self, standin.Host(flavour))

    return run


@unittest.skipIf(REASON is not None, str(REASON))
class RunsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.started = None if running.TARGET else running.RunningSidecar()
        cls.address = running.TARGET or cls.started.address

    @classmethod
    def tearDownClass(cls) -> None:
        if cls.started is not None:
            cls.started.stop()

    def args(self, host: Any, **given: Any) -> List[Any]:
        return host.args(**{"enabled": True, "where": "sidecar", "address": self.address, "candidates": 4, "preview": False, **given})

    def run_(self, host: Any, changes: Any = {}, **given: Any) -> Any:
        """A run that must not have logged anything."""
        done = host.run(host.processing(**given), self.args(host, **changes))
        self.assertEqual(done.logged, [])
        return done

    def plain(self, host: Any, **given: Any) -> Any:
        return host.run(host.processing(**given), host.args())

    def assertSame(self, got: Any, expected: Any) -> None:
        self.assertEqual(len(got.noises), len(expected.noises))
        for a, b in zip(got.noises, expected.noises):
            self.assertTrue(torch.equal(a, b))

    @every
    def test_run_withBudgetOne_isBitEqualToNone(self, host: Any) -> None:
        for given in ({}, {"subseed": 99, "subseed_strength": 0.3}, {"seed_resize_from_h": 64, "seed_resize_from_w": 96}, {"batch_size": 2},
                      {"init_latent": torch.zeros(1, 4, 16, 16), "denoising_strength": 0.6}):
            self.assertSame(self.run_(host, {"candidates": 1}, **given), self.plain(host, **given))

    @every
    def test_run_takesBetterNoiseOfUnitVariance(self, host: Any) -> None:
        done, plain = self.run_(host, {"candidates": 16}), self.plain(host)
        self.assertFalse(torch.equal(done.noises[0], plain.noises[0]))
        self.assertAlmostEqual(float(done.noises[0].std()), 1.0, delta=0.1)
        self.assertRegex(done.infotexts[0], r"Prenoise: on, Prenoise score: [-\d.]+ from [-\d.]+, Prenoise recipe: ")
        self.assertIn("Prenoise where: sidecar", done.infotexts[0])
        self.assertEqual(done.comments, [])

    @every
    def test_run_switchedOff_doesNothing(self, host: Any) -> None:
        done = host.run(host.processing(), self.args(host, enabled=False))
        self.assertSame(done, self.plain(host))
        self.assertNotIn("Prenoise", done.infotexts[0])

    @every
    def test_run_ofBatches_searchesForEachPictureByItself(self, host: Any) -> None:
        whole = self.run_(host, {"candidates": 8}, batch_size=2, n_iter=2)
        for i, noise in enumerate(whole.noises):
            alone = self.run_(host, {"candidates": 8}, seed=7 + i)
            self.assertTrue(torch.equal(noise, alone.noises[0]), i)
            if host.flavour != standin.OLD or i % 2 == 0:  # before 1.9 infotext speaks of a batch's first picture
                self.assertIn(str(alone.infotexts[0].split("Prenoise score: ")[1].split(",")[0]), whole.infotexts[i])

    @every
    def test_run_withHires_leavesTheSecondPassAlone(self, host: Any) -> None:
        host.passes.clear()
        self.run_(host, {"candidates": 8}, enable_hr=True)
        first, second = host.passes
        self.plain(host, enable_hr=True)
        self.assertFalse(torch.equal(first, host.passes[2]))
        self.assertTrue(torch.equal(second, host.passes[3]))

    @every
    def test_run_withHiresAskedFor_searchesOnceForThatPass(self, host: Any) -> None:
        host.passes.clear()
        host.shared.state.said.clear()
        done = self.run_(host, {"candidates": 8, "hires": True}, enable_hr=True)
        self.plain(host, enable_hr=True)
        self.assertFalse(torch.equal(host.passes[1], host.passes[3]))
        self.assertEqual(sum("waiting" in said for said in host.shared.state.said), 2)
        self.assertTrue(any("evaluate on the host" in comment for comment in done.comments))

    @every
    def test_run_ofImg2img_multipliesAgain(self, host: Any) -> None:
        given = {"init_latent": torch.zeros(1, 4, 16, 16), "denoising_strength": 0.6, "initial_noise_multiplier": 0.5}
        done = self.run_(host, {"candidates": 16}, **given)
        self.assertAlmostEqual(float(done.noises[0].std()), 0.5, delta=0.05)
        del given["initial_noise_multiplier"]
        unit = self.run_(host, {"candidates": 16}, **given)
        self.assertTrue(torch.allclose(done.noises[0], unit.noises[0] * 0.5, atol=1e-6))

    @every
    def test_run_ofDdim_sendsItsOwnSteps(self, host: Any) -> None:
        self.assertRegex(self.run_(host, sampler_name="DDIM").infotexts[0], "Prenoise: on")

    @every
    def test_infotext_pastedBack_makesTheSamePictureWithoutASearch(self, host: Any) -> None:
        done = self.run_(host, {"candidates": 16, "loss": "conform"})
        pasted = host.paste(done.infotexts[0])
        self.assertEqual(pasted[:4], [True, "sidecar", "attention", "conform"])
        pasted[-1] = self.address
        host.shared.state.said.clear()
        again = host.run(host.processing(), pasted)
        self.assertSame(again, done)
        self.assertFalse(any("candidate" in said for said in host.shared.state.said))
        self.assertIn("Prenoise score: made again", again.infotexts[0])
        self.assertEqual(host.paste(again.infotexts[0])[17], pasted[17])

    def test_infotext_pastedBackWithAnotherSeed_searches(self) -> None:
        host = standin.Host(standin.A1111)
        pasted = host.paste(self.run_(host, {"candidates": 8}).infotexts[0])
        pasted[-1] = self.address
        self.assertSame(host.run(host.processing(seed=8), pasted), self.run_(host, {"candidates": 8}, seed=8))

    def test_infotext_ofThePlainNoise_isPastedBackAsThat(self) -> None:
        host = standin.Host(standin.A1111)
        pasted = host.paste(self.run_(host, {"candidates": 1}).infotexts[0])
        self.assertEqual(pasted[17], "7=own noise")
        self.assertSame(host.run(host.processing(), pasted), self.plain(host))

    def test_recipe_ofAnotherShape_isRefusedAndTold(self) -> None:
        host = standin.Host(standin.A1111)
        recipe = '{"seed":7,"source":"torch-cpu","shape":[1,4,8,8],"steps":[]}'
        done = host.run(host.processing(), self.args(host, recipe=recipe))
        self.assertSame(done, self.plain(host))
        self.assertIn("recipe.shape: [1, 4, 8, 8] (expected: [1, 4, 16, 16]", done.comments[0])

    @every
    def test_api_takesADict(self, host: Any) -> None:
        named = [{"enabled": True, "where": "sidecar", "address": self.address, "candidates": 4}, *host.args()[1:]]
        self.assertSame(host.run(host.processing(), named), self.run_(host))

    @every
    def test_api_withWrongArguments_saysWhichAndFollowsOnError(self, host: Any) -> None:
        done = host.run(host.processing(), [{"enabled": True, "loss": "best"}])
        self.assertSame(done, self.plain(host))
        self.assertIn("loss: 'best' (expected: one of", done.comments[0])
        self.assertIn("Prenoise: plain noise", done.infotexts[0])
        stopped = host.processing()
        with self.assertRaisesRegex(job.SearchFailed, "loss: 'best'"):
            host.run(stopped, [{"enabled": True, "loss": "best", "on_error": "stop"}])
        self.assertEqual(stopped.comments, {})  # there is no picture to speak of

    @every
    def test_xyz_axes_setFieldsOfTheirCells(self, host: Any) -> None:
        axis = {option.label: option for option in host.axes}["[Prenoise] Candidates"]
        with self.assertRaisesRegex(ValueError, "candidates: 0"):
            axis.confirm(None, [8, 0])
        p = host.processing()
        cells = []
        for value in (1, 16):
            cell = standin.cell(p)
            axis.apply(cell, value, [1, 16])
            cells.append(host.run(cell, self.args(host)))
        self.assertSame(cells[0], self.plain(host))
        self.assertSame(cells[1], self.run_(host, {"candidates": 16}))

    def test_xyz_axisThatSwitchesOff_leavesNothingInInfotext(self) -> None:
        host = standin.Host(standin.A1111)
        axis = {option.label: option for option in host.axes}["[Prenoise] Enable"]
        p, texts = host.processing(), []
        for value in ("True", "False"):
            cell = standin.cell(p)
            axis.apply(cell, value, ["True", "False"])
            texts += host.run(cell, self.args(host)).infotexts
        self.assertIn("Prenoise: on", texts[0])
        self.assertNotIn("Prenoise", texts[1])

    def test_xyz_isAddedOnce(self) -> None:
        host = standin.Host(standin.A1111)
        for callback in host._before_ui:
            callback()
        self.assertEqual(sum(option.label == "[Prenoise] Candidates" for option in host.axes), 1)

    @every
    def test_pictures_areTheLivePreview(self, host: Any) -> None:
        done = self.run_(host, {"strategy": "pictures", "verifiers": "oracle", "preview": True, "candidates": 3})
        self.assertGreaterEqual(len(host.shared.state.previews), 1)
        self.assertEqual(host.shared.state.previews[0].size, (64, 64))
        self.assertIn("Prenoise strategy: pictures", done.infotexts[0])

    def test_cascade_screensThenJudges(self) -> None:
        host = standin.Host(standin.A1111)
        done = self.run_(host, {"strategy": "attention, then pictures", "verifiers": "oracle", "candidates": 8, "keep": 2})
        self.assertIn("Prenoise: on", done.infotexts[0])

    def test_status_tellsPictureAndCandidate_thenGoes(self) -> None:
        host = standin.Host(standin.FORGE)
        self.run_(host, {"candidates": 4}, batch_size=2)
        self.assertTrue(any(said.startswith("Prenoise: picture 2 of 2, candidate ") for said in host.shared.state.said))
        self.assertEqual(host.shared.state.textinfo, "")

    @every
    def test_interruptAndSkip_endTheSearchWithinHalfASecond(self, host: Any) -> None:
        for flag in ("interrupted", "skipped"):
            host.shared.state = standin.State()
            pressed = later(1.0, lambda: setattr(host.shared.state, flag, True))
            done = self.run_(host, BIG)
            self.assertLess(time.monotonic() - pressed[0], INTERRUPT_SECONDS)
            self.assertSame(done, self.plain_of(host))
            self.assertEqual(done.comments, [])
            self.assertIn("Prenoise: plain noise", done.infotexts[0])

    def plain_of(self, host: Any) -> Any:
        host.shared.state = standin.State()
        return self.plain(host)

    def test_stopAfterThisPicture_takesTheBestSoFar(self) -> None:
        host = standin.Host(standin.FORGE)
        state = host.shared.state
        state_of = {"seen": 0}

        def said(text: str) -> None:
            state_of["seen"] += "candidate 40" in text

        class Watching(list):
            def append(self, text: str) -> None:
                said(text)
                if state_of["seen"]:
                    state.stopping_generation = True

        state.said = Watching()
        done = self.run_(host, {**BIG, "strategy": "attention", "loss": "initno"}, n_iter=2)
        self.assertEqual(len(done.noises), 1)
        self.assertFalse(torch.equal(done.noises[0], self.plain_of(host).noises[0]))
        self.assertIn("Prenoise: on", done.infotexts[0])

    @every
    def test_sidecarThatIsDown_costsOneTryAndIsTold(self, host: Any) -> None:
        begun = time.monotonic()
        done = host.run(host.processing(batch_size=2, n_iter=2), self.args(host, address="127.0.0.1:9"))
        self.assertLess(time.monotonic() - begun, 5)
        self.assertSame(done, self.plain(host, batch_size=2, n_iter=2))
        (comment,) = done.comments
        self.assertRegex(comment, r"127\.0\.0\.1:9.*Is it running .*The pictures were made from plain noise\.")
        self.assertIn("Prenoise: plain noise", done.infotexts[3])

    @every
    def test_promptThatCannotBeSearched_costsItsOwnPictureAlone(self, host: Any) -> None:
        prompts = ["a red circle and a blue square", "softly", "a green circle", "slowly"]
        for given in ({"n_iter": 4}, {"n_iter": 2, "batch_size": 2}):
            done = self.run_(host, {"candidates": 8}, prompt=prompts, **given)
            plain = self.plain(host, n_iter=4)
            for i in (0, 2):
                self.assertTrue(torch.equal(done.noises[i], self.run_(host, {"candidates": 8}, prompt=prompts[i], seed=7 + i).noises[0]), i)
                self.assertFalse(torch.equal(done.noises[i], plain.noises[i]), i)
            for i in (1, 3):
                self.assertTrue(torch.equal(done.noises[i], plain.noises[i]), i)
            self.assertEqual(len(done.comments), 2)
            for number, comment in zip((2, 4), done.comments):
                self.assertRegex(comment, rf"^Prenoise: picture {number} of 4: .*\. It was made from plain noise\.$")
        with self.assertRaisesRegex(job.SearchFailed, 'prompt.text: "softly"'):
            host.run(host.processing(prompt=prompts, n_iter=4), self.args(host, on_error="stop"))

    def test_sidecarThatHangs_canBeInterruptedWithinHalfASecond(self) -> None:
        host = standin.Host(standin.FORGE)
        victim = running.RunningSidecar()
        self.addCleanup(victim.kill)
        for where in ("host", "sidecar"):
            host.shared.state = standin.State()
            job._capabilities.clear()
            victim.pause()
            pressed = later(0.5, lambda: setattr(host.shared.state, "interrupted", True))
            self.run_(host, {"where": where, "address": victim.address})
            self.assertLess(time.monotonic() - pressed[0], INTERRUPT_SECONDS)

    @every
    def test_sidecarThatIsDown_withStop_makesNoPicture(self, host: Any) -> None:
        host.passes.clear()
        for given in ({}, {"init_latent": torch.zeros(1, 4, 16, 16), "denoising_strength": 0.6}):
            with self.assertRaisesRegex(job.SearchFailed, "127.0.0.1:9"):
                host.run(host.processing(**given), self.args(host, address="127.0.0.1:9", on_error="stop"))
        self.assertEqual(host.passes, [])

    @every
    def test_sidecarKilledInMidSearch_isTold(self, host: Any) -> None:
        victim = running.RunningSidecar()
        killed = later(1.5, victim.kill)
        done = host.run(host.processing(), self.args(host, address=victim.address, **BIG))
        self.assertLess(time.monotonic() - killed[0], 3)
        self.assertSame(done, self.plain(host))
        self.assertRegex(done.comments[-1], "The picture was made from plain noise")

    @every
    def test_addressBeyondThisMachine_needsTheAllowList(self, host: Any) -> None:
        done = host.run(host.processing(), self.args(host, address="198.51.100.7:50551"))
        self.assertSame(done, self.plain(host))
        self.assertRegex(done.comments[0], r"198\.51\.100\.7:50551 \(expected: loopback, or a host listed in ")

    def test_addressInSettings_isTheUsersOwn(self) -> None:
        host = standin.Host(standin.FORGE)
        host.shared.opts.prenoise_address = self.address
        with mock.patch.object(job, "Sidecar", side_effect=job.Sidecar) as made:
            self.run_(host, {"address": ""})
            self.run_(host, {"address": f"localhost:{self.address.rpartition(':')[2]}"})
        self.assertEqual([call.kwargs for call in made.call_args_list], [{"configured": self.address}] * 2)  # where the environment's token may go
        self.assertEqual(made.call_args_list[0].args, (self.address,))

    def test_whatTheSidecarRefuses_isTold(self) -> None:
        host = standin.Host(standin.A1111)
        done = host.run(host.processing(), self.args(host, strategy="pictures", verifiers="taste"))
        self.assertSame(done, self.plain(host))
        self.assertRegex(done.comments[0], r"verifier\.verifiers\[0\].*taste")

    def test_checkpointThatTheSidecarHasNot_isTold(self) -> None:
        host = standin.Host(standin.A1111)
        host.shared.sd_model.sd_checkpoint_info.filename = "/models/dream.safetensors"
        done = host.run(host.processing(), self.args(host))
        self.assertRegex(done.comments[0], r"has no checkpoint dream.safetensors \(it has: shapes, shapes-v\)")
        named = self.run_(host, {"model": "shapes", "candidates": 1})
        self.assertIn("Prenoise: on", named.infotexts[0])

    def test_loraThatTheSidecarHasNot_isLeftOutAndTold(self) -> None:
        host = standin.Host(standin.A1111)
        done = self.run_(host, {}, prompt="a red circle and a blue square<lora:ink:0.8>")
        self.assertRegex(done.comments[0], "no LoRA ink; it searches without")
        self.assertIn("Prenoise: on", done.infotexts[0])

    def test_noiseOfAnotherExtension_isTheOneThatCounts(self) -> None:
        host = standin.Host(standin.FORGE)
        p, other = host.processing(), torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        p.modified_noise = other.clone()
        self.assertTrue(torch.equal(host.run(p, self.args(host, candidates=1)).noises[0], other[0]))

    def test_memory_isGivenBackWhereAsked(self) -> None:
        host = standin.Host(standin.FORGE)
        host.shared.opts.prenoise_release_memory = True
        for where in ("sidecar", "host"):
            released: List[int] = []
            host.while_sampling = lambda: released.append(release.call_count)
            with mock.patch.object(job.Sidecar, "release_memory", autospec=True, side_effect=job.Sidecar.release_memory) as release:
                self.assertIn("Prenoise: on", self.run_(host, {"where": where}).infotexts[0])
            self.assertEqual(released[-1], 1, where)  # before the picture is sampled

    def test_memory_thatIsNotGivenBackSoon_canBeInterrupted(self) -> None:
        host = standin.Host(standin.FORGE)
        host.shared.opts.prenoise_release_memory = True
        over = threading.Event()
        self.addCleanup(over.set)
        pressed: List[float] = []

        def hangs(*_: Any, **__: Any) -> int:
            pressed.append(time.monotonic())
            host.shared.state.interrupted = True
            over.wait(30)
            return 0

        with mock.patch.object(job.Sidecar, "release_memory", hangs):
            self.run_(host)
        self.assertLess(time.monotonic() - pressed[0], INTERRUPT_SECONDS)


if __name__ == "__main__":
    unittest.main()

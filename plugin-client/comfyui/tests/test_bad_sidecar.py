"""A sidecar that answers what none should: a small server on grpcio alone."""

import struct
import threading
import time
import unittest

from support import SHAPE, graph, options, pack, widgets  # first: it says where the other modules are

import grpc
import torch
from fakes import Server
from prenoise import wire
from standins import InterruptProcessingException, Model, PromptServer, host, ksampler

NODES = pack.NODE_CLASS_MAPPINGS
CONDITIONING = [[torch.zeros(1, 24, 96), {}]]


def noise(shape=(1, *SHAPE), value=0.5):
    count = 1
    for side in shape:
        count *= side
    return wire.Tensor.of_floats(list(shape), [value] * count)


def candidate(tensor, index=1, **more):
    recipe = wire.NoiseRecipe(seed=7, shape=[1, *SHAPE])
    return wire.Candidate(index=index, recipe=recipe, score=1.0, score_is_loss=True, noise=tensor, **more)


def answers(*events):
    encoded = [wire.OptimizeNoiseResponse(**event).encode() for event in events]
    return lambda request, context: iter(encoded)


ACCEPTED = {"accepted": wire.Accepted(search_id="x", noise_shape=[])}


class BadSidecarTest(unittest.TestCase):
    def setUp(self):
        host.reset()
        PromptServer.instance.run(graph())

    def sample(self, target, seed=1, **chosen):
        given = {"evaluate_on": "sidecar", "on_error": "stop", "workflow": graph(), "options": options(target=target), **chosen}
        model, self.record = NODES["PrenoiseBetterNoise"]().wrap(model=Model(), **widgets(**given))
        return ksampler(model, seed, 4, 3.0, CONDITIONING, CONDITIONING, {"samples": torch.zeros(1, *SHAPE)})

    def refused(self, message, *events):
        with Server(OptimizeNoise=answers(*events)) as server:
            with self.assertRaisesRegex(RuntimeError, message):
                self.sample(server.target)
            host.reset()
            plain = ksampler(Model(), 1, 4, 3.0, CONDITIONING, CONDITIONING, {"samples": torch.zeros(1, *SHAPE)})
            self.assertTrue(torch.equal(plain, self.sample(server.target, on_error="plain noise")))
            self.assertEqual(1, len(host.messages()))

    def test_noise_of_another_shape_is_refused(self):
        self.refused(r"shape.*\[1, 4, 8, 8\]", ACCEPTED, {"summary": wire.Summary(best=[candidate(noise((1, 4, 8, 8)))])})

    def test_noise_with_values_that_are_no_numbers_is_refused(self):
        self.refused("no number", ACCEPTED, {"summary": wire.Summary(best=[candidate(noise(value=float("nan")))])})

    def test_a_winner_without_noise_is_refused(self):
        self.refused("without its noise", ACCEPTED, {"summary": wire.Summary(best=[candidate(None)])})

    def test_a_summary_without_a_candidate_is_refused(self):
        self.refused("without a candidate", ACCEPTED, {"summary": wire.Summary()})

    def test_a_stored_search_of_other_weights_is_made_anew(self):
        heard = []

        def search(request, context):
            heard.append(wire.OptimizeNoiseRequest.decode(request).search_id)
            if len(heard) == 1:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f'search_id: "{heard[0]}" cannot go on: the files of "x" are others')
            return answers(ACCEPTED, {"summary": wire.Summary(best=[candidate(noise())])})(request, context)

        with Server(OptimizeNoise=search) as server:
            self.sample(server.target)
        self.assertEqual(2, len(set(heard)))
        self.assertEqual(1, len(self.record.found))

    def test_a_model_that_cannot_be_loaded_is_not_tried_twice(self):
        heard = []

        def search(request, context):
            heard.append(request)
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "backbone: a broken file")

        with Server(OptimizeNoise=search) as server, self.assertRaisesRegex(RuntimeError, "a broken file"):
            self.sample(server.target)
        self.assertEqual(1, len(heard))

    def test_other_files_under_the_same_names_are_another_search(self):
        heard = []

        def search(request, context):
            heard.append(wire.OptimizeNoiseRequest.decode(request).search_id)
            return answers(ACCEPTED, {"summary": wire.Summary(best=[candidate(noise())])})(request, context)

        def able(request, context):
            return wire.GetCapabilitiesResponse(
                backbones=[wire.Backbone(id="sd15/dream.safetensors", file="dream.safetensors", sha256=files[0], bytes=7), wire.Backbone(id="other")],
                loras=[wire.LoraInfo(name="ink", file="style/ink.safetensors", bytes=files[1])],
            ).encode()

        loader = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15/dream.safetensors"}}
        lora = {"class_type": "LoraLoaderModelOnly", "inputs": {"model": ["1", 0], "lora_name": "ink.safetensors", "strength_model": 1.0}}
        workflow = graph(**{"1": loader, "4": lora, "5": {"class_type": "PrenoiseBetterNoise", "inputs": {"model": ["4", 0]}}})
        PromptServer.instance.run(workflow)
        with Server(OptimizeNoise=search, GetCapabilities=able) as server:
            for files in (("aa", 5), ("bb", 5), ("", 5), ("aa", 6), ("aa", 5)):
                self.sample(server.target, workflow=workflow)
        self.assertEqual(4, len(set(heard)))
        self.assertEqual(heard[0], heard[4])

    def test_a_stream_that_ends_early_is_refused(self):
        self.refused("without a summary", ACCEPTED)

    def test_bytes_that_are_no_message_are_refused(self):
        with Server(OptimizeNoise=lambda request, context: iter([b"\xff\xff\xff"])) as server:
            with self.assertRaisesRegex(RuntimeError, "Better Noise"):
                self.sample(server.target)

    def test_candidate_0_is_the_hosts_own_tensor_whatever_is_sent_for_it(self):
        with Server(OptimizeNoise=answers(ACCEPTED, {"summary": wire.Summary(best=[candidate(noise(), index=0)])})) as server:
            plain = ksampler(Model(), 3, 4, 3.0, CONDITIONING, CONDITIONING, {"samples": torch.zeros(1, *SHAPE)})
            self.assertTrue(torch.equal(plain, self.sample(server.target, seed=3)))

    def test_the_noise_that_is_sent_is_the_samplers_bit_for_bit(self):
        heard = []

        def search(request, context):
            heard.append(wire.OptimizeNoiseRequest.decode(request))
            return answers(ACCEPTED, {"summary": wire.Summary(best=[candidate(noise())])})(request, context)

        with Server(OptimizeNoise=search) as server:
            self.sample(server.target, seed=11)
        sent = torch.randn([1, *SHAPE], generator=torch.manual_seed(11))
        self.assertEqual(struct.pack(f"<{sent.numel()}f", *sent.flatten().tolist()), heard[0].noise.data)
        self.assertEqual(11, heard[0].seed)
        self.assertAlmostEqual(14.6146, heard[0].sampling.sigmas[0], places=3)

    def test_no_more_candidates_are_asked_for_than_a_sidecar_gives_and_the_images_beyond_keep_their_noise(self):
        heard = []

        def search(request, context):
            heard.append(wire.OptimizeNoiseRequest.decode(request))
            best = [candidate(noise(value=0.01 * (index + 1)), index=index + 1) for index in range(64)]
            return answers(ACCEPTED, {"summary": wire.Summary(best=best)})(request, context)

        latents = {"samples": torch.zeros(66, *SHAPE)}
        with Server(OptimizeNoise=search) as server:
            model, record = NODES["PrenoiseBetterNoise"]().wrap(
                model=Model(),
                **widgets(
                    evaluate_on="sidecar",
                    on_error="stop",
                    workflow=graph(),
                    options=options(target=server.target, batch="the best of one search"),
                ),
            )
            found = ksampler(model, 1, 4, 3.0, CONDITIONING, CONDITIONING, latents)
        self.assertEqual([64], [request.output.best for request in heard])
        self.assertEqual(64, len(record.chosen))
        plain = ksampler(Model(), 1, 4, 3.0, CONDITIONING, CONDITIONING, latents)
        self.assertTrue(torch.equal(plain[64:], found[64:]))
        self.assertFalse(torch.equal(plain[:64], found[:64]))

    def test_scores_and_fractions_that_are_no_numbers_do_not_reach_the_browser(self):
        nan = float("nan")
        best = candidate(noise(), preview_png=b"no picture")
        best.score = nan
        events = (ACCEPTED, {"progress": wire.Progress(fraction=nan)}, {"candidate": best}, {"summary": wire.Summary(best=[best])})
        with Server(OptimizeNoise=answers(*events)) as server:
            self.sample(server.target)
        for value, total, preview in host.shown():
            self.assertTrue(0 <= value <= total)
            self.assertIsNone(preview)
        self.assertEqual([], host.sent)

    def test_a_sidecar_that_says_nothing_can_be_interrupted_within_half_a_second(self):
        over = threading.Event()

        def silent(request, context):
            over.wait(30)
            yield b""

        def release(request, context):
            over.wait(30)
            return b""

        with Server(OptimizeNoise=silent, ReleaseMemory=release) as server:
            pressed = []

            def press():
                pressed.append(time.monotonic())
                host.interrupted = True

            threading.Timer(1, press).start()
            with self.assertRaises(InterruptProcessingException):
                self.sample(server.target, options=options(target=server.target, release_memory=True))
            self.assertLess(time.monotonic() - pressed[0], 0.5)
            over.set()

    def test_a_sidecar_that_does_not_release_its_memory_can_be_interrupted_within_half_a_second(self):
        over = threading.Event()
        pressed = []

        def release(request, context):
            pressed.append(time.monotonic())
            host.interrupted = True
            over.wait(30)
            return b""

        with Server(OptimizeNoise=answers(ACCEPTED, {"summary": wire.Summary(best=[candidate(noise())])}), ReleaseMemory=release) as server:
            with self.assertRaises(InterruptProcessingException):
                self.sample(server.target, options=options(target=server.target, release_memory=True))
            self.assertLess(time.monotonic() - pressed[0], 0.5)
            over.set()

    def test_a_search_that_takes_too_long_has_failed(self):
        over = threading.Event()

        def silent(request, context):
            over.wait(30)
            yield b""

        with Server(OptimizeNoise=silent) as server:
            with self.assertRaisesRegex(RuntimeError, "DEADLINE_EXCEEDED"):
                self.sample(server.target, options=options(target=server.target, wait_seconds=1.0))
            over.set()

    def test_the_sidecars_memory_is_released_before_sampling_and_a_refusal_of_that_costs_nothing(self):
        released = []

        def release(request, context):
            released.append(request)
            raise RuntimeError("not now")

        with Server(OptimizeNoise=answers(ACCEPTED, {"summary": wire.Summary(best=[candidate(noise())])}), ReleaseMemory=release) as server:
            self.sample(server.target, options=options(target=server.target, release_memory=True))
        self.assertEqual(1, len(released))
        self.assertEqual(1, len(self.record.found))


if __name__ == "__main__":
    unittest.main()

"""Searches and calls against a server whose answers the tests write out: interrupts, restarts, broken answers."""

import gc
import math
import multiprocessing
import os
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import grpc

from fakes import Server
from prenoise import Sidecar, SidecarError, SidecarUnavailable, channel, recipes, wire
from prenoise.status import TRAILER, BadRequest, Details, FieldViolation, RetryInfo, Status

TLS = Path(__file__).resolve().parents[3] / "server" / "src" / "test" / "resources" / "tls"
SHAPE = [1, 1, 1, 2]
REQUEST = wire.OptimizeNoiseRequest(prompt=wire.Prompt("a cat"))


def event(**kind):
    return wire.OptimizeNoiseResponse(**kind).encode()


ACCEPTED = event(accepted=wire.Accepted(noise_shape=SHAPE))
SUMMARY = event(summary=wire.Summary(best=[wire.Candidate(5, noise=wire.Tensor.of_floats(SHAPE, [1, 2]))]))


class Case(unittest.TestCase):
    def serve(self, **methods):
        server = Server(**methods)
        self.addCleanup(server.stop)
        return Sidecar(server.target)

    def streaming(self, *messages):
        def answer(request, context):
            yield from messages

        return self.serve(OptimizeNoise=answer)

    def endless(self):
        """A search that never has news, and an event that is set when its call ended."""
        ended = threading.Event()

        def answer(request, context):
            context.add_callback(ended.set)
            yield ACCEPTED
            ended.wait(20)

        return self.serve(OptimizeNoise=answer), ended


class SearchTest(Case):
    def test_events_come_in_order_and_the_search_remembers_them(self):
        sidecar = self.streaming(
            ACCEPTED,
            event(candidate=wire.Candidate(0, best_so_far=True)),
            b"\x9a\x3e\x03new",  # an event of a newer contract
            event(progress=wire.Progress(fraction=0.5)),
            event(candidate=wire.Candidate(1)),
            SUMMARY,
        )
        search = sidecar.optimize(REQUEST)
        names = []
        for one in search:
            names.append(type(one).__name__)
            if isinstance(one, wire.Candidate):
                self.assertEqual(search.best.index, 0)
        self.assertEqual(names, ["Accepted", "Candidate", "Progress", "Candidate", "Summary"])
        self.assertEqual((search.best.index, search.progress.fraction, search.accepted.noise_shape), (5, 0.5, SHAPE))
        self.assertEqual(list(search), [])

    def test_a_search_without_an_id_gets_one_and_the_request_is_not_changed(self):
        heard = []

        def answer(request, context):
            heard.append(wire.OptimizeNoiseRequest.decode(request))
            yield SUMMARY

        search = self.serve(OptimizeNoise=answer).optimize(REQUEST)
        search.run()
        self.assertEqual(REQUEST.search_id, "")
        self.assertEqual(heard[0].search_id, search.search_id)
        self.assertTrue(search.search_id)

    def test_poll_is_called_every_tenth_of_a_second_and_its_exception_cancels_the_call(self):
        sidecar, ended = self.endless()
        calls = []

        class Interrupt(Exception):
            pass

        def poll():
            calls.append(time.monotonic())
            if len(calls) > 10:
                raise Interrupt

        with self.assertRaises(Interrupt):
            list(sidecar.optimize(REQUEST, poll=poll))
        raised = time.monotonic()
        self.assertTrue(ended.wait(5))
        self.assertLess(time.monotonic() - raised, 0.5)
        gaps = sorted(after - before for before, after in zip(calls, calls[1:]))
        self.assertLess(gaps[len(gaps) // 2], 0.1)

    def test_cancel_from_another_thread_ends_the_iteration(self):
        sidecar, ended = self.endless()
        search = sidecar.optimize(REQUEST)
        self.assertIsInstance(next(search), wire.Accepted)
        threading.Timer(0.2, search.cancel).start()
        self.assertEqual(list(search), [])
        self.assertTrue(ended.wait(5))
        with self.assertRaisesRegex(SidecarError, "the search was cancelled"):
            search.run()

    def test_leaving_the_block_or_dropping_the_search_cancels_the_call(self):
        sidecar, ended = self.endless()
        with sidecar.optimize(REQUEST) as search:
            next(search)
        self.assertTrue(ended.wait(5))
        sidecar, ended = self.endless()
        search = sidecar.optimize(REQUEST)
        next(search)
        del search
        gc.collect()
        self.assertTrue(ended.wait(5))

    def test_the_deadline_ends_the_search(self):
        sidecar, _ = self.endless()
        with self.assertRaises(SidecarError) as caught:
            list(sidecar.optimize(REQUEST, deadline=0.3))
        self.assertEqual(caught.exception.code, "DEADLINE_EXCEEDED")

    def test_the_deadline_follows_from_the_wall_time(self):
        heard = []

        def answer(request, context):
            heard.append(context.time_remaining())
            yield SUMMARY

        sidecar = self.serve(OptimizeNoise=answer)
        sidecar.optimize(wire.OptimizeNoiseRequest(budget=wire.Budget(wall_time=wire.Duration(60)))).run()
        sidecar.optimize(REQUEST).run()
        self.assertAlmostEqual(heard[0], 660, delta=300)
        self.assertAlmostEqual(heard[1], 4 * 3600, delta=300)

    def test_noise_of_another_shape_or_not_finite_is_not_handed_out(self):
        for noise, text in (
            (wire.Tensor.of_floats([1, 2], [1, 2]), r"candidate.noise.shape: \[1, 2\] \(expected: \[1, 1, 1, 2\]\)"),
            (wire.Tensor.of_floats(SHAPE, [1, math.nan]), "candidate.noise: a value that is infinite or no number"),
            (wire.Tensor(wire.DataType.FLOAT32, SHAPE, b"1234"), r"candidate.noise: Tensor.data: 4 bytes \(expected: 8"),
            (wire.Tensor(wire.DataType.FLOAT16, SHAPE, b"1234"), r"candidate.noise.data_type: .*FLOAT16.* \(expected: FLOAT32\)"),
        ):
            with self.subTest(text), self.assertRaisesRegex(SidecarError, text):
                list(self.streaming(ACCEPTED, event(candidate=wire.Candidate(noise=noise))).optimize(REQUEST))
        broken = wire.Candidate(noise=wire.Tensor.of_floats([1], [1]))
        for summary, text in (
            (wire.Summary(best=[wire.Candidate(), broken]), r"summary.best\[1\].noise.shape"),
            (wire.Summary(baseline=broken), "summary.baseline.noise.shape"),
        ):
            with self.subTest(text), self.assertRaisesRegex(SidecarError, text):
                list(self.streaming(ACCEPTED, event(summary=summary)).optimize(REQUEST))

    def test_a_stream_that_ends_early_or_cannot_be_read_is_an_error(self):
        with self.assertRaisesRegex(SidecarError, "the stream ended without a summary"):
            list(self.streaming(ACCEPTED).optimize(REQUEST))
        with self.assertRaisesRegex(SidecarError, "a message that cannot be read: .*ends in the middle"):
            list(self.streaming(ACCEPTED, b"\x0a").optimize(REQUEST))

    def test_a_slow_caller_misses_nothing(self):
        sidecar = self.streaming(ACCEPTED, *(event(candidate=wire.Candidate(i)) for i in range(300)), SUMMARY)
        search = sidecar.optimize(REQUEST)
        next(search)
        time.sleep(0.3)
        self.assertEqual([one.index for one in search if isinstance(one, wire.Candidate)], list(range(300)))

    def test_an_idle_search_leaves_no_thread_behind(self):
        def pumps():
            return [thread for thread in threading.enumerate() if thread.name == "prenoise-search" and thread not in before]

        before = threading.enumerate()  # among them may be one on a call that grpcio 1.51 never ends, see OVERTIME_SECONDS
        for _ in range(3):
            self.streaming(ACCEPTED, SUMMARY).optimize(REQUEST).run()
        end = time.monotonic() + 5
        while pumps() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(pumps(), [])


class ErrorTest(Case):
    def test_the_field_and_the_delay_are_taken_from_the_trailers(self):
        details = [
            Details("type.googleapis.com/google.rpc.BadRequest", BadRequest([FieldViolation("prompt.text", "empty")]).encode()),
            Details("type.googleapis.com/google.rpc.RetryInfo", RetryInfo(wire.Duration(1, 500_000_000)).encode()),
        ]

        def answer(request, context):
            context.set_trailing_metadata(((TRAILER, Status(3, "empty", details).encode()),))
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "prompt.text: empty")

        def stream(request, context):
            answer(request, context)
            yield b""

        sidecar = self.serve(GetCapabilities=answer, OptimizeNoise=stream)
        for call in (sidecar.capabilities, lambda: list(sidecar.optimize(REQUEST))):
            with self.assertRaises(SidecarError) as caught:
                call()
            error = caught.exception
            self.assertEqual(
                (error.code, error.field, error.retry_delay, error.message), ("INVALID_ARGUMENT", "prompt.text", 1.5, "prompt.text: empty")
            )
            self.assertEqual(str(error), "prompt.text: empty (INVALID_ARGUMENT)")

    def test_nobody_there_is_told_at_once(self):
        server = Server()
        server.stop()
        sidecar = Sidecar(server.target)
        for call in (sidecar.capabilities, lambda: list(sidecar.optimize(REQUEST))):
            begun = time.monotonic()
            with self.assertRaisesRegex(SidecarUnavailable, server.target):
                call()
            self.assertLess(time.monotonic() - begun, 3)

    def test_noise_of_recipes_is_checked(self):
        one = wire.Tensor.of_floats(SHAPE, [1, 2])
        for answer, text in (([], "0 tensors .expected: 1"), ([wire.Tensor.of_floats([1], [1])], r"SampleNoise.noise\[0\].shape")):
            sidecar = self.serve(SampleNoise=lambda request, context, answer=answer: wire.SampleNoiseResponse(answer).encode())
            with self.subTest(text), self.assertRaisesRegex(SidecarError, text):
                sidecar.sample_noise([wire.NoiseRecipe(shape=SHAPE)])
        sidecar = self.serve(SampleNoise=lambda request, context: wire.SampleNoiseResponse([one]).encode())
        self.assertEqual(sidecar.sample_noise([wire.NoiseRecipe(shape=SHAPE)]), [one])

    def test_a_call_that_is_waited_for_is_given_up_within_half_a_second(self):
        ended, over = threading.Event(), threading.Event()
        self.addCleanup(over.set)

        def hangs(request, context):
            context.add_callback(ended.set)
            over.wait(30)
            return b""

        class Cancelled(Exception):
            pass

        calls = {
            "GetCapabilities": lambda sidecar, poll: sidecar.capabilities(poll=poll),
            "FindSubjects": lambda sidecar, poll: sidecar.find_subjects("a cat", poll=poll),
            "SampleNoise": lambda sidecar, poll: recipes.replay(sidecar, wire.NoiseRecipe(shape=SHAPE), poll),
            "ReleaseMemory": lambda sidecar, poll: sidecar.release_memory(poll=poll),
        }
        sidecar = self.serve(**dict.fromkeys(calls, hangs))
        for method, call in calls.items():
            ended.clear()
            end = time.monotonic() + 0.3

            def poll(end=end):
                if time.monotonic() > end:
                    raise Cancelled

            with self.subTest(method):
                with self.assertRaises(Cancelled):
                    call(sidecar, poll)
                self.assertLess(time.monotonic() - end, 0.5)
                self.assertTrue(ended.wait(5))  # the sidecar is told

    def test_a_call_with_a_poll_answers_and_fails_as_one_without(self):
        server = Server(GetCapabilities=lambda request, context: wire.GetCapabilitiesResponse("1.2").encode())
        sidecar = Sidecar(server.target)
        self.assertEqual(sidecar.capabilities(poll=lambda: None).version, "1.2")
        with self.assertRaisesRegex(SidecarError, "UNIMPLEMENTED"):
            sidecar.release_memory(poll=lambda: None)
        server.stop()
        server = Server(server.port, GetCapabilities=lambda request, context: wire.GetCapabilitiesResponse("1.3").encode())
        self.addCleanup(server.stop)
        self.assertEqual(sidecar.capabilities(poll=lambda: None).version, "1.3")


def _ask(target, out):
    out.put(Sidecar(target).capabilities(timeout=10).version)


class ChannelTest(Case):
    def capable(self, port=0):
        return Server(
            port,
            GetCapabilities=lambda request, context: wire.GetCapabilitiesResponse("1.2").encode(),
            OptimizeNoise=lambda request, context: iter([SUMMARY]),
        )

    def test_channels_are_kept_by_address(self):
        with self.capable() as server:
            for _ in range(3):
                Sidecar(server.target).capabilities()
            kept = [key for key in channel._channels if key.target.port == server.port]
        self.assertEqual(len(kept), 1)

    def test_a_restarted_sidecar_is_found_at_once(self):
        server = self.capable()
        sidecar = Sidecar(server.target)
        sidecar.capabilities()
        for call in (sidecar.capabilities, lambda timeout=30: sidecar.optimize(REQUEST, deadline=timeout).run()):
            server.stop()
            self.gone(call)
            server = self.capable(server.port)
            self.answered(call)
            server.stop()
            server = self.capable(server.port)
            self.answered(call)
        server.stop()

    def gone(self, call):
        """Calls until nobody answers. A server of this process that was just stopped may still hold its last connection, and a call on it hangs."""
        for _ in range(10):
            try:
                call(timeout=2)
            except SidecarUnavailable:
                return
            except SidecarError as error:
                self.assertIn(error.code, ("CANCELLED", "DEADLINE_EXCEEDED"))
        self.fail("a server that was stopped answers")

    def answered(self, call):
        """Calls once, but for what hangs on a connection of the server that was stopped; nobody may be missing."""
        for _ in range(5):
            try:
                call(timeout=5)
                return
            except SidecarError as error:
                self.assertIn(error.code, ("CANCELLED", "DEADLINE_EXCEEDED"))
        self.fail("a server that was restarted does not answer")

    def test_a_large_message_passes_both_ways(self):
        def answer(request, context):
            return wire.ScoreImagesResponse(warnings=["x" * (8 << 20)]).encode()

        sidecar = self.serve(ScoreImages=answer)
        self.assertEqual(len(sidecar.score_images([bytes(8 << 20)], "", []).warnings[0]), 8 << 20)

    def test_tls_and_the_token(self):
        certificate, key = (TLS / name for name in ("cert.pem", "key.pem"))
        credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])

        def answer(request, context):
            if dict(context.invocation_metadata()).get("authorization") != "Bearer a long secret":
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is needed")
            return wire.GetCapabilitiesResponse("1.2").encode()

        server = Server(credentials=credentials, GetCapabilities=answer)
        self.addCleanup(server.stop)
        target = f"localhost:{server.port}"
        self.assertEqual(Sidecar(target, token="a long secret\n", ca=str(certificate)).capabilities().version, "1.2")
        with self.assertRaisesRegex(SidecarError, "a token is needed .UNAUTHENTICATED"):
            Sidecar(target, ca=str(certificate)).capabilities()
        with self.assertRaises(SidecarUnavailable):
            Sidecar(target, token="a long secret").capabilities()

    def test_a_token_that_was_not_sent_is_spoken_of_where_one_is_needed(self):
        heard = []

        def answer(request, context):
            heard.append(dict(context.invocation_metadata()).get("authorization"))
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is needed")

        server = Server(GetCapabilities=answer, OptimizeNoise=answer)
        self.addCleanup(server.stop)
        text = f"a token is needed; the environment's token was not sent to {server.target} .expected: 127.0.0.1:50551, what PRENOISE_TARGET names, or"
        with mock.patch.dict(os.environ, {"PRENOISE_TOKEN": "secret"}):
            for call in (Sidecar(server.target).capabilities, Sidecar(server.target).optimize(REQUEST).run):
                with self.assertRaisesRegex(SidecarError, text):
                    call()
            with self.assertRaisesRegex(SidecarError, "^a token is needed .UNAUTHENTICATED.$"):
                Sidecar(server.target, configured=server.target).capabilities()
        self.assertEqual(heard, [None, None, "Bearer secret"])

    def test_proxies_of_the_environment_are_not_asked(self):
        environment = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "grpc_proxy": "http://127.0.0.1:9"}
        with self.capable() as server:
            os.environ.update(environment)
            try:
                self.assertEqual(Sidecar(server.target).capabilities().version, "1.2")
            finally:
                for name in environment:
                    del os.environ[name]

    @unittest.skipUnless("fork" in multiprocessing.get_all_start_methods(), "this system cannot fork")
    def test_a_channel_is_not_shared_with_a_forked_child(self):
        key = Sidecar("127.0.0.1:50551")._key()
        self.assertEqual(key.process, os.getpid())
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, b"other" if Sidecar("127.0.0.1:50551")._key() != key else b"same")
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(os.read(reading, 10), b"other")
        os.close(reading)
        os.close(writing)

    def test_a_spawned_child_calls_by_itself(self):
        context = multiprocessing.get_context("spawn")
        with self.capable() as server:
            Sidecar(server.target).capabilities()
            out = context.Queue()
            child = context.Process(target=_ask, args=(server.target, out))
            child.start()
            self.assertEqual(out.get(timeout=60), "1.2")
            child.join(10)


if __name__ == "__main__":
    unittest.main()

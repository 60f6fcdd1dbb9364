"""The loop that drives a host, against a server whose questions the tests write out."""

import threading
import time
import unittest

import grpc

from fakes import Server
from prenoise import PrenoiseError, Sidecar, SidecarError, wire
from prenoise.host import Shot, Walked

SHAPE = [1, 4, 2, 2]


def noise(value=0.5):
    return wire.Tensor.of_floats(SHAPE, [value] * 16)


def event(**kind):
    return wire.OptimizeNoiseOnHostResponse(event=wire.OptimizeNoiseResponse(**kind)).encode()


def evaluate(number, count=1, **asked):
    noises = [noise(i + 1) for i in range(count)]
    return wire.OptimizeNoiseOnHostResponse(evaluate=wire.Evaluate(number, noises, seeds=[2**63 + i for i in range(count)], **asked)).encode()


ACCEPTED = dict(accepted=wire.Accepted(noise_shape=SHAPE))
SUMMARY = dict(summary=wire.Summary(best=[wire.Candidate(noise=noise())]))
MAPS = wire.AttentionMaps(cross_attention=wire.Tensor.of_floats([1, 1, 2], [0.25, 0.75]))


class Recorder:
    """A host that notes what it is asked, and on which thread."""

    def __init__(self):
        self.calls = []
        self.threads = set()
        self.released = 0

    def _note(self, *call):
        self.calls.append(call)
        self.threads.add(threading.get_ident())

    def attention(self, noises, keep_graph):
        self._note("attention", len(noises), keep_graph)
        return [MAPS] * len(noises)

    def pictures(self, noises, seeds, predictions, keep_graph):
        self._note("pictures", [n.floats()[0] for n in noises], seeds, predictions, keep_graph)
        return [Shot(b"png", b"prediction" if predictions else None) for _ in noises]

    def walk(self, latents, start, end, pictures):
        self._note("walk", len(latents), start, end, pictures)
        return [Walked(latent, b"png" if pictures else None) for latent in latents]

    def backward(self, attention, images):
        self._note("backward", attention, images)
        return [noise(2.0)] * len(attention or images)

    def release(self):
        self.released += 1


def start():
    return wire.HostStart(wire.OptimizeNoiseRequest(seed=3), SHAPE, max_batch=2, model="tests", gradients=True)


class HostSearchTest(unittest.TestCase):
    def search(self, script, host, **options):
        """Runs a search against a script: a generator of (requests, answers), given the iterator of requests and the list of what came."""
        self.heard = []

        def serve(requests, context):
            self.context = context

            def receive():
                message = wire.OptimizeNoiseOnHostRequest.decode(next(requests))
                self.heard.append(message)
                return message

            yield from script(receive)

        server = Server(OptimizeNoiseOnHost=serve)
        self.addCleanup(server.stop)
        return Sidecar(server.target).optimize_on_host(start(), host, **options)

    def test_every_question_is_answered_under_its_number_on_the_thread_that_iterates(self):
        def script(receive):
            receive()
            yield event(**ACCEPTED)
            for number, asked in enumerate(
                (
                    dict(attention=True),
                    dict(images=True, predictions=True),
                    dict(walk=wire.HostWalk(3, 1), images=True),
                    dict(walk=wire.HostWalk(0, 2)),
                ),
                1,
            ):
                yield evaluate(number, 2, **asked)
                receive()
                yield event(progress=wire.Progress(number))
            yield event(**SUMMARY)

        host = Recorder()
        events = list(self.search(script, host))
        self.assertEqual([type(e).__name__ for e in events], ["Accepted", "Progress", "Progress", "Progress", "Progress", "Summary"])
        self.assertEqual(host.threads, {threading.get_ident()})
        self.assertEqual(
            host.calls,
            [
                ("attention", 2, False),
                ("pictures", [1.0, 2.0], [2**63, 2**63 + 1], True, False),
                ("walk", 2, 3, 1, True),
                ("walk", 2, 0, 2, False),
            ],
        )
        opened, maps, drawn, walked, moved = self.heard
        self.assertEqual((opened.start.model, opened.start.request.seed, opened.start.noise_shape), ("tests", 3, SHAPE))
        self.assertTrue(opened.start.request.search_id)
        self.assertEqual(maps.evaluation, wire.HostEvaluation(1, attention=[MAPS, MAPS]))
        self.assertEqual(drawn.evaluation, wire.HostEvaluation(2, images=[b"png"] * 2, predictions=[b"prediction"] * 2))
        self.assertEqual(walked.evaluation, wire.HostEvaluation(3, images=[b"png"] * 2, latents=[noise(1), noise(2)]))
        self.assertEqual(moved.evaluation, wire.HostEvaluation(4, latents=[noise(1), noise(2)]))
        self.assertEqual(host.released, 1)

    def test_a_gradient_goes_through_the_kept_graph(self):
        def script(receive):
            receive()
            yield evaluate(1, attention=True, gradient_follows=True)
            receive()
            yield wire.OptimizeNoiseOnHostResponse(gradient=wire.AttentionGradient(1, [MAPS])).encode()
            receive()
            yield event(**SUMMARY)

        host = Recorder()
        self.search(script, host).run()
        self.assertEqual(host.calls, [("attention", 1, True), ("backward", [MAPS], None)])
        self.assertEqual(self.heard[2].gradient, wire.HostGradient(1, [noise(2.0)]))
        self.assertEqual(host.released, 1)

    def test_self_attention_is_sent_where_it_is_read_only(self):
        both = wire.AttentionMaps(MAPS.cross_attention, wire.Tensor.of_floats([1, 1, 1], [1]))

        class Both(Recorder):
            def attention(self, noises, keep_graph):
                return [both] * len(noises)

        def script(receive):
            receive()
            yield evaluate(1, attention=True)
            receive()
            yield evaluate(2, attention=True, self_attention=True)
            receive()
            yield event(**SUMMARY)

        self.search(script, Both()).run()
        self.assertEqual([message.evaluation.attention for message in self.heard[1:]], [[MAPS], [both]])

    def test_a_kept_graph_that_is_not_asked_for_is_released_before_the_next_evaluation(self):
        def script(receive):
            receive()
            yield evaluate(1, attention=True, gradient_follows=True)
            receive()
            yield evaluate(2, attention=True)
            receive()
            yield event(**SUMMARY)

        host = Recorder()
        self.search(script, host).run()
        self.assertEqual(host.released, 2)

    def test_a_failing_host_is_told_to_the_sidecar_and_raised(self):
        told = threading.Event()

        def script(receive):
            receive()
            yield evaluate(7, images=True)
            receive()
            told.set()

        class Failing(Recorder):
            def pictures(self, noises, seeds, predictions, keep_graph):
                raise RuntimeError("out of memory")

        host = Failing()
        with self.assertRaisesRegex(RuntimeError, "^out of memory$"):
            self.search(script, host).run()
        self.assertTrue(told.wait(5))
        self.assertEqual(self.heard[1].evaluation, wire.HostEvaluation(7, error="RuntimeError: out of memory"))
        self.assertEqual(host.released, 1)

    def test_a_failing_gradient_is_told_as_one(self):
        told = threading.Event()

        def script(receive):
            receive()
            yield wire.OptimizeNoiseOnHostResponse(gradient=wire.AttentionGradient(4, [MAPS])).encode()
            receive()
            told.set()

        class Failing(Recorder):
            def backward(self, attention, images):
                raise ValueError("no graph")

        with self.assertRaisesRegex(ValueError, "no graph"):
            self.search(script, Failing()).run()
        self.assertTrue(told.wait(5))
        self.assertEqual(self.heard[1].gradient, wire.HostGradient(4, error="ValueError: no graph"))

    def test_an_interrupt_of_the_host_cancels_instead_of_failing(self):
        ended = threading.Event()

        class Interrupted(Exception):
            pass

        def script(receive):
            self.context.add_callback(ended.set)
            receive()
            yield evaluate(1, attention=True)
            try:
                receive()
            except (StopIteration, grpc.RpcError, Exception):
                return

        class Stopping(Recorder):
            def attention(self, noises, keep_graph):
                raise Interrupted

        host = Stopping()
        with self.assertRaises(Interrupted):
            self.search(script, host, interrupts=(Interrupted,)).run()
        self.assertTrue(ended.wait(5))
        self.assertEqual(len(self.heard), 1)
        self.assertEqual(host.released, 1)

    def test_too_few_results_are_named(self):
        def script(receive):
            receive()
            yield evaluate(1, 2, attention=True)
            receive()

        class Short(Recorder):
            def attention(self, noises, keep_graph):
                return [MAPS]

        with self.assertRaisesRegex(PrenoiseError, r"Host.attention: 1 results \(expected: 2, one for each noise\)"):
            self.search(script, Short()).run()
        self.assertIn("Host.attention: 1 results", self.heard[1].evaluation.error)

    def test_events_that_arrive_while_the_host_is_busy_are_not_lost(self):
        def script(receive):
            receive()
            yield evaluate(1, attention=True)
            for i in range(200):  # more than the queue holds
                yield event(candidate=wire.Candidate(i))
            receive()
            yield event(**SUMMARY)

        class Slow(Recorder):
            def attention(self, noises, keep_graph):
                time.sleep(0.3)
                return super().attention(noises, keep_graph)

        events = list(self.search(script, Slow()))
        self.assertEqual([e.index for e in events[:-1]], list(range(200)))

    def test_leaving_early_ends_the_call_and_releases(self):
        ended = threading.Event()

        def script(receive):
            self.context.add_callback(ended.set)
            receive()
            yield event(**ACCEPTED)
            while self.context.is_active():
                yield event(progress=wire.Progress())
                time.sleep(0.01)

        host = Recorder()
        with self.search(script, host) as search:
            next(search)
        self.assertTrue(ended.wait(5))
        self.assertEqual(host.released, 1)
        self.assertEqual(list(search), [])

    def test_a_sidecar_that_goes_away_is_unavailable_and_the_host_released(self):
        def script(receive):
            receive()
            yield event(**ACCEPTED)
            self.context.abort(grpc.StatusCode.UNAVAILABLE, "going down")

        host = Recorder()
        with self.assertRaisesRegex(SidecarError, "going down"):
            list(self.search(script, host))
        self.assertEqual(host.released, 1)


if __name__ == "__main__":
    unittest.main()

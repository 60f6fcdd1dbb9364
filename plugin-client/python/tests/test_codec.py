"""The wire format by itself: what is refused, what is looked through, what bytes come out."""

import math
import random
import unittest

from prenoise import wire
from prenoise.errors import WireError


class WritingTest(unittest.TestCase):
    def test_known_bytes(self):
        # The encoding guide's own examples: a varint of two bytes, a string, a nested message, packed numbers.
        self.assertEqual(wire.Budget(loss_evaluations=150).encode(), bytes.fromhex("089601"))
        self.assertEqual(wire.Lora(name="testing").encode(), bytes.fromhex("0a0774657374696e67"))
        self.assertEqual(wire.FindSubjectsRequest(wire.Prompt(text="a")).encode(), bytes.fromhex("0a030a0161"))
        self.assertEqual(wire.Subject(token_indices=[3, 270, 86942]).encode(), bytes.fromhex("1a06038e029ea705"))

    def test_negative_int32_takes_ten_bytes(self):
        self.assertEqual(wire.Budget(loss_evaluations=-1).encode(), bytes.fromhex("08ffffffffffffffffff01"))

    def test_defaults_are_left_out_but_not_what_is_set(self):
        self.assertEqual(wire.Lora().encode(), b"")
        self.assertEqual(wire.Lora(strength=0.0).encode(), b"\x11" + bytes(8))
        self.assertEqual(wire.NoiseStep(perturbation=wire.Perturbation()).encode(), b"\x0a\x00")
        self.assertEqual(wire.Progress(fraction=-0.0).encode(), b"\x21" + bytes(7) + b"\x80")

    def test_what_does_not_fit_names_the_field_and_what_was_expected(self):
        for message, text in (
            (wire.Budget(loss_evaluations=1 << 31), r"Budget.loss_evaluations: 2147483648 \(expected: int32, "),
            (wire.OptimizeNoiseRequest(seed=-1), r"OptimizeNoiseRequest.seed: -1 \(expected: uint64, 0 to 18446744073709551615\)"),
            (wire.OptimizeNoiseRequest(seed=1.5), r"OptimizeNoiseRequest.seed: 1.5 \(expected: a whole number, uint64\)"),
            (wire.Prompt(text=b"cat"), r"Prompt.text: b'cat' \(expected: a string\)"),
            (wire.Prompt(text="\ud800"), r"Prompt.text: .*\(expected: text without lone surrogates\)"),
            (wire.Tensor(data="abc"), r"Tensor.data: 'abc' \(expected: bytes\)"),
            (wire.Sampling(guidance_scale="high"), r"Sampling.guidance_scale: 'high' \(expected: a number\)"),
            (wire.FindSubjectsRequest("a cat"), r"FindSubjectsRequest.prompt: 'a cat' \(expected: a Prompt\)"),
            (
                wire.OptimizeNoiseResponse(progress=wire.Progress(), summary=wire.Summary()),
                r"OptimizeNoiseResponse.event: progress and summary \(expected: one of them\)",
            ),
        ):
            with self.subTest(text), self.assertRaisesRegex(WireError, text):
                message.encode()


class ReadingTest(unittest.TestCase):
    def test_unknown_fields_of_every_wire_type_are_skipped(self):
        unknown = bytes.fromhex("a006 01a106 0000000000000000a206 03 616263a306 a006 01 a306 a406 a406a506 00000000".replace(" ", ""))
        known = wire.Budget(loss_evaluations=3).encode()
        self.assertEqual(wire.Budget.decode(unknown + known + unknown), wire.Budget(3))

    def test_a_field_of_another_wire_type_is_unknown(self):
        self.assertEqual(wire.Budget.decode(b"\x0a\x01x\x0d\x00\x00\x00\x00"), wire.Budget())

    def test_repeated_numbers_are_read_packed_and_not(self):
        self.assertEqual(wire.Subject.decode(b"\x18\x05\x1a\x02\x06\x07\x18\x08"), wire.Subject(token_indices=[5, 6, 7, 8]))
        self.assertEqual(wire.GetCapabilitiesResponse.decode(b"\x20\x01\x22\x01\x02").losses, [wire.AttentionLoss.INITNO, wire.AttentionLoss.CONFORM])

    def test_a_message_that_comes_twice_is_merged_and_a_number_replaced(self):
        twice = (
            wire.FindSubjectsRequest(wire.Prompt("a", clip_skip=1)).encode()
            + wire.FindSubjectsRequest(wire.Prompt(negative_text="b", clip_skip=2)).encode()
        )
        self.assertEqual(wire.FindSubjectsRequest.decode(twice).prompt, wire.Prompt("a", "b", clip_skip=2))

    def test_the_last_member_of_a_oneof_counts(self):
        data = wire.NoiseStep(perturbation=wire.Perturbation(1)).encode() + wire.NoiseStep(optimization=wire.Optimization("adam")).encode()
        step = wire.NoiseStep.decode(data)
        self.assertEqual((step.which("kind"), step.perturbation), ("optimization", None))

    def test_a_value_of_a_newer_contract_stays_a_number(self):
        self.assertEqual(wire.Summary.decode(b"\x20\x63").stop_reason, 99)
        self.assertEqual(wire.Summary.decode(b"\x20\x63").encode(), b"\x20\x63")

    def test_no_number_is_read(self):
        self.assertTrue(math.isnan(wire.ImageScore.decode(wire.ImageScore({"pick": math.nan}, 0.5).encode()).scores["pick"]))

    def test_bytes_that_are_no_message_are_refused_with_their_message(self):
        for data, text in (
            (b"\x08", "Budget: the message ends in the middle of a field"),
            (b"\x1a\x05\x08", "Budget: the message ends in the middle of a field"),
            (b"\x00", r"Budget: field number 0 \(expected: 1 to 536870911\)"),
            (b"\x08" + b"\xff" * 11, "Budget: a number of more than ten bytes"),
            (b"\x0f", r"Budget.1: wire type 7 \(expected: 0, 1, 2 or 5\)"),
            (b"\x34\x00", r"Budget.6: wire type 4"),
            (b"\x33\x3c", "Budget: group 7 ends and was not open"),
        ):
            with self.subTest(data), self.assertRaisesRegex(WireError, text):
                wire.Budget.decode(data)
        with self.assertRaisesRegex(WireError, "Lora.name: bytes that are no UTF-8"):
            wire.Lora.decode(b"\x0a\x01\xff")
        with self.assertRaisesRegex(WireError, r"Budget: str \(expected: bytes\)"):
            wire.Budget.decode("text")

    def test_any_bytes_are_a_message_or_a_WireError(self):
        chance = random.Random(5)
        whole = wire.OptimizeNoiseResponse(
            candidate=wire.Candidate(3, wire.NoiseRecipe(5, shape=[1, 4, 2, 2]), terms={"self": 1.5}, noise=wire.Tensor.of_floats([2], [1, 2]))
        ).encode()
        refused = 0
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                wire.OptimizeNoiseResponse.decode(data[: chance.randrange(len(data) + 1)])
            except WireError:
                refused += 1
        self.assertGreater(refused, 300)

    def test_groups_within_groups_do_not_exhaust_the_stack(self):
        self.assertEqual(wire.Budget.decode(b"\xa3\x06" * 50_000 + b"\xa4\x06" * 50_000), wire.Budget())


class TensorTest(unittest.TestCase):
    def test_floats_of_every_type(self):
        for kind, data, values in (
            (wire.DataType.FLOAT32, "0000c03f000000c0", [1.5, -2.0]),
            (wire.DataType.FLOAT16, "003e00c0", [1.5, -2.0]),
            (wire.DataType.BFLOAT16, "c03f00c0", [1.5, -2.0]),
            (wire.DataType.FLOAT64, "000000000000f83f00000000000000c0", [1.5, -2.0]),
            (wire.DataType.INT64, "0100000000000000feffffffffffffff", [1, -2]),
        ):
            with self.subTest(kind.name):
                self.assertEqual(list(wire.Tensor(kind, [2], bytes.fromhex(data)).floats()), values)

    def test_length_and_shape_must_agree(self):
        with self.assertRaisesRegex(WireError, r"Tensor.data: 8 bytes \(expected: 12, of shape \[3\]\)"):
            wire.Tensor(wire.DataType.FLOAT32, [3], bytes(8)).floats()
        with self.assertRaisesRegex(WireError, r"Tensor.shape: \[2, 2\] \(expected: 3 values in all"):
            wire.Tensor.of_floats([2, 2], [1, 2, 3])
        with self.assertRaisesRegex(WireError, "Tensor.data_type"):
            wire.Tensor(shape=[1], data=bytes(4)).check()

    def test_finite_is_told_of_values_near_the_edge(self):
        largest = 3.4028234663852886e38
        self.assertTrue(wire.Tensor.of_floats([4], [largest, -largest, 0, 1e-45]).is_finite())
        for wrong in (math.nan, math.inf, -math.inf):
            self.assertFalse(wire.Tensor.of_floats([2], [1, wrong]).is_finite())

    def test_a_repr_is_short(self):
        self.assertEqual(
            repr(wire.Candidate(1, noise=wire.Tensor.of_floats([2], [1, 2]))),
            "Candidate(index=1, noise=Tensor(data_type=FLOAT32, shape=[2], data=<8 bytes>))",
        )


class DurationTest(unittest.TestCase):
    def test_seconds_there_and_back(self):
        for seconds in (0.0, 1.5, -1.5, -0.25, 3600.000000001, 1e-9):
            duration = wire.Duration.of(seconds)
            self.assertEqual(duration.total_seconds(), seconds)
            self.assertGreaterEqual(duration.seconds * duration.nanos, 0)


if __name__ == "__main__":
    unittest.main()

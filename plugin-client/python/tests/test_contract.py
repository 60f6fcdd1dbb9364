"""The codec beside protobuf's own, on every message of the contract with random values, and its table beside the contract's."""

import dataclasses
import enum
import math
import random
import struct
import unittest

import stubs
from prenoise import status, wire
from prenoise.codec import Message
from prenoise.errors import WireError

ALPHABET = "abc \u00e9\u4e2d\U0001f642\0\n"
ROUNDS = 60  # of every message
KINDS = {1: "double", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 11: "message", 12: "bytes", 14: "enum"}


def messages(module):
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Message) and value.__module__ == module.__name__
    }


def shouting(name):
    """AttentionLoss to ATTENTION_LOSS_."""
    return "".join("_" + c if c.isupper() and i else c for i, c in enumerate(name)).upper() + "_"


class ContractTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pb, cls.rpc = stubs.generated()

    def descriptor(self, name):
        if name == "Duration":
            return self.pb.DESCRIPTOR.dependencies[0].message_types_by_name[name]
        return self.pb.DESCRIPTOR.message_types_by_name[name]

    def generated(self, name):
        """The generated class of a message."""
        if name == "Duration":
            return type(self.pb.Progress().elapsed)
        return getattr(self.pb, name)

    def test_every_message_and_every_enum_of_the_contract_is_there_and_no_other(self):
        self.assertEqual(set(messages(wire)) - {"Duration"}, set(self.pb.DESCRIPTOR.message_types_by_name))
        enums = {
            name: kind for name, kind in vars(wire).items() if isinstance(kind, type) and issubclass(kind, enum.IntEnum) and kind is not enum.IntEnum
        }
        self.assertEqual(set(enums), set(self.pb.DESCRIPTOR.enum_types_by_name))
        for name, kind in enums.items():
            with self.subTest(name):
                theirs = {v.name: v.number for v in self.pb.DESCRIPTOR.enum_types_by_name[name].values}
                self.assertEqual({shouting(name) + value.name: value.value for value in kind}, theirs)

    def test_every_field_has_the_contracts_name_number_and_kind(self):
        for name, message in messages(wire).items():
            with self.subTest(name):
                theirs = []
                for field in self.descriptor(name).fields:
                    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
                    oneof = field.containing_oneof
                    real = oneof is not None and not oneof.name.startswith("_")
                    of = field.message_type or field.enum_type
                    theirs.append(
                        (
                            field.name,
                            field.number,
                            "map" if is_map else KINDS[field.type],
                            None if is_map or of is None else of.name,
                            field.label == field.LABEL_REPEATED and not is_map,
                            field.has_presence and not is_map,
                            oneof.name if real else None,
                        )
                    )
                ours = [
                    (f.name.rstrip("_"), f.number, f.kind, None if f.type is None else f.type.__name__, f.repeated, f.presence, f.oneof)
                    for f in message.fields()
                ]
                self.assertEqual(ours, sorted(theirs, key=lambda field: field[1]))

    def test_protobuf_reads_what_the_codec_writes(self):
        chance = random.Random(1)
        for name, message in messages(wire).items():
            for _ in range(ROUNDS):
                ours = filled(message, chance)
                data = ours.encode()
                theirs = self.generated(name).FromString(data)
                same(self, ours, theirs, name)
                self.assertEqual(theirs.SerializeToString(deterministic=True), sorted_maps(ours).encode(), name)

    def test_the_codec_reads_what_protobuf_writes(self):
        chance = random.Random(2)
        for name, message in messages(wire).items():
            for _ in range(ROUNDS):
                theirs = self.generated(name)()
                theirs.MergeFromString(filled(message, chance).encode())
                data = theirs.SerializeToString() + b"\xa2\x3e\x03new"  # a field that the contract does not have yet
                same(self, message.decode(data), theirs, name)

    def test_what_is_cut_off_is_read_or_refused_as_protobuf_does(self):
        from google.protobuf.message import DecodeError

        chance = random.Random(3)
        chance.alphabet = "abc"  # protobuf tells standard error of every character that is cut in two
        refused = 0
        for name, message in messages(wire).items():
            data = filled(message, chance).encode()
            for end in sorted({chance.randrange(len(data) + 1) for _ in range(40)}):
                try:
                    theirs = self.generated(name).FromString(data[:end])
                except DecodeError:
                    refused += 1
                    with self.assertRaises(WireError, msg=name):
                        message.decode(data[:end])
                else:
                    same(self, message.decode(data[:end]), theirs, name)
        self.assertGreater(refused, 200)

    def test_details_of_a_status_are_read(self):
        bad = self.rpc.BadRequest(field_violations=[self.rpc.BadRequest.FieldViolation(field="width", description="width: -1")])
        retry = self.rpc.RetryInfo()
        retry.retry_delay.seconds, retry.retry_delay.nanos = 2, 500_000_000
        whole = self.rpc.Status(code=3, message="no")
        for detail, name in ((bad, "BadRequest"), (retry, "RetryInfo"), (bad, "Unheard")):
            whole.details.add(type_url=f"type.googleapis.com/google.rpc.{name}", value=detail.SerializeToString())
        self.assertEqual(status.details_of([("x", "y"), (status.TRAILER, whole.SerializeToString())]), ("width", 2.5))
        self.assertEqual(status.details_of([(status.TRAILER, b"\x08")]), (None, None))
        self.assertEqual(status.details_of(None), (None, None))


def filled(message, chance, depth=0):
    """A message with random values; about a third of its fields are left alone, and of a oneof at most one is set."""
    out = message()
    chosen = {}
    for field in message.fields():
        if field.oneof is not None:
            chosen.setdefault(field.oneof, chance.choice([f.name for f in message.fields() if f.oneof == field.oneof]))
    for field in message.fields():
        if chance.random() < 0.35 or field.oneof is not None and chosen[field.oneof] != field.name:
            continue
        if field.kind == "map":
            value = {text(chance): number(chance) for _ in range(chance.randrange(4))}
        elif field.repeated:
            value = [drawn(field, chance, depth) for _ in range(chance.randrange(4 if depth < 3 else 2))]
        else:
            value = drawn(field, chance, depth)
        setattr(out, field.name, value)
    return out


def drawn(field, chance, depth):
    kind = field.kind
    if kind == "message":
        return filled(field.type, chance, depth + 1)
    if kind == "enum":
        return chance.choice([*field.type, 77, -5])
    if kind == "double":
        return number(chance)
    if kind == "bool":
        return chance.random() < 0.5
    if kind == "string":
        return text(chance)
    if kind == "bytes":
        return chance.randbytes(chance.randrange(40))
    low, high = {"int32": (-(1 << 31), (1 << 31) - 1), "int64": (-(1 << 63), (1 << 63) - 1), "uint64": (0, (1 << 64) - 1)}[kind]
    return chance.choice([low, high, 0, chance.randrange(max(low, -300), 300), chance.randrange(low, high + 1)])


def number(chance):
    return chance.choice([0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, chance.gauss(0, 1), struct.unpack("<d", chance.randbytes(8))[0]])


def text(chance):
    return "".join(chance.choice(getattr(chance, "alphabet", ALPHABET)) for _ in range(chance.randrange(6)))


def sorted_maps(message):
    """The message with the entries of its maps in the order in which protobuf writes them on request."""
    if not isinstance(message, Message):
        return message
    out = dataclasses.replace(message)
    for field in message.fields():
        value = getattr(message, field.name)
        if field.kind == "map":
            setattr(out, field.name, dict(sorted(value.items(), key=lambda entry: entry[0].encode())))
        elif field.kind == "message":
            setattr(out, field.name, [sorted_maps(item) for item in value] if field.repeated else sorted_maps(value))
    return out


def same(test, ours, theirs, path):
    for field in ours.fields():
        name = field.name.rstrip("_")
        value, where = getattr(ours, field.name), f"{path}.{name}"
        if field.presence:
            test.assertEqual(value is not None, theirs.HasField(name), where)
            if value is None:
                continue
        other = getattr(theirs, name)
        if field.kind == "map":
            test.assertEqual(set(value), set(other), where)
            for key in value:
                same_scalar(test, value[key], other[key], where)
        elif field.repeated:
            test.assertEqual(len(value), len(other), where)
            for one, another in zip(value, other):
                same(test, one, another, where) if field.kind == "message" else same_scalar(test, one, another, where)
        elif field.kind == "message":
            same(test, value, other, where)
        else:
            same_scalar(test, value, other, where)


def same_scalar(test, ours, theirs, where):
    if isinstance(ours, float):
        # Bit for bit, but for the payload of what is no number.
        equal = math.isnan(ours) and math.isnan(theirs) or struct.pack("<d", ours) == struct.pack("<d", theirs)
        test.assertTrue(equal, f"{where}: {ours!r} and {theirs!r}")
    else:
        test.assertEqual(ours, theirs, where)


if __name__ == "__main__":
    unittest.main()

"""Protocol buffers' wire format for plain dataclasses, as far as the contract uses it.

Hosts pin one protobuf runtime, and generated modules refuse another, so this package brings its own: a message is a dataclass whose
fields carry their number and kind, encoded and decoded by tables made from them. What it writes is canonical (fields by number, numbers
packed, defaults left out); what it reads may be anything that protobuf allows: fields in any order, repeated singular fields, packed or not,
fields of a newer contract, which are skipped. Bytes that are no message raise `WireError`, never anything else.

Not supported because the contract has no use for it: groups (skipped when read), fixed32 and zigzag fields, extensions, recursive messages.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import operator
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type, TypeVar, Union

from .errors import WireError

VARINT, FIXED64, LENGTH, GROUP, GROUP_END, FIXED32 = range(6)

M = TypeVar("M", bound="Message")
Buffer = Union[bytes, bytearray, memoryview]


class Field(NamedTuple):
    """One field of a message, as the contract declares it."""

    name: str
    number: int
    kind: str  # "int32", "int64", "uint64", "double", "bool", "string", "bytes", "enum", "message" or "map" (of string to double)
    type: Optional[type] = None  # the class of an enum's or a message's values
    repeated: bool = False
    presence: bool = False  # None = not set: messages, `optional` fields, members of a oneof
    oneof: Optional[str] = None


def _declare(number: int, kind: str, default: Any, of: Optional[type] = None, presence: bool = False, oneof: Optional[str] = None) -> Any:
    metadata = {"prenoise": (number, kind, of, default is list, presence, oneof)}
    if default in (list, dict):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def int32(number: int) -> Any:
    return _declare(number, "int32", 0)


def int64(number: int) -> Any:
    return _declare(number, "int64", 0)


def uint64(number: int) -> Any:
    return _declare(number, "uint64", 0)


def double(number: int) -> Any:
    return _declare(number, "double", 0.0)


def optional_double(number: int) -> Any:
    return _declare(number, "double", None, presence=True)


def boolean(number: int) -> Any:
    return _declare(number, "bool", False)


def string(number: int) -> Any:
    return _declare(number, "string", "")


def raw(number: int) -> Any:
    return _declare(number, "bytes", b"")


def choice(number: int, of: Type[enum.IntEnum]) -> Any:
    return _declare(number, "enum", of(0), of)


def one(number: int, of: Type["Message"]) -> Any:
    return _declare(number, "message", None, of, presence=True)


def member(number: int, of: Type["Message"], oneof: str) -> Any:
    """A member of a oneof; of the contract's oneofs every member is a message."""
    return _declare(number, "message", None, of, presence=True, oneof=oneof)


def many(number: int, of: Union[str, type]) -> Any:
    """A repeated field: of a message, of an enum, or of a kind by name."""
    if isinstance(of, str):
        return _declare(number, of, list)
    return _declare(number, "enum" if issubclass(of, enum.IntEnum) else "message", list, of)


def doubles_by_name(number: int) -> Any:
    """A map<string, double>."""
    return _declare(number, "map", dict)


class Message:
    """A message of the contract: a dataclass whose fields know how they are written."""

    @classmethod
    def fields(cls) -> Tuple[Field, ...]:
        """The message's fields by number."""
        return _table(cls).fields

    def encode(self) -> bytes:
        """The message's bytes. Raises WireError where a field holds what the contract has no room for."""
        out: List[bytes] = []
        _write(self, out)
        return b"".join(out)

    @classmethod
    def decode(cls: Type[M], data: Buffer) -> M:
        """The message that the bytes hold. Raises WireError where they hold none."""
        message = cls()
        try:
            _read(message, memoryview(data).cast("B"))
        except TypeError as error:
            raise WireError(f"{cls.__name__}: {type(data).__name__} (expected: bytes)") from error
        return message

    def which(self, oneof: str) -> Optional[str]:
        """The name of the member of a oneof that is set, or None."""
        for name in _table(type(self)).oneofs[oneof]:
            if getattr(self, name) is not None:
                return name
        return None

    def __repr__(self) -> str:
        parts = []
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if value is None or value in ([], {}, b"", "", 0):
                continue
            if isinstance(value, (bytes, bytearray, memoryview)):
                value = f"<{len(value)} bytes>"
            elif isinstance(value, list) and value and isinstance(value[0], (bytes, bytearray, memoryview)):
                value = "[" + ", ".join(f"<{len(item)} bytes>" for item in value) + "]"
            elif isinstance(value, enum.IntEnum):
                value = value.name
            else:
                value = repr(value)
            parts.append(f"{field.name}={value}")
        return f"{type(self).__name__}({', '.join(parts)})"


class _Table(NamedTuple):
    fields: Tuple[Field, ...]
    by_number: Dict[int, Field]
    oneofs: Dict[str, List[str]]


@functools.lru_cache(maxsize=None)
def _table(cls: type) -> _Table:
    fields = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        number, kind, of, repeated, presence, oneof = field.metadata["prenoise"]
        fields.append(Field(field.name, number, kind, of, repeated, presence, oneof))
    fields.sort(key=lambda field: field.number)
    oneofs: Dict[str, List[str]] = {}
    for field in fields:
        if field.oneof is not None:
            oneofs.setdefault(field.oneof, []).append(field.name)
    return _Table(tuple(fields), {field.number: field for field in fields}, oneofs)


# --- writing ---


def _varint(value: int) -> bytes:
    """Of a value from 0 to 2^64 - 1."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_RANGES = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "enum": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint64": (0, (1 << 64) - 1),
}


def _refuse(message: Message, field: Field, value: Any, expected: str) -> WireError:
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return WireError(f"{type(message).__name__}.{field.name}: {shown} (expected: {expected})")


def _number(message: Message, field: Field, value: Any) -> Union[int, float]:
    """The value of a numeric field, checked; numpy's and torch's own scalars are taken too."""
    if field.kind == "double":
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise _refuse(message, field, value, "a number") from error
    if field.kind == "bool":
        return 1 if value else 0
    try:
        number = operator.index(value)
    except TypeError as error:
        raise _refuse(message, field, value, f"a whole number, {field.kind}") from error
    low, high = _RANGES[field.kind]
    if not low <= number <= high:
        raise _refuse(message, field, value, f"{field.kind}, {low} to {high}")
    return number


def _scalar(message: Message, field: Field, value: Any) -> bytes:
    """A scalar without its tag; text and bytes with their length."""
    kind = field.kind
    if kind == "string":
        if not isinstance(value, str):
            raise _refuse(message, field, value, "a string")
        try:
            text = value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _refuse(message, field, value, "text without lone surrogates") from error
        return _varint(len(text)) + text
    if kind == "bytes":
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise _refuse(message, field, value, "bytes")
        data = bytes(value)
        return _varint(len(data)) + data
    number = _number(message, field, value)
    if kind == "double":
        return struct.pack("<d", number)
    return _varint(int(number) & 0xFFFFFFFFFFFFFFFF)


def _is_default(kind: str, value: Any) -> bool:
    if kind == "double":
        return value == 0 and math.copysign(1.0, value) > 0
    return not value


_WIRE_TYPES = {"double": FIXED64, "string": LENGTH, "bytes": LENGTH, "message": LENGTH, "map": LENGTH}


def _tag(field: Field) -> bytes:
    return _varint(field.number << 3 | _WIRE_TYPES.get(field.kind, VARINT))


def _nested(message: Message, field: Field, value: Any, out: List[bytes]) -> None:
    assert field.type is not None
    if not isinstance(value, field.type):
        raise _refuse(message, field, value, f"a {field.type.__name__}")
    inner: List[bytes] = []
    _write(value, inner)
    out.append(_tag(field))
    out.append(_varint(sum(map(len, inner))))
    out.extend(inner)


def _write(message: Any, out: List[bytes]) -> None:
    table = _table(type(message))
    for name, members in table.oneofs.items():
        given = [member for member in members if getattr(message, member) is not None]
        if len(given) > 1:
            raise WireError(f"{type(message).__name__}.{name}: {' and '.join(given)} (expected: one of them)")
    for field in table.fields:
        value = getattr(message, field.name)
        if field.kind == "map":
            for key, number in value.items():
                entry = b"\x0a" + _scalar(message, field._replace(kind="string"), key)
                entry += b"\x11" + _scalar(message, field._replace(kind="double"), number)
                out += (_tag(field), _varint(len(entry)), entry)
        elif field.kind == "message":
            for item in value if field.repeated else [] if value is None else [value]:
                _nested(message, field, item, out)
        elif field.repeated and field.kind in ("string", "bytes"):
            for item in value:
                out += (_tag(field), _scalar(message, field, item))
        elif field.repeated:
            packed = b"".join([_scalar(message, field, item) for item in value])
            if packed:
                out += (_varint(field.number << 3 | LENGTH), _varint(len(packed)), packed)
        elif field.presence:
            if value is not None:
                out += (_tag(field), _scalar(message, field, value))
        else:
            written = _scalar(message, field, value)
            if not _is_default(field.kind, value):
                out += (_tag(field), written)


# --- reading ---


def _truncated(message: Message) -> WireError:
    return WireError(f"{type(message).__name__}: the message ends in the middle of a field")


def _read_varint(message: Message, data: memoryview, at: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _truncated(message)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise WireError(f"{type(message).__name__}: a number of more than ten bytes")


def _read_bytes(message: Message, data: memoryview, at: int) -> Tuple[memoryview, int]:
    length, at = _read_varint(message, data, at)
    if length > len(data) - at:
        raise _truncated(message)
    return data[at : at + length], at + length


def _read_tag(message: Message, data: memoryview, at: int) -> Tuple[int, int, int]:
    tag, at = _read_varint(message, data, at)
    number, wire = tag >> 3, tag & 7
    if not 0 < number < 1 << 29:
        raise WireError(f"{type(message).__name__}: field number {number} (expected: 1 to {(1 << 29) - 1})")
    return number, wire, at


def _skip(message: Message, data: memoryview, at: int, number: int, wire: int) -> int:
    """Where the field after an unknown one begins."""
    if wire == VARINT:
        return _read_varint(message, data, at)[1]
    if wire == LENGTH:
        return _read_bytes(message, data, at)[1]
    if wire in (FIXED64, FIXED32):
        at += 8 if wire == FIXED64 else 4
        if at > len(data):
            raise _truncated(message)
        return at
    if wire == GROUP:
        open_groups = [number]
        while open_groups:
            number, wire, at = _read_tag(message, data, at)
            if wire == GROUP:
                open_groups.append(number)
            elif wire == GROUP_END:
                if open_groups.pop() != number:
                    raise WireError(f"{type(message).__name__}: group {number} ends and was not open")
            else:
                at = _skip(message, data, at, number, wire)
        return at
    raise WireError(f"{type(message).__name__}.{number}: wire type {wire} (expected: 0, 1, 2 or 5)")


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _from_varint(field: Field, value: int) -> Any:
    kind = field.kind
    if kind == "uint64":
        return value
    if kind == "int64":
        return _signed(value, 64)
    if kind == "bool":
        return value != 0
    number = _signed(value, 32)
    if kind == "enum":
        try:
            return field.type(number)  # type: ignore[misc]
        except ValueError:
            return number  # a value of a newer contract
    return number


def _text(message: Message, field: Field, data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise WireError(f"{type(message).__name__}.{field.name}: bytes that are no UTF-8") from error


def _read_entry(message: Message, field: Field, data: memoryview) -> Tuple[str, float]:
    key, value, at = "", 0.0, 0
    while at < len(data):
        number, wire, at = _read_tag(message, data, at)
        if number == 1 and wire == LENGTH:
            part, at = _read_bytes(message, data, at)
            key = _text(message, field, part)
        elif number == 2 and wire == FIXED64:
            end = _skip(message, data, at, number, wire)
            (value,) = struct.unpack_from("<d", data, at)
            at = end
        else:
            at = _skip(message, data, at, number, wire)
    return key, value


def _read_packed(message: Message, field: Field, data: memoryview) -> List[Any]:
    if field.kind == "double":
        if len(data) % 8:
            raise _truncated(message)
        return list(struct.unpack(f"<{len(data) // 8}d", data))
    values, at = [], 0
    while at < len(data):
        value, at = _read_varint(message, data, at)
        values.append(_from_varint(field, value))
    return values


def _read_length(message: Message, field: Field, part: memoryview) -> None:
    """Takes in what a length-delimited occurrence of a known field holds."""
    kind = field.kind
    if kind == "map":
        key, number = _read_entry(message, field, part)
        getattr(message, field.name)[key] = number
    elif kind == "message":
        assert field.type is not None
        inner = None if field.repeated else getattr(message, field.name)
        if inner is None:
            inner = field.type()
        _read(inner, part)
        _take(message, field, inner)
    elif kind == "string":
        _take(message, field, _text(message, field, part))
    elif kind == "bytes":
        _take(message, field, bytes(part))
    else:
        getattr(message, field.name).extend(_read_packed(message, field, part))


def _take(message: Message, field: Field, value: Any) -> None:
    if field.repeated:
        getattr(message, field.name).append(value)
        return
    if field.oneof is not None:
        for other in _table(type(message)).oneofs[field.oneof]:
            if other != field.name:
                setattr(message, other, None)
    setattr(message, field.name, value)


def _read(message: Any, data: memoryview) -> None:
    by_number = _table(type(message)).by_number
    at, end = 0, len(data)
    while at < end:
        number, wire, at = _read_tag(message, data, at)
        field = by_number.get(number)
        expected = None if field is None else _WIRE_TYPES.get(field.kind, VARINT)
        if field is not None and wire == LENGTH and (expected == LENGTH or field.repeated):
            part, at = _read_bytes(message, data, at)
            _read_length(message, field, part)
        elif field is not None and wire == VARINT and expected == VARINT:
            value, at = _read_varint(message, data, at)
            _take(message, field, _from_varint(field, value))
        elif field is not None and wire == FIXED64 and expected == FIXED64:
            start, at = at, _skip(message, data, at, number, wire)
            _take(message, field, struct.unpack_from("<d", data, start)[0])
        else:
            at = _skip(message, data, at, number, wire)

"""The wire format of Protocol Buffers, as far as Sparkplug payloads need it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_MOST = 1 << 64


class Malformed(ValueError):
    """Bytes that are no message."""


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number, wire type, content) of each field in order; raises Malformed.

    The content of a varint is its number, that of every other type its bytes.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            content, position = _varint(message, position)
            yield number, wire, content
            continue
        if wire == BYTES:
            length, position = _varint(message, position)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise Malformed(f"wire type {wire} is not known")
        if position + length > len(message):
            raise Malformed("a field ends behind its message")
        yield number, wire, message[position : position + length]
        position += length


def single(content: bytes) -> float:
    """The number in a field of type float."""
    return float(struct.unpack("<f", content)[0])


def double(content: bytes) -> float:
    """The number in a field of type double."""
    return float(struct.unpack("<d", content)[0])


def varint(number: int, value: int) -> bytes:
    """A field with a whole number."""
    return _written(number << 3 | VARINT) + _written(value)


def block(number: int, content: bytes) -> bytes:
    """A field with bytes, a text or a message."""
    return _written(number << 3 | BYTES) + _written(len(content)) + content


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise Malformed("a number ends behind its message")
        part = message[position]
        position += 1
        value |= (part & 0x7F) << shift
        if part < 0x80:
            break
    else:
        raise Malformed("a number is longer than ten bytes")
    return value % _MOST, position


def _written(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)

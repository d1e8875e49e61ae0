"""PUBLISH packets in the bytes of a session. Pure.

Nearly all a broker sends is PUBLISH: reading them here, many at a time, costs a tenth of what one at a time does.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

PUBLISH, PUBACK = 0x30, 0x40


class Malformed(ValueError):
    """Bytes that no broker sends."""


class Publish(NamedTuple):
    """A message as it came; `mid` is None at QoS 0, where nobody waits for an acknowledgement.

    `size` is the bytes of the payload as published, of which there may be fewer here.
    """

    topic: bytes
    payload: bytes
    mid: int | None
    retained: bool
    again: bool
    size: int


def whole(stream: bytes | bytearray, position: int = 0) -> int | None:
    """Where the packet that begins at a position ends, None while that is not known; raises Malformed."""
    length = 0
    for number, shift in enumerate((0, 7, 14, 21), position + 1):
        if number >= len(stream):
            return None
        part = stream[number]
        length |= (part & 0x7F) << shift
        if part < 0x80:
            return number + 1 + length
    raise Malformed("the length of a packet has more than four bytes")


def publishes(stream: bytes, most: int, *, properties: bool) -> tuple[list[Publish], int]:
    """The PUBLISH packets that stand whole at the beginning, `most` at most, and the bytes they take.

    `properties` stand in packets of version 5. Raises Malformed.
    """
    found: list[Publish] = []
    position, end = 0, len(stream)
    while position < end and stream[position] & 0xF0 == PUBLISH and len(found) < most:
        after = whole(stream, position)
        if after is None or after > end:
            break
        found.append(_publish(stream[position], stream[_behind_length(stream, position) : after], 0, properties))
        position = after
    return found, position


def beginning(stream: bytes, missing: int, *, properties: bool) -> Publish:
    """A PUBLISH packet that stands alone and of which the last bytes are `missing`; raises Malformed."""
    return _publish(stream[0], stream[_behind_length(stream, 0) :], missing, properties)


def acknowledgements(mids: Sequence[int]) -> bytes:
    """The PUBACK packets for some messages."""
    words = [PUBACK << 8 | 2] * (2 * len(mids))
    words[1::2] = mids
    return struct.pack(f">{len(words)}H", *words)


def _behind_length(stream: bytes, position: int) -> int:
    body = position + 2
    while stream[body - 1] & 0x80:
        body += 1
    return body


def _publish(head: int, body: bytes, missing: int, properties: bool) -> Publish:
    quality = head >> 1 & 3
    if quality > 1:
        raise Malformed("a message at QoS 2 or 3, which nobody subscribed to")
    topic_end = 2 + (body[0] << 8 | body[1]) if len(body) > 1 else 2
    start = topic_end + 2 * quality
    if start > len(body):
        raise Malformed("a message ends within its head")
    mid = body[topic_end] << 8 | body[topic_end + 1] if quality else None
    if properties:
        start = _behind_properties(body, start, missing)
    size = len(body) + missing - start
    return Publish(body[2:topic_end], body[start:], mid, bool(head & 1), bool(head & 8), size)


def _behind_properties(body: bytes, start: int, missing: int) -> int:
    length = 0
    for shift in (0, 7, 14, 21):
        if start >= len(body):
            raise Malformed("a message ends within its properties")
        part = body[start]
        start += 1
        length |= (part & 0x7F) << shift
        if part < 0x80:
            break
    if start + length > len(body) + missing:
        raise Malformed("a message ends within its properties")
    return start + length

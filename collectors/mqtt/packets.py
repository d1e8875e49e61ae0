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

    `size` is the bytes of the payload as published, of which there may be fewer here; `subscriptions` are the
    identifiers of those it came by, in version 5.
    """

    topic: bytes
    payload: bytes
    mid: int | None
    retained: bool
    again: bool
    size: int
    subscriptions: tuple[int, ...] = ()


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
    subscriptions: tuple[int, ...] = ()
    if properties:
        begin, start = _properties(body, start, missing)
        subscriptions = _subscriptions(body[begin:start]) if begin < start <= len(body) else ()
    size = len(body) + missing - start
    return Publish(body[2:topic_end], body[start:], mid, bool(head & 1), bool(head & 8), size, subscriptions)


def _properties(body: bytes, start: int, missing: int) -> tuple[int, int]:
    """Where the properties of a message begin and end."""
    begin, length = _varint(body, start)
    if begin + length > len(body) + missing:
        raise Malformed(_SHORT)
    return begin, begin + length


def _varint(body: bytes, start: int) -> tuple[int, int]:
    """The position behind a number of variable length, and the number."""
    number = 0
    for position, shift in enumerate((0, 7, 14, 21), start):
        if position >= len(body):
            raise Malformed(_SHORT)
        number |= (body[position] & 0x7F) << shift
        if body[position] < 0x80:
            return position + 1, number
    raise Malformed("a number in the properties of a message has more than four bytes")


_SHORT = "a message ends within its properties"
_SUBSCRIPTION, _PAIR, _TEXTS = 0x0B, 0x26, (0x03, 0x08, 0x09)
_FIXED = {0x01: 1, 0x02: 4, 0x23: 2}
"""Properties of a message: the bytes of those of one length; a text has its length before it, a pair is two texts."""


def _subscriptions(properties: bytes) -> tuple[int, ...]:
    """The identifiers of the subscriptions by which a message came."""
    found: list[int] = []
    position = 0
    while position < len(properties):
        kind, position = properties[position], position + 1
        if kind == _SUBSCRIPTION:
            position, number = _varint(properties, position)
            found.append(number)
        elif kind in _FIXED:
            position += _FIXED[kind]
        elif kind in _TEXTS or kind == _PAIR:
            for _ in range(2 if kind == _PAIR else 1):
                position += 2 + int.from_bytes(properties[position : position + 2])
        else:
            raise Malformed(f"a message with the property {kind}, which none has")
    return tuple(found)

"""Milesight sensors, port 85: channel, type and content, one after the other.

Known are temperature, humidity, leak, pulses and current of the EM300 and CT101 families with their histories, and what
every device says of itself. The length of an unknown channel is not known, so nothing behind it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collectors.mqtt.lorawan.measurement import Measurement, NoUplink, scaled
from meterbook.domain.instant import SECOND, Instant

PORT = 85

_FAILED = 0xFFFF
_Read = Callable[[bytes], list[Measurement]]


def _nothing(_content: bytes) -> list[Measurement]:
    return []


def _number(field: str, places: int, *, signed: bool = False) -> _Read:
    return lambda content: [Measurement(field, scaled(int.from_bytes(content, "little", signed=signed), places))]


def _humidity(content: bytes) -> list[Measurement]:
    return [Measurement("humidity", content[0] / 2)]


def _switch(content: bytes) -> list[Measurement]:
    return [Measurement("leak", content[0] == 1)]


def _current(content: bytes) -> list[Measurement]:
    whole = int.from_bytes(content, "little")
    return [] if whole == _FAILED else [Measurement("current", scaled(whole, 2))]


def _alarm(content: bytes) -> list[Measurement]:
    return _current(content[4:6])


_CHANNELS: Mapping[tuple[int, int], tuple[int, _Read]] = {
    (0x01, 0x75): (1, _number("battery", 0)),
    (0x03, 0x67): (2, _number("temperature", 1, signed=True)),
    (0x04, 0x68): (1, _humidity),
    (0x05, 0x00): (1, _switch),
    (0x05, 0xC8): (4, _number("pulses", 0)),
    (0x03, 0x97): (4, _number("total_current", 2)),
    (0x04, 0x98): (2, _current),
    (0x84, 0x98): (7, _alarm),
    (0xFF, 0x01): (1, _nothing),
    (0xFF, 0x09): (2, _nothing),
    (0xFF, 0x0A): (2, _nothing),
    (0xFF, 0x0B): (1, _nothing),
    (0xFF, 0x0F): (1, _nothing),
    (0xFF, 0x16): (8, _nothing),
    (0xFF, 0xFF): (2, _nothing),
}
"""By channel and type: how many bytes follow, and what they mean."""

_HISTORY = (0x20, 0xCE)
_SHORT, _WITH_LEAK, _WITH_PULSES = 7, 8, 13
_PULSES = 2


def read(port: int, sent: bytes) -> list[Measurement]:
    """The measurements of an uplink; raises NoUplink, with those before what cannot be read."""
    if port != PORT:
        raise NoUplink(f"port {port} is not {PORT}")
    found: list[Measurement] = []
    position = 0
    try:
        while sent[position:].strip(b"\0"):
            some, length = _channel(sent[position : position + 2], sent[position + 2 :])
            found += some
            position += 2 + length
    except NoUplink as error:
        raise NoUplink(str(error), found) from error
    return found


def _channel(named: bytes, content: bytes) -> tuple[list[Measurement], int]:
    """What a channel holds and its length, of all the bytes that follow."""
    if len(named) < 2:
        raise NoUplink("the bytes end within a channel")
    channel = named[0], named[1]
    if channel == _HISTORY:
        return _history(content)
    if channel not in _CHANNELS:
        raise NoUplink(f"channel {channel[0]:02X} {channel[1]:02X} is not known")
    length, meaning = _CHANNELS[channel]
    if len(content) < length:
        raise NoUplink("the bytes end within a channel")
    return meaning(content[:length]), length


def _history(content: bytes) -> tuple[list[Measurement], int]:
    """One entry of the history and its length: instant, temperature, humidity, and a leak, pulses or nothing.

    Before the count stands the level of the input.
    """
    length = _history_length(content)
    at: Instant = int.from_bytes(content[:4], "little") * SECOND
    now = [*_number("temperature", 1, signed=True)(content[4:6]), *_humidity(content[6:7])]
    if length == _WITH_PULSES:
        now += _number("pulses", 0)(content[9:13])
    elif length == _WITH_LEAK:
        now += _switch(content[7:8])
    return [one._replace(at=at, past=True) for one in now], length


def _history_length(content: bytes) -> int:
    """Entries tell neither their kind nor their length: it is the one behind which a channel begins, or the end."""
    kind = content[_SHORT] if len(content) > _SHORT else None
    if kind == _PULSES and _may_go_on(content, _WITH_PULSES):
        return _WITH_PULSES
    if kind in (0, 1) and _may_go_on(content, _WITH_LEAK):
        return _WITH_LEAK
    if _may_go_on(content, _SHORT):
        return _SHORT
    raise NoUplink("the bytes end within a history, or it is of a kind that is not read")


def _may_go_on(content: bytes, position: int) -> bool:
    behind = content[position : position + 2]
    is_channel = len(behind) == 2 and ((behind[0], behind[1]) in _CHANNELS or tuple(behind) == _HISTORY)
    return len(content) >= position and (is_channel or not content[position:].strip(b"\0"))

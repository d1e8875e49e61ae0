"""Milesight sensors, port 85: channel, type and content, one after the other.

Known are temperature, humidity, leak, pulses and current of the EM300 and CT101 families with their histories, and what
every device says of itself. The length of an unknown channel is not known, so nothing of such an uplink is read.
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
_PULSES = 2


def read(port: int, sent: bytes) -> list[Measurement]:
    """The measurements of an uplink; raises NoUplink."""
    if port != PORT:
        raise NoUplink(f"port {port} is not {PORT}")
    found: list[Measurement] = []
    position = 0
    while sent[position:].strip(b"\0"):
        channel = (sent[position], sent[position + 1] if position + 1 < len(sent) else 0)
        if channel == _HISTORY:
            past, length = _history(sent[position + 2 : position + 15])
            found += past
        elif channel in _CHANNELS:
            length, meaning = _CHANNELS[channel]
            content = sent[position + 2 : position + 2 + length]
            if len(content) < length:
                raise NoUplink("the bytes end within a channel")
            found += meaning(content)
        else:
            raise NoUplink(f"channel {channel[0]:02X} {channel[1]:02X} is not known")
        position += 2 + length
    return found


def _history(content: bytes) -> tuple[list[Measurement], int]:
    """One entry of the history and its length: instant, temperature, humidity, and a leak or a count of pulses.

    Before the count stands the level of the input.
    """
    if len(content) < 8 or (content[7] == _PULSES and len(content) < 13):
        raise NoUplink("the bytes end within a history")
    at: Instant = int.from_bytes(content[:4], "little") * SECOND
    now = [*_number("temperature", 1, signed=True)(content[4:6]), *_humidity(content[6:7])]
    pulses = content[7] == _PULSES
    now += _number("pulses", 0)(content[9:13]) if pulses else _switch(content[7:8])
    return [one._replace(at=at, past=True) for one in now], 13 if pulses else 8

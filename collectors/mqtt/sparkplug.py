"""The payload of Sparkplug B. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from collectors.mqtt.protobuf import BYTES, FIXED32, FIXED64, VARINT, Malformed, block, double, fields, single, varint
from meterbook.domain.instant import Instant

REBIRTH = "Node Control/Rebirth"

_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of the signed data types; they travel as unsigned numbers."""

_BOOLEAN = 11


class Metric(NamedTuple):
    """One metric; `value` is None where the device says null or sends what is no number and no text."""

    name: str | None
    alias: int | None
    timestamp: int | None
    datatype: int | None
    null: bool
    value: float | int | bool | str | None

    @property
    def untyped(self) -> bool:
        """Whether it is an integer that does not say of which type, and so not with which sign."""
        return self.datatype is None and isinstance(self.value, int) and not isinstance(self.value, bool)

    def typed(self, datatype: int | None) -> float | int | bool | str | None:
        """The value as a data type means it, be it the metric's own or that of its birth."""
        bits = _SIGNED.get(self.datatype or datatype or 0)
        if bits is None or isinstance(self.value, bool) or not isinstance(self.value, int):
            return self.value
        kept = self.value & (1 << bits) - 1
        return kept - (1 << bits) if kept >> bits - 1 else kept


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload: milliseconds since 1970, the sequence number from 0 to 255, and the metrics."""

    timestamp: int | None
    seq: int | None
    metrics: tuple[Metric, ...]
    uuid: str | None = None


def parse(payload: bytes) -> Payload:
    """The payload in some bytes; raises Malformed."""
    timestamp = seq = None
    uuid = None
    metrics: list[Metric] = []
    for number, wire, content in fields(payload):
        match number, wire, content:
            case 1, _, int():
                timestamp = content
            case 2, _, bytes():
                metrics.append(_metric(content))
            case 3, _, int():
                seq = content
            case 4, _, bytes():
                uuid = _text(content)
            case 1 | 2 | 3 | 4, _, _:
                raise Malformed(f"field {number} is of another kind")
    return Payload(timestamp, seq, tuple(metrics), uuid)


_NUMBERS = {2: "alias", 3: "timestamp", 4: "datatype", 7: "null", 10: "value", 11: "value", 14: "value"}
_KINDS = {1: BYTES, 12: FIXED32, 13: FIXED64, 15: BYTES, **dict.fromkeys(_NUMBERS, VARINT)}
"""What each field of a metric that is read must be."""


def _metric(content: bytes) -> Metric:
    name: str | None = None
    found: dict[str, int] = {}
    value: float | int | bool | str | None = None
    for number, wire, part in fields(content):
        if number in _KINDS and wire != _KINDS[number]:
            raise Malformed(f"field {number} of a metric is of another kind")
        if isinstance(part, int):
            found[_NUMBERS.get(number, "")] = part
            value = (bool(part) if number == 14 else part) if number in (10, 11, 14) else value
        elif number == 1:
            name = _text(part)
        elif number in (12, 13):
            value = single(part) if number == 12 else double(part)
        elif number == 15:
            value = _text(part)
    null = bool(found.get("null"))
    return Metric(
        name, found.get("alias"), found.get("timestamp"), found.get("datatype"), null, None if null else value
    )


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error


def rebirth_request(now: Instant) -> bytes:
    """The command that asks an edge node to say again who it is."""
    metric = block(1, REBIRTH.encode()) + varint(3, now // 1_000) + varint(4, _BOOLEAN) + varint(14, 1)
    return varint(1, now // 1_000) + block(2, metric)

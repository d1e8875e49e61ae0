"""Axioma Qalcosonic W1, port 100: the daily frame of 51 bytes.

version 1, seconds since 1970 (4), status (1), litres at the beginning of the log (4), 23 steps of 14 bits in litres,
6 bits of step multiplier. All is little-endian. The volume at the frame's own instant is the log's beginning plus all
steps; the instants of the steps are not in the frame, so they are not read.
"""

from __future__ import annotations

from collectors.mqtt.lorawan.measurement import Measurement, NoUplink, scaled
from meterbook.domain.instant import SECOND

PORT, LENGTH, VERSION = 100, 51, 1
STEPS, STEP_BITS = 23, 14

_BACKFLOW, _BURST, _LEAK, _LOW_BATTERY, _EMPTY = 0x60, 0xA0, 0x20, 0x04, 0x10


def read(port: int, sent: bytes) -> list[Measurement]:
    """The measurements of a frame; raises NoUplink."""
    if port != PORT or len(sent) != LENGTH or sent[0] != VERSION:
        raise NoUplink(f"{len(sent)} bytes on port {port} are no daily frame of a Qalcosonic W1")
    at = int.from_bytes(sent[1:5], "little") * SECOND
    status = sent[5]
    packed = int.from_bytes(sent[10:], "little")
    if packed >> STEPS * STEP_BITS:
        raise NoUplink("the steps of the frame have a multiplier, whose meaning is not known")
    litres = int.from_bytes(sent[6:10], "little")
    litres += sum(packed >> STEP_BITS * step & (1 << STEP_BITS) - 1 for step in range(STEPS))
    backflow, burst = status & _BACKFLOW == _BACKFLOW, status & _BURST == _BURST
    return [
        Measurement("volume", scaled(litres, 3), at),
        Measurement("leak", bool(status & _LEAK) and not backflow and not burst, at),
        Measurement("burst", burst, at),
        Measurement("backflow", backflow, at),
        Measurement("empty", status == _EMPTY, at),
        Measurement("battery_low", bool(status & _LOW_BATTERY), at),
    ]

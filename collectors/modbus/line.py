"""What a read costs: the time it keeps the line busy. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from meterbook.domain.instant import Instant
from meterbook.domain.profile import Table

BITS: tuple[Table, ...] = ("coil", "discrete")
"""The tables whose values are single bits."""

DEFAULT_BAUD = 9600
"""The speed of a serial line that nothing is said about."""

CHARACTER_BITS = 11
"""Start, eight of content, parity or a second stop, stop: what a character takes on a Modbus line."""

REQUEST = 8
"""Characters of a request: unit, function, address, count, checksum."""

REPLY = 5
"""Characters of a reply beside its content: unit, function, byte count, checksum."""

_SHORTEST_GAP = 1_750_000  # above 19200 Bd the gap no longer shrinks: 1.75 ms
_FAST = 19_200
_ROUND_TRIP = 10_000_000
_OCTET = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """The way to a device: a serial line of `baud` bits a second, or none (None): Ethernet all the way.

    `rest` is the silence kept after each answer, in microseconds. A line never gets faster than this; without one a
    read costs about the same whatever it fetches.
    """

    baud: int | None = None
    rest: Instant = 0

    @property
    def character(self) -> int:
        """Nanoseconds of one character, an even number of them so that gaps come out whole; 0 without a line."""
        return CHARACTER_BITS * 500_000_000 // self.baud * 2 if self.baud else 0

    @property
    def gap(self) -> int:
        """Nanoseconds of silence that set a frame apart: 3.5 characters, at least 1.75 ms above 19200 Bd."""
        if not self.baud:
            return 0
        return self.character * 7 // 2 if self.baud <= _FAST else _SHORTEST_GAP

    def cost(self, table: Table, count: int) -> int:
        """Nanoseconds that a read of `count` registers or bits takes: request, reply, two gaps and the rest."""
        octets = -(-count // 8) if table in BITS else 2 * count
        rest = self.rest * 1_000
        if not self.baud:
            return _ROUND_TRIP + octets * _OCTET + rest
        return (REQUEST + REPLY + octets) * self.character + 2 * self.gap + rest

    def telling(self, table: Table, count: int) -> int:
        """Nanoseconds that an answer takes on the line, with the gaps around it; 0 without a line."""
        octets = -(-count // 8) if table in BITS else 2 * count
        return (REPLY + octets) * self.character + 2 * self.gap

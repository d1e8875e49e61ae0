"""Meters on a serial line behind a transparent gateway: RTU frames over TCP, at the speed of the line or counted."""

from __future__ import annotations

import statistics
import struct
import threading
import time
from collections.abc import Callable, Sequence

from peers.wire import crc, registers

Meter = Callable[[int, int, int], Sequence[int] | None]
"""The words of (function, address, count), or None for silence."""

GAP_CHARACTERS = 3.5
SHORTEST_GAP = 0.00175


def rtu_request(piece: bytes) -> tuple[int, int, int, int]:
    """(unit, function, address, count) of a read request; AssertionError for a frame that is none."""
    assert len(piece) == 8, piece.hex()
    assert crc(piece[:6]) == piece[6:], piece.hex()
    unit, function, address, count = struct.unpack(">BBHH", piece[:6])
    assert 1 <= function <= 4, f"function code {function} left"
    return unit, function, address, count


def rtu_reply(unit: int, body: bytes) -> bytes:
    """A frame around function code and content."""
    frame = bytes([unit]) + body
    return frame + crc(frame)


class RtuLine:
    """Answers for `meters` (by unit) and keeps the books of the line.

    `busy` is how long, in seconds, the line was in use: 11 bits a character at `baud`, a silent gap of 3.5 characters
    after each frame, `turnaround` before each answer. `idle` are the times it waited for the next question after an
    answer. With `slow` every exchange takes its time; without, answers come at once and time is only counted.
    """

    def __init__(
        self, meters: dict[int, Meter], baud: int = 9600, *, turnaround: float = 0.0, slow: bool = False
    ) -> None:
        self._meters = meters
        self._character = 11 / baud
        self._gap = GAP_CHARACTERS * self._character if baud <= 19200 else SHORTEST_GAP
        self._turnaround = turnaround
        self._slow = slow
        self._answered: float | None = None
        self._lock = threading.Lock()
        self.asked: list[tuple[int, int, int, int]] = []
        self.busy = 0.0
        self.idle: list[float] = []

    def __call__(self, piece: bytes, send: Callable[[bytes], None]) -> None:
        """One question; give the object to a Wire."""
        came = time.monotonic()
        with self._lock:
            if self._answered is not None:
                self.idle.append(came - self._answered)
            question = rtu_request(piece)
            self.asked.append(question)
            unit, function, address, count = question
            words = self._meters[unit](function, address, count) if unit in self._meters else None
            reply = b"" if words is None else rtu_reply(unit, registers(function, list(words)))
            taken = self._taken(piece, reply)
            self.busy += taken
            if self._slow:
                time.sleep(max(0.0, came + taken - time.monotonic()))
            self._answered = time.monotonic() if reply else None
        send(reply)

    def _taken(self, request: bytes, reply: bytes) -> float:
        taken = len(request) * self._character + self._gap
        return taken + (self._turnaround + len(reply) * self._character + self._gap if reply else 0.0)

    @property
    def occupancy(self) -> float:
        """The share of the time in which the line was in use, where each wait was as long as half of them were.

        The machine that tests run on halts us at times; a line that waits for its master does so after most answers.
        """
        return self.busy / (self.busy + statistics.median(self.idle) * len(self.idle))


def zeros(_function: int, _address: int, count: int) -> list[int]:
    """A meter that says 0 wherever it is asked."""
    return [0] * count

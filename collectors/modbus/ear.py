"""RTU frames that nobody asked for: they carry no number and may pass for the answer to the next question. Pure."""

from __future__ import annotations

SHORTEST = 5
"""Characters of the shortest answer: unit, function, exception code or byte count, checksum."""


class Ear:
    """Hears every frame of a connection; of one question, only the first frame of its unit was asked for."""

    def __init__(self) -> None:
        self.unasked: set[int] = set()
        self._open: int | None = None

    def asks(self, unit: int) -> None:
        """A question leaves."""
        self._open = unit

    def hears(self, data: bytes) -> None:
        """Bytes came."""
        for unit in units(data):
            if unit == self._open:
                self._open = None
            else:
                self.unasked.add(unit)


def units(data: bytes) -> list[int]:
    """Whose answers to reads, whole and with a right checksum, stand in some bytes; noise is none."""
    found: list[int] = []
    at = 0
    while at + SHORTEST <= len(data):
        size = _size(data[at + 1], data[at + 2])
        end = at + size
        if size and end <= len(data) and _sound(data[at:end]):
            found.append(data[at])
            at = end
        else:
            at += 1
    return found


def _size(function: int, count: int) -> int:
    """Characters of an answer by its second and third; 0 for none to a read."""
    if not 1 <= function & 0x7F <= 4:
        return 0
    return SHORTEST if function & 0x80 else SHORTEST + count


def _sound(frame: bytes) -> bool:
    """Whether the checksum of a frame is right: over the frame with its checksum it is 0."""
    value = 0xFFFF
    for octet in frame:
        value = value >> 8 ^ _CHECKSUMS[(value ^ octet) & 0xFF]
    return value == 0


def _checksum(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0xA001 if octet & 1 else 0)
    return octet


_CHECKSUMS = [_checksum(octet) for octet in range(256)]

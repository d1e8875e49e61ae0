"""RTU frames that nobody asked for: they carry no number and may pass for the answer to the next question. Pure."""

from __future__ import annotations

from collectors.modbus.doubt import Shape

SHORTEST = 5
"""Characters of the shortest answer: unit, function, exception code or byte count, checksum."""


class Ear:
    """Hears every frame of a connection; of one question, only the first frame of its unit was asked for.

    `unasked` are the others, until they are taken out. A first one that does not fit its question is among them.
    """

    def __init__(self) -> None:
        self.unasked: list[Shape] = []
        self._open: Shape | None = None

    def asks(self, shape: Shape) -> None:
        """A question leaves, to be answered in this shape or refused."""
        self._open = shape

    def hears(self, data: bytes) -> None:
        """Bytes came."""
        for frame in frames(data):
            expected, of_unit = self._open, self._open is not None and frame.unit == self._open.unit
            if of_unit:
                self._open = None
            if not of_unit or (frame != expected and not frame.function & 0x80):
                self.unasked.append(frame)


def frames(data: bytes) -> list[Shape]:
    """The answers to reads, whole and with a right checksum, that stand in some bytes; noise is none."""
    found: list[Shape] = []
    at = 0
    while at + SHORTEST <= len(data):
        size = _size(data[at + 1], data[at + 2])
        end = at + size
        if size and end <= len(data) and _sound(data[at:end]):
            found.append(Shape(data[at], data[at + 1], size - SHORTEST))
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

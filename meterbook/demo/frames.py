"""Modbus frames as a device sees them, on TCP (MBAP header) and on a serial line behind TCP (CRC). Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

READS = (3, 4)
"""Read holding registers, read input registers: all that this hospital answers."""
MOST_REGISTERS = 125

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3

RTU_REQUEST = 8
"""Bytes of a read request on a serial line."""
MBAP_HEADER = 6
"""Bytes of a TCP frame before the part whose length it gives."""
_LONGEST = 254


class BadFrame(ValueError):
    """Bytes that are no Modbus request; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a master asks of a unit; `transaction` is 0 on a serial line."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int


def crc(frame: bytes) -> bytes:
    """The two check bytes of a serial frame (CRC-16/MODBUS, low byte first)."""
    register = 0xFFFF
    for byte in frame:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return struct.pack("<H", register)


def rtu_request(frame: bytes) -> Request:
    """The read request in eight bytes from a serial line; raises BadFrame."""
    if len(frame) != RTU_REQUEST or crc(frame[:-2]) != frame[-2:]:
        raise BadFrame(f"{frame.hex(' ')} is no serial read request with a good CRC")
    unit, function, address, count = struct.unpack(">BBHH", frame[:-2])
    return Request(0, unit, function, address, count)


def mbap_length(header: bytes) -> int:
    """How many bytes follow the six bytes of a TCP header; raises BadFrame."""
    _, protocol, length = struct.unpack(">HHH", header)
    if protocol != 0 or not 2 <= length <= _LONGEST:
        raise BadFrame(f"{header.hex(' ')} is no Modbus TCP header")
    return int(length)


def mbap_request(header: bytes, body: bytes) -> Request:
    """The request in a TCP frame; a body that is no read request keeps its function, with a count of 0."""
    (transaction,) = struct.unpack(">H", header[:2])
    unit, function = body[:2]
    address, count = struct.unpack(">HH", body[2:]) if len(body) == 6 else (0, 0)
    return Request(transaction, unit, function, address, count)


def words_answer(words: Sequence[int]) -> bytes:
    """The part of a good answer after unit and function."""
    return struct.pack(f">B{len(words)}H", 2 * len(words), *words)


def rtu_answer(request: Request, answer: bytes | int) -> bytes:
    """A serial frame that answers with data, or with an exception code."""
    frame = _unit_and_function(request, answer)
    return frame + crc(frame)


def mbap_answer(request: Request, answer: bytes | int) -> bytes:
    """A TCP frame that answers with data, or with an exception code."""
    frame = _unit_and_function(request, answer)
    return struct.pack(">HHH", request.transaction, 0, len(frame)) + frame


def _unit_and_function(request: Request, answer: bytes | int) -> bytes:
    if isinstance(answer, int):
        return bytes((request.unit, request.function | 0x80, answer))
    return bytes((request.unit, request.function)) + answer

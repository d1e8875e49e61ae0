"""A million broken replies through the framing that production uses: no crash, no value out of a broken frame."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable

import pytest
from peers.rtu import rtu_reply
from peers.wire import crc, tcp_reply
from pymodbus.exceptions import ModbusException

from collectors.modbus.plan import Block
from collectors.modbus.source import FUNCTIONS, Failed, answer, client_of
from meterbook.domain.device import ModbusConnection

TRANSACTION = 0x0102
TABLES = list(FUNCTIONS)


def body(block: Block, shuffled: random.Random) -> bytes:
    """Function code and content of a right answer."""
    octets = -(-block.count // 8) if block.table in ("coil", "discrete") else 2 * block.count
    return bytes([FUNCTIONS[block.table], octets]) + shuffled.randbytes(octets)


def broken(frame: bytes, other: bytes, shuffled: random.Random) -> bytes:
    """A frame after an accident."""
    kind = shuffled.randrange(8)
    if kind == 0:
        return shuffled.randbytes(shuffled.randrange(1, 260))
    if kind == 1:
        return frame[: shuffled.randrange(len(frame))]
    if kind == 2:
        return shuffled.randbytes(shuffled.randrange(1, 8)) + frame
    if kind == 3:
        return frame[: shuffled.randrange(len(frame))] + other
    if kind == 4:
        cut = shuffled.randrange(len(frame))
        return frame[:cut] + frame[cut + 1 :]
    if kind == 5:
        return other
    flipped = bytearray(frame)
    for _ in range(shuffled.choice([1, 1, 2, 3, 20])):
        flipped[shuffled.randrange(len(flipped))] ^= 1 << shuffled.randrange(8)
    return bytes(flipped)


def content(octets: bytes, block: Block) -> list[int]:
    """What the content of an answer means, read by hand."""
    if block.table in ("coil", "discrete"):
        return [octets[place // 8] >> place % 8 & 1 for place in range(block.count)]
    return list(struct.unpack(f">{block.count}H", octets))


def rtu_truths(stream: bytes, unit: int, block: Block) -> list[list[int]]:
    """Every right answer to the question that stands anywhere in a stream, checksum and all."""
    function, octets = body(block, random.Random(0))[:2]
    size = 3 + octets + 2
    return [
        content(stream[at + 3 : at + size - 2], block)
        for at in range(len(stream) - size + 1)
        if stream[at : at + 3] == bytes([unit, function, octets])
        and crc(stream[at : at + size - 2]) == stream[at + size - 2 : at + size]
    ]


def tcp_truths(stream: bytes, unit: int, block: Block) -> list[list[int]]:
    """The same for frames with a header; the number may be missing, as some gateways leave it out."""
    function, octets = body(block, random.Random(0))[:2]
    heads = [struct.pack(">HHHBBB", number, 0, 3 + octets, unit, function, octets) for number in (TRANSACTION, 0)]
    return [
        content(stream[at + 9 : at + 9 + octets], block)
        for at in range(len(stream) - 8 - octets)
        if stream[at : at + 9] in heads
    ]


Hear = Callable[[bytes, int, Block], "list[int] | None"]


def heard(transport: str, proof: Callable[[Hear], None]) -> None:
    """Runs a proof with a function that gives what production makes of (stream, unit, block): words or None."""
    shuffled = random.Random(f"pieces {transport}")

    async def listening() -> None:
        context = client_of(ModbusConnection("bus", transport, "127.0.0.1", 1)).ctx
        loop = asyncio.get_running_loop()

        def hear(stream: bytes, unit: int, block: Block) -> list[int] | None:
            context.recv_buffer = b""
            context.request_dev_id = unit
            context.request_transaction_id = TRANSACTION if transport == "tcp" else 0
            context.response_future = loop.create_future()
            cut = shuffled.randrange(len(stream) + 1)
            try:
                for piece in (stream[:cut], stream[cut:]):
                    context.data_received(piece)
                return list(answer(context.response_future.result(), unit, block))
            except (ModbusException, Failed, asyncio.InvalidStateError):
                return None

        proof(hear)

    asyncio.run(listening())


@pytest.mark.parametrize("transport", ["rtu-over-tcp", "tcp"])
def test_no_value_comes_out_of_a_broken_frame(counts, transport):
    """Random bytes, flipped bits, lost and doubled bytes, cut frames, answers to other questions, in two pieces."""
    shuffled = random.Random(f"frames {transport}")
    truths = tcp_truths if transport == "tcp" else rtu_truths

    def proof(hear: Hear) -> None:
        taken = 0
        for _ in range(counts(500_000)):
            unit = shuffled.randrange(1, 248)
            block, other = (Block(shuffled.choice(TABLES), 0, shuffled.choice([1, 2, 2, 8, 9, 40]), ()) for _ in "ab")
            right, wrong = body(block, shuffled), body(other, shuffled)
            stranger = shuffled.choice([unit, unit % 247 + 1])
            if transport == "tcp":
                late = tcp_reply(shuffled.choice([TRANSACTION, TRANSACTION - 1]), stranger, wrong)
                stream = broken(tcp_reply(TRANSACTION, unit, right), late, shuffled)
            else:
                stream = broken(rtu_reply(unit, right), rtu_reply(stranger, wrong), shuffled)
            words = hear(stream, unit, block)
            if words is not None:
                taken += 1
                assert words in truths(stream, unit, block), stream.hex()
        assert taken, "not one stream held an answer: the oracle was never asked"

    heard(transport, proof)


@pytest.mark.parametrize("transport", ["rtu-over-tcp", "tcp"])
@pytest.mark.parametrize("table", TABLES)
def test_a_whole_frame_is_taken(transport, table):
    block = Block(table, 7, 21, ())
    right = body(block, random.Random(1))
    frame = tcp_reply(TRANSACTION, 9, right) if transport == "tcp" else rtu_reply(9, right)

    def proof(hear: Hear) -> None:
        assert hear(frame, 9, block) == content(right[2:], block)
        assert hear(frame, 8, block) is None

    heard(transport, proof)


@pytest.mark.parametrize(
    "content",
    ["0403", "0405 0001 0002 00", "0404 0001 0002 0003", "0404 0001", "04 04", "0400", "0103 01", "0101", "0102 01"],
)
def test_a_byte_count_that_does_not_count_gives_nothing(content):
    """Frames of TCP carry no checksum; pymodbus takes the words it finds, whatever the count says."""
    reply = bytes.fromhex(content)
    block = Block("input", 0, 2, ()) if reply[0] == 4 else Block("coil", 0, 8, ())

    def proof(hear: Hear) -> None:
        assert hear(tcp_reply(TRANSACTION, 1, reply), 1, block) is None

    heard("tcp", proof)

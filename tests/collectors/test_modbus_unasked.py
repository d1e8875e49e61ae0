"""RTU frames carry no number: what nobody asked for is noticed, and nothing near it is believed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

import pytest
from peers.intake import HeldIntake
from peers.rtu import rtu_reply, rtu_request
from peers.small import profile, register, slave
from peers.waiting import eventually
from peers.wire import Send, Wire, registers

from collectors.modbus.bus import ModbusCollector
from collectors.modbus.ear import Ear, units
from collectors.modbus.line import Line
from collectors.modbus.plan import Block
from collectors.modbus.source import Link, Misfit
from meterbook.domain.device import ModbusConnection

MS = 1_000
SECOND = 1_000_000
LOW, HIGH = Block("input", 100, 1, ()), Block("input", 500, 1, ())
REPLY = rtu_reply(1, registers(4, [100]))
REFUSAL = rtu_reply(1, bytes([0x84, 2]))


@pytest.mark.parametrize(
    ("stream", "spoke"),
    [
        (b"", []),
        (REPLY, [1]),
        (REFUSAL, [1]),
        (REPLY + REPLY, [1, 1]),
        (b"\xff\x00" + REPLY + b"\x00" + rtu_reply(7, registers(3, [1, 2])), [1, 7]),
        (REPLY[:-1], []),
        (b"\x00\xff\x00\xff" * 20, []),
        (REPLY[:-1] + b"\x00" + REFUSAL, [1]),
        (rtu_reply(1, bytes([6, 0, 1, 0, 2])), []),
    ],
)
def test_whole_answers_are_told_from_noise(stream, spoke):
    assert units(stream) == spoke


def test_the_first_answer_to_a_question_is_asked_for_and_no_other():
    ear = Ear()
    ear.asks(1)
    ear.hears(b"\x00" + REPLY)
    assert ear.unasked == set()
    ear.hears(REPLY)
    assert ear.unasked == {1}
    ear.asks(2)
    ear.hears(rtu_reply(3, registers(4, [0])) + rtu_reply(2, registers(4, [0])))
    assert ear.unasked == {1, 3}


def test_the_second_telling_of_an_answer_takes_its_time_on_the_line():
    line = Line(9600)
    assert line.telling("input", 1) == 7 * line.character + 2 * line.gap
    assert line.telling("coil", 9) == 7 * line.character + 2 * line.gap


def linked(answer: Callable[[bytes, Send], None], proof: Callable[[Link], object], baud: int | None = None) -> None:
    """Runs a coroutine function with an open link of RTU frames."""

    async def run(port: int) -> None:
        link = Link(ModbusConnection("bus", "rtu-over-tcp", "127.0.0.1", port, timeout=SECOND, baud=baud))
        link._fresh = False  # nothing was asked of this peer before
        assert await link.open()
        try:
            await proof(link)
        finally:
            await link.close()

    with Wire(answer) as wire:
        asyncio.run(run(wire.port))


def test_an_answer_that_comes_twice_in_one_piece_is_not_believed():
    def twice(piece: bytes, send: Send) -> None:
        unit, function, address, _ = rtu_request(piece)
        send(2 * rtu_reply(unit, registers(function, [address])))

    async def proof(link: Link) -> None:
        with pytest.raises(Misfit, match="nobody asked for"):
            await link.read(1, LOW)
        assert link.owes(1)
        assert not link.is_open

    linked(twice, proof)


def test_an_answer_that_comes_again_later_makes_the_unit_owe():
    sends: list[Send] = []

    def once(piece: bytes, send: Send) -> None:
        unit, function, address, _ = rtu_request(piece)
        sends.append(send)
        send(rtu_reply(unit, registers(function, [address])))

    async def between_polls(link: Link) -> None:
        assert list(await link.read(1, LOW)) == [100]
        sends[-1](REPLY)
        async with asyncio.timeout(30):
            while not link.owes(1):
                await asyncio.sleep(0.01)
        assert not link.owes(2)

    async def for_ever(link: Link) -> None:
        while True:
            assert list(await link.read(1, LOW)) == [100]

    async def between_questions(link: Link) -> None:
        assert list(await link.read(1, LOW)) == [100]
        sends[-1](REPLY)
        # Taken for an answer or not, one more came than was asked for; soon no further question leaves.
        with pytest.raises(Misfit, match="nobody asked for"):
            await asyncio.wait_for(for_ever(link), 30)
        assert link.owes(1)

    linked(once, between_polls)
    linked(once, between_questions)


def test_noise_on_the_line_is_no_answer():
    def noisy(piece: bytes, send: Send) -> None:
        unit, function, address, _ = rtu_request(piece)
        send(rtu_reply(unit, registers(function, [address])) + b"\xff\x00")

    async def proof(link: Link) -> None:
        for block in (LOW, HIGH, LOW):
            assert list(await link.read(1, block)) == [block.start]
        assert not link.owes(1)

    linked(noisy, proof)


def test_before_a_question_whose_answer_would_look_the_same_the_line_is_listened_to():
    came: list[float] = []

    def timed(piece: bytes, send: Send) -> None:
        unit, function, address, count = rtu_request(piece)
        came.append(time.monotonic())
        send(rtu_reply(unit, registers(function, [address] * count)))

    async def proof(link: Link) -> None:
        for block in (LOW, HIGH, LOW, HIGH, LOW):
            await link.read(1, block)

    linked(timed, proof, baud=600)
    pauses = sorted(after - before for before, after in itertools.pairwise(came))
    assert pauses[len(pauses) // 2] >= Line(600).telling("input", 1) / 1e9


def test_a_poll_in_which_an_answer_comes_twice_gives_nothing(clock):
    """The other device of the bus, which answers once, is read on."""

    def one_stutters(piece: bytes, send: Send) -> None:
        unit, function, address, count = rtu_request(piece)
        send(rtu_reply(unit, registers(function, [address] * count)) * (2 if (unit, address) == (1, 500) else 1))

    shape = profile(register("low", 100, "uint16"), register("high", 500, "uint16"))
    with Wire(one_stutters) as wire:
        intake = HeldIntake()
        connection = ModbusConnection("bus", "rtu-over-tcp", "127.0.0.1", wire.port, timeout=200 * MS)
        devices = [slave("one", 1, shape, every=300 * MS), slave("two", 2, shape, every=300 * MS)]
        collector = ModbusCollector(connection, devices, intake, clock)
        collector.start()
        eventually(lambda: intake.refusals and len(intake.values("high")) > 3, 30)
        collector.stop()
    assert {sample.device for sample in intake.samples} == {"two"}
    assert {(refusal.subject, refusal.reason) for refusal in intake.refusals} == {
        ("one", "unit 1 sent an answer that nobody asked for")
    }

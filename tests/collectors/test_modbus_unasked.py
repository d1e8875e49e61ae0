"""RTU frames carry no number: what nobody asked for is noticed, and nothing near it is believed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from peers.intake import HeldIntake
from peers.rtu import rtu_reply, rtu_request
from peers.small import profile, register, slave
from peers.waiting import eventually
from peers.wire import Send, Wire, registers

from collectors.modbus.bus import ModbusCollector
from collectors.modbus.doubt import Doubt, Shape
from collectors.modbus.ear import Ear, frames
from collectors.modbus.fetch import fetch
from collectors.modbus.line import Line
from collectors.modbus.plan import Block
from collectors.modbus.slave import Answer, Slave
from collectors.modbus.source import Failed, Link, Misfit
from collectors.modbus.turns import clock_set
from meterbook.domain.device import ModbusConnection
from meterbook.domain.profile import Profile

MS = 1_000
SECOND = 1_000_000
LOW, HIGH = Block("input", 100, 1, ()), Block("input", 500, 1, ())
REPLY = rtu_reply(1, registers(4, [100]))
REFUSAL = rtu_reply(1, bytes([0x84, 2]))


ONE = Shape(1, 4, 2)


@pytest.mark.parametrize(
    ("stream", "spoke"),
    [
        (b"", []),
        (REPLY, [ONE]),
        (REFUSAL, [Shape(1, 0x84, 0)]),
        (REPLY + REPLY, [ONE, ONE]),
        (b"\xff\x00" + REPLY + b"\x00" + rtu_reply(7, registers(3, [1, 2])), [ONE, Shape(7, 3, 4)]),
        (REPLY[:-1], []),
        (b"\x00\xff\x00\xff" * 20, []),
        (REPLY[:-1] + b"\x00" + REFUSAL, [Shape(1, 0x84, 0)]),
        (rtu_reply(1, bytes([6, 0, 1, 0, 2])), []),
    ],
)
def test_whole_answers_are_told_from_noise(stream, spoke):
    assert frames(stream) == spoke


def test_the_first_answer_to_a_question_is_asked_for_and_no_other():
    ear = Ear()
    ear.asks(ONE)
    ear.hears(b"\x00" + REPLY)
    assert ear.unasked == []
    ear.hears(REPLY)
    assert ear.unasked == [ONE]
    ear.asks(Shape(2, 4, 2))
    ear.hears(rtu_reply(3, registers(4, [0])) + rtu_reply(2, registers(4, [0])))
    assert ear.unasked == [ONE, Shape(3, 4, 2)]
    ear.asks(ONE)
    ear.hears(REFUSAL)
    assert len(ear.unasked) == 2
    ear.asks(ONE)
    ear.hears(rtu_reply(1, registers(4, [1, 2])))
    assert ear.unasked[2:] == [Shape(1, 4, 4)]


def test_what_is_owed_is_in_doubt_for_as_long_as_answers_were_seen_to_come():
    doubt, other = Doubt(0.1), Shape(1, 4, 4)
    doubt.asks(ONE, 10.0)
    assert doubt.left(ONE, 10.0) == doubt.left(other, 10.0) == 0
    doubt.owes(ONE)
    assert doubt.left(ONE, 10.5) == pytest.approx(1.5)
    assert doubt.left(other, 10.5) == 0
    assert doubt.left_of(1, 4, 10.5) == pytest.approx(1.5)
    assert doubt.left_of(1, 3, 10.5) == doubt.left_of(2, 4, 10.5) == doubt.left(ONE, 12.0) == 0
    doubt.comes(ONE, 14.0)
    assert doubt.patience == pytest.approx(8.0)
    assert doubt.left(ONE, 14.0) == pytest.approx(4.0)
    # Which of two questions a frame answers nobody knows; nor does what is owed for ever.
    doubt.asks(ONE, 20.0)
    doubt.comes(ONE, 30.0)
    doubt.comes(other, 30.0)
    assert doubt.patience == pytest.approx(8.0)
    doubt.owes(ONE)
    doubt.comes(ONE, 99.0)
    assert doubt.patience == 60


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


def test_a_copy_that_waits_for_our_acknowledgement_meets_no_other_question():
    """TCP holds a second small piece back until the first is acknowledged, which may wait for our next question."""
    asked: list[int] = []

    def sometimes_twice(piece: bytes, send: Send) -> None:
        unit, function, address, _ = rtu_request(piece)
        asked.append(address)
        for _ in range(2 if len(asked) % 7 == 0 else 1):
            send(rtu_reply(unit, registers(function, [address])))

    astray: list[int] = []

    async def proof(link: Link) -> None:
        for block in [LOW, HIGH] * 100:
            assert link.is_open or await link.open()
            with suppress(Misfit):
                astray.extend(word for word in await link.read(1, block) if word != block.start)

    linked(sometimes_twice, proof)
    # A stalled peer may tell its copy later than any line would; held back for our sake it is told at once.
    assert len(astray) <= 2


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


def polled(answer: Callable[[bytes, Send], None], shape: Profile, polls: int, timeout: int = 100 * MS) -> list[object]:
    """What some polls of a device one after the other gave: addresses, or why not."""
    found: list[object] = []

    async def run(port: int) -> None:
        link = Link(ModbusConnection("bus", "rtu-over-tcp", "127.0.0.1", port, timeout=timeout))
        link._fresh = False
        one = Slave(slave("m", 1, shape), shape, Line(9600), 0)
        for _ in range(polls):
            assert link.is_open or await link.open()
            answers: list[Answer] = []
            try:
                rest = await fetch(link, one, lambda: 0, answers)
            except Failed as failure:
                found.append(str(failure))
            else:
                found.append(sorted(int(str(sample.value)) for sample in one.samples(answers)) or rest)
        await link.close()

    with Wire(answer) as wire:
        asyncio.run(run(wire.port))
    return found


def test_a_read_that_was_not_answered_is_taken_in_parts_that_look_otherwise():
    asked: list[tuple[int, int]] = []

    def once_mute(piece: bytes, send: Send) -> None:
        unit, function, address, count = rtu_request(piece)
        asked.append((address, count))
        if len(asked) > 1:
            send(rtu_reply(unit, registers(function, [address + place for place in range(count)])))

    shape = profile(*(register(f"r{at}", at, "uint16") for at in (100, 101, 105)))
    assert polled(once_mute, shape, 2, timeout=SECOND) == ["no answer within 1 s", [100, 101, 105]]
    assert asked == [(100, 6), (100, 1), (100, 2), (105, 1)]


def test_a_read_that_cannot_be_parted_rests():
    asked: list[int] = []

    def once_mute(piece: bytes, send: Send) -> None:
        unit, function, address, _ = rtu_request(piece)
        asked.append(address)
        if len(asked) > 1:
            send(rtu_reply(unit, registers(function, [address])))

    mute, rest, again = polled(once_mute, profile(register("r", 100, "uint16")), 3, timeout=SECOND)
    assert mute == "no answer within 1 s"
    # One question that nobody believes: its answer may have been that to the first, and its own may still come.
    assert len(asked) == 2
    assert 15 < again <= rest <= 20


def test_a_refusal_that_may_be_late_makes_no_hole():
    asked: list[int] = []

    def once_mute(piece: bytes, send: Send) -> None:
        unit, function, address, count = rtu_request(piece)
        asked.append(count)
        if len(asked) in (2, 4):
            send(rtu_reply(unit, registers(function, [address] * count)))
        elif len(asked) == 3:
            send(rtu_reply(unit, bytes([function | 0x80, 2])))

    shape = profile(register("low", 100, "uint16"), register("high", 900, "uint32"))
    mute, partly, *_ = polled(once_mute, shape, 2, timeout=SECOND)
    assert mute == "no answer within 1 s"
    assert partly == pytest.approx(20, abs=5)
    assert asked == [1, 2, 2]


def test_a_device_that_rests_is_due_when_it_can_be_believed():
    shape = profile(register("r", 100, "uint16"))
    one = Slave(slave("m", 1, shape), shape, Line(9600), 0)
    one.rests(100, 20 * SECOND)
    clock_set([one], 100)
    assert one.due == 100 + 20 * SECOND
    one.answered(one.due)
    clock_set([one], 100)
    assert one.due == 100

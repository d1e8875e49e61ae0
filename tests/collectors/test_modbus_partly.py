"""A device that gives some of its registers and not others: those it gives are read, poll after poll."""

from __future__ import annotations

from collections import Counter

import pytest
from peers.intake import HeldIntake
from peers.small import profile, register, slave
from peers.waiting import eventually
from peers.wire import Send, Wire, registers, tcp_reply, tcp_request

from collectors.modbus.bus import ModbusCollector
from collectors.modbus.line import Line
from collectors.modbus.slave import Slave
from meterbook.domain.device import ModbusConnection
from meterbook.domain.instant import MINUTE, SECOND

MS = 1_000
BAD = 100
PAIR = profile(register("bad", BAD, "uint16", table="holding"), register("good", 500, "uint16"))


@pytest.fixture
def poll(clock):
    """Starts a collector for one device; all are stopped at the end."""
    started = []

    def poll(port, shape=PAIR):
        intake = HeldIntake()
        connection = ModbusConnection("bus", "tcp", "127.0.0.1", port, timeout=200 * MS)
        collector = ModbusCollector(connection, [slave("m", 1, shape, every=300 * MS)], intake, clock)
        collector.start()
        started.append(collector)
        return collector, intake

    yield poll
    for collector in started:
        collector.stop()


@pytest.mark.parametrize("code", [1, 4, 5, 6, 8, 99])
def test_a_read_that_is_refused_takes_no_other_with_it(poll, code):
    asked: Counter[int] = Counter()

    def answer(piece: bytes, send: Send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        asked[address] += 1
        refused = bytes([function | 0x80, code])
        send(tcp_reply(transaction, unit, refused if address == BAD else registers(function, [7] * count)))

    with Wire(answer) as wire:
        collector, intake = poll(wire.port)
        eventually(lambda: len(intake.values("good")) >= 3 and asked[BAD] >= 3)
        assert collector.status().state == "up"
        assert collector.status().silent_devices == ()
    assert intake.values("bad") == []


def test_a_part_that_is_refused_takes_no_other_with_it(poll):
    def answer(piece: bytes, send: Send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        code = 2 if count > 1 else 4 if address == 0 else 0
        send(tcp_reply(transaction, unit, bytes([function | 0x80, code]) if code else registers(function, [7])))

    with Wire(answer) as wire:
        _, intake = poll(wire.port, profile(register("a", 0, "uint16"), register("b", 1, "uint16")))
        eventually(lambda: len(intake.values("b")) >= 2)
    assert intake.values("a") == []


def test_a_device_that_answers_with_refusals_only_is_not_called_mute(poll):
    def answer(piece: bytes, send: Send) -> None:
        transaction, unit, function, _, _ = tcp_request(piece)
        send(tcp_reply(transaction, unit, bytes([function | 0x80, 1])))

    with Wire(answer) as wire:
        collector, _ = poll(wire.port)
        eventually(lambda: collector.status().state == "down")
        assert collector.status().reason == "no device gives a value: exception 1 (illegal function)"


@pytest.mark.parametrize("mute", [100, 500, 900])
def test_a_read_that_is_never_answered_does_not_starve_the_others(poll, mute):
    asked: Counter[int] = Counter()

    def answer(piece: bytes, send: Send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        asked[address] += 1
        if address != mute:
            send(tcp_reply(transaction, unit, registers(function, [7] * count)))

    shape = profile(*(register(f"r{address}", address, "uint16") for address in (100, 500, 900)))
    others = [f"r{address}" for address in (100, 500, 900) if address != mute]
    with Wire(answer) as wire:
        collector, intake = poll(wire.port, shape)
        eventually(lambda: min(len(intake.values(name)) for name in others) >= 3, 60)
        assert asked[mute] >= 2
        eventually(lambda: collector.status().silent_devices == ())
        assert collector.status().state == "up"
    assert intake.values(f"r{mute}") == []


def test_a_poll_begins_after_the_read_that_was_not_answered():
    one = Slave(slave("m", 1, PAIR, every=MINUTE), PAIR, Line(9600), 0)
    first, second = one.turn(0)
    one.breaks_off(first)
    assert one.turn(0) == [second, first]
    assert one.least(0) == second
    one.breaks_off(second)
    assert one.turn(0) == [first, second]


def test_a_device_that_gives_something_is_asked_on_the_clock_and_not_named():
    one = Slave(slave("m", 1, PAIR, every=MINUTE), PAIR, Line(9600), 0)
    for _ in range(5):
        one.failed(0)
    for now in (10 * SECOND, 70 * SECOND):
        one.failed(now, partly=True)
        assert (one.failures, one.silent, one.due) == (1, False, now // MINUTE * MINUTE + MINUTE)

"""What befalls a bus in the field: stops in the midst of a reply, debts of a unit, devices that still boot."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

import pytest
from peers.intake import HeldIntake
from peers.rtu import rtu_reply, rtu_request
from peers.small import profile, register, slave
from peers.waiting import eventually
from peers.wire import Send, Wire, registers, tcp_reply, tcp_request

from collectors.modbus.bus import ModbusCollector
from meterbook.domain.device import ModbusConnection

MS = 1_000
SECOND = 1_000_000


def later(seconds: float, act: Callable[[], None]) -> None:
    """Act from a thread of its own after a while."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


@pytest.fixture
def poll(clock):
    """Starts a collector; all are stopped at the end."""
    started = []

    def poll(port, *devices, transport="tcp", timeout=200 * MS):
        intake = HeldIntake()
        collector = ModbusCollector(
            ModbusConnection("bus", transport, "127.0.0.1", port, timeout=timeout), devices, intake, clock
        )
        collector.start()
        started.append(collector)
        return collector, intake

    yield poll
    for collector in started:
        collector.stop()


def test_a_stop_that_meets_a_reply_is_not_lost(clock):
    """asyncio of Python 3.11 forgets a cancellation in the ticks in which a reply arrives: often seen in 200 stops."""
    reply_now = threading.Event()

    def answer(piece: bytes, send: Send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        reply_now.set()
        send(tcp_reply(transaction, unit, registers(function, [0] * count)))

    with Wire(answer) as wire:
        connection = ModbusConnection("bus", "tcp", "127.0.0.1", wire.port, timeout=SECOND)
        devices = [slave(f"m{unit}", unit, profile(register("x", 0)), every=1) for unit in (1, 2)]
        for attempt in range(200):
            collector = ModbusCollector(connection, devices, HeldIntake(), clock)
            collector.start()
            reply_now.clear()
            assert reply_now.wait(5)
            stop = threading.Thread(target=collector.stop, daemon=True)
            stop.start()
            stop.join(5)
            assert not stop.is_alive(), f"stop {attempt} hangs"


@pytest.mark.parametrize("second", [1, None], ids=["named", "by default"])
def test_a_late_answer_meets_no_other_device_of_its_unit(poll, clock, second):
    """Two models in one device: the unit owes what the one was not answered, and the other is asked next.

    A transparent gateway gives what its line says to whoever is connected then. Values are their addresses.
    """
    sends: list[Send] = []
    asked: list[int] = []

    def transparent(piece: bytes, send: Send) -> None:
        sends.append(send)
        unit, function, address, count = rtu_request(piece)
        asked.append(address)
        reply = rtu_reply(unit, registers(function, [address] * count))
        late = address == 100 and asked.count(100) == 2
        later(0.27 if late else 0.12, lambda: sends[-1](reply))

    low, high = profile(register("low", 100, "uint16")), profile(register("high", 200, "uint16"))
    with Wire(transparent) as gateway:
        devices = slave("one", 1, low, every=300 * MS), slave("two", second, high, every=300 * MS)
        collector, intake = poll(gateway.port, *devices, transport="rtu-over-tcp")
        eventually(lambda: asked.count(100) > 4 and len(intake.values("high")) > 4, 40)
        collector.stop()
    assert {(sample.device, sample.value) for sample in intake.samples} == {("one", "100"), ("two", "200")}


def test_what_was_asked_before_a_restart_meets_nobody(poll):
    """The collector is stopped in the midst of a question, as when the configuration changes, and another begins."""
    asked: list[int] = []

    def slow(piece: bytes, send: Send) -> None:
        unit, function, address, count = rtu_request(piece)
        asked.append(address)
        if address == 200:
            later(0.2, lambda: send(rtu_reply(unit, registers(function, [address] * count))))

    def still_to_say(send: Send) -> None:
        if asked:
            later(0.1, lambda: send(rtu_reply(1, registers(4, [100]))))

    before, after = (slave("m", 1, profile(register("x", address, "uint16"))) for address in (100, 200))
    with Wire(slow, greet=still_to_say) as gateway:
        collector, _ = poll(gateway.port, before, transport="rtu-over-tcp", timeout=SECOND)
        eventually(lambda: asked, 30)
        collector.stop()
        _, intake = poll(gateway.port, after, transport="rtu-over-tcp", timeout=SECOND)
        eventually(lambda: intake.samples, 30)
    assert intake.samples[0].value == "200"


@pytest.mark.parametrize("told", [True, False], ids=["told", "in silence"])
def test_what_a_gateway_gave_up_waiting_for_meets_nobody(poll, told):
    """The device answers at last, and the gateway takes that for the answer to the next question.

    Transaction numbers are the gateway's own and prove nothing then, whether it said exception 11 or nothing.
    """
    held: list[int] = []
    asked: dict[int, int] = defaultdict(int)

    def gateway(piece: bytes, send: Send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        asked[address] += 1
        if address == 100 and asked[address] in (2, 4):
            held.append(address)
            if told:
                send(tcp_reply(transaction, unit, bytes([function | 0x80, 11])))
        else:
            said = held.pop() if held else address
            send(tcp_reply(transaction, unit, registers(function, [said] * count)))

    low, high = profile(register("low", 100, "uint16")), profile(register("high", 200, "uint16"))
    with Wire(gateway) as wire:
        devices = slave("one", 1, low, every=300 * MS), slave("two", 1, high, every=300 * MS)
        _, intake = poll(wire.port, *devices)
        eventually(lambda: asked[100] > 6 and len(intake.values("high")) > 6, 20)
    assert {(sample.device, sample.value) for sample in intake.samples} == {("one", "100"), ("two", "200")}


def test_a_gateway_that_gives_up_twice_is_not_believed_in_between(poll):
    """A dead device behind a gateway costs one question a poll, and no silence of the line."""
    asked: list[int] = []

    def gateway(piece: bytes, send: Send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        asked.append(unit)
        dead = unit == 2 and asked.count(2) < 3
        body = bytes([function | 0x80, 11]) if dead else registers(function, [0] * count)
        send(tcp_reply(transaction, unit, body))

    with Wire(gateway) as wire:
        one, two = (slave(name, unit, profile(register("x", 0))) for name, unit in (("one", 1), ("two", 2)))
        collector, intake = poll(wire.port, one, two)
        eventually(lambda: collector.status().silent_devices == ("two",))
        assert asked.count(2) == 2
        eventually(lambda: "two" in {sample.device for sample in intake.samples}, 20)
        assert asked.count(2) >= 4


@pytest.mark.parametrize("code", [2, 3])
def test_a_device_that_refuses_everything_while_it_boots_is_asked_again_soon(poll, code):
    booted = threading.Event()
    asked: list[tuple[int, int]] = []

    def booting(piece: bytes, send: Send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        asked.append((address, count))
        body = registers(function, [0] * count) if booted.is_set() else bytes([function | 0x80, code])
        send(tcp_reply(transaction, unit, body))

    with Wire(booting) as wire:
        shape = profile(register("a", 0), register("b", 2))
        collector, intake = poll(wire.port, slave("m", 1, shape))
        eventually(lambda: collector.status().silent_devices == ("m",))
        # All was looked for once; since then one small read a poll tells that nothing changed.
        assert asked[:4] == [(0, 4), (0, 2), (2, 2), (2, 2)]
        booted.set()
        eventually(lambda: intake.deliveries, 10)
        assert collector.status().silent_devices == ()
    assert {sample.point for sample in intake.deliveries[0].samples} == {"a", "b"}


def test_what_is_refused_before_a_device_falls_silent_is_no_hole(poll):
    """It refuses its first register and hangs; when it is back it has both."""
    asked: list[int] = []

    def hanging(piece: bytes, send: Send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        asked.append(address)
        if len(asked) == 1:
            send(tcp_reply(transaction, unit, bytes([function | 0x80, 2])))
        elif len(asked) > 2:
            send(tcp_reply(transaction, unit, registers(function, [0] * count)))

    with Wire(hanging) as wire:
        _, intake = poll(wire.port, slave("m", 1, profile(register("a", 0), register("b", 500))))
        eventually(lambda: intake.deliveries)
    # A silence is heard out with a value of the read after the one that was not answered.
    assert asked[:5] == [0, 500, 0, 0, 500]
    assert {sample.point for sample in intake.deliveries[0].samples} == {"a", "b"}

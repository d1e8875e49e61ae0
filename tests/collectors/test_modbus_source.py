"""The Modbus collector against pymodbus' server, libmodbus, and sockets that misbehave."""

from __future__ import annotations

import struct
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest
from peers import libmodbus
from peers.intake import HeldIntake
from peers.libmodbus import LibmodbusServer
from peers.modbus_server import ModbusServer
from peers.ports import free_port
from peers.small import profile, register, slave
from peers.waiting import eventually
from peers.wire import Wire, crc, registers, tcp_reply, tcp_request

from collectors.modbus.bus import CONNECT_PAUSE, JITTER, ModbusCollector
from meterbook.domain.device import ModbusConnection
from meterbook.domain.instant import SECOND
from meterbook.telemetry import REGISTRY

MS = 1_000
SHORT = 200 * MS
ONE_FLOAT = profile(register("power", 0))


def words(value: float) -> list[int]:
    return list(struct.unpack(">HH", struct.pack(">f", value)))


@pytest.fixture
def poll(clock):
    """Starts a collector; all are stopped at the end."""
    started = []

    def poll(port, intake, *devices, transport="tcp", timeout=SHORT):
        connection = ModbusConnection("bus", transport, "127.0.0.1", port, timeout=timeout)
        collector = ModbusCollector(connection, devices, intake, clock)
        collector.start()
        started.append(collector)
        return collector

    yield poll
    for collector in started:
        collector.stop()


@pytest.mark.parametrize("rtu", [False, True])
def test_registers_become_samples_on_the_wall_clock(poll, clock, rtu):
    shape = profile(
        register("power", 0),
        register("energy", 10, "uint32", scale=Decimal("0.01")),
        register("broken", 2),
        register("mode", 5, "uint16", table="holding"),
    )
    with ModbusServer({3: {0: [*words(21.5), *words(float("nan")), 0, 7, 0, 0, 0, 0, 1, 1]}}, rtu=rtu) as server:
        intake = HeldIntake()
        transport = "rtu-over-tcp" if rtu else "tcp"
        collector = poll(server.port, intake, slave("m", 3, shape), transport=transport)
        eventually(lambda: len(intake.values("power")) >= 4)
        assert collector.status().state == "up"
    first = {sample.point: sample for sample in intake.deliveries[0].samples}
    assert {point: sample.value for point, sample in first.items()} == {"power": 21.5, "energy": "655.37", "mode": "7"}
    assert len({sample.at for sample in first.values()}) == 1
    instants = [delivery.samples[0].at for delivery in intake.deliveries]
    assert min(at % SECOND for at in instants) < SECOND // 10  # the machine may hold up single ones
    assert len({at // SECOND for at in instants}) == len(instants)


@pytest.mark.skipif(libmodbus.MISSING is not None, reason=f"no foreign Modbus peer: {libmodbus.MISSING}")
def test_a_foreign_peer_is_read_at_the_addresses_of_an_sdm630(poll):
    shape = profile(
        register("voltage_l1", 0), register("active_power", 52), register("active_energy_import", 72), max_registers=80
    )
    with LibmodbusServer() as server:
        for address, value in ((0, 230.5), (52, 12500.0), (72, 1234.5)):
            server.set_input(address, *words(value))
        intake = HeldIntake()
        poll(server.port, intake, slave("main", 9, shape))
        eventually(lambda: intake.deliveries)
        values = {sample.point: sample.value for sample in intake.deliveries[0].samples}
    assert values == {"voltage_l1": 230.5, "active_power": 12500.0, "active_energy_import": 1234.5}


def test_a_hole_is_found_and_remembered(poll):
    shape = profile(register("a", 0), register("b", 4), register("c", 6), register("missing", 8))
    with ModbusServer({1: {0: words(1.0), 4: [*words(2.0), *words(3.0)]}}) as server:
        intake = HeldIntake()
        collector = poll(server.port, intake, slave("m", 1, shape))
        eventually(lambda: len(intake.values("a")) >= 2)
        assert {sample.point: sample.value for sample in intake.deliveries[1].samples} == {"a": 1.0, "b": 2.0, "c": 3.0}
        assert collector.status().silent_devices == ()


def test_a_remembered_hole_is_not_asked_for_again(poll):
    asked: list[tuple[int, int]] = []

    def holey(piece: bytes, send) -> None:
        transaction, unit, function, address, count = tcp_request(piece)
        asked.append((address, count))
        hole = any(place in (2, 3) for place in range(address, address + count))
        body = bytes([function | 0x80, 2]) if hole else registers(function, [0] * count)
        send(tcp_reply(transaction, unit, body))

    with Wire(holey) as server:
        intake = HeldIntake()
        poll(server.port, intake, slave("m", 1, profile(register("a", 0), register("b", 4))))
        eventually(lambda: len(intake.deliveries) >= 3)
    assert asked[:5] == [(0, 6), (0, 2), (4, 2), (0, 2), (4, 2)]


def test_a_dead_slave_is_named_and_its_neighbours_keep_their_period(poll):
    asked: Counter[int] = Counter()

    def one_is_dead(piece: bytes, send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        asked[unit] += 1
        if unit != 13:
            send(tcp_reply(transaction, unit, registers(function, [0] * count)))

    with Wire(one_is_dead) as server:
        intake = HeldIntake()
        neighbours = [slave(f"m{unit}", unit, ONE_FLOAT) for unit in range(1, 10)]
        collector = poll(server.port, intake, *neighbours, slave("dead", 13, ONE_FLOAT))
        eventually(lambda: collector.status().silent_devices == ("dead",))
        assert collector.status().state == "up"
        before = len(intake.deliveries)
        eventually(lambda: len(intake.deliveries) >= before + 9 * 4, 30)
    assert asked[13] < min(asked[unit] for unit in range(1, 10))
    assert "dead" not in {sample.device for sample in intake.samples}


def test_a_device_that_returns_is_no_longer_named(poll):
    alive = threading.Event()

    def sleepy(piece: bytes, send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        if alive.is_set():
            send(tcp_reply(transaction, unit, registers(function, [0] * count)))

    with Wire(sleepy) as server:
        intake = HeldIntake()
        collector = poll(server.port, intake, slave("m", 1, ONE_FLOAT))
        eventually(lambda: collector.status().silent_devices == ("m",))
        assert collector.status().state == "down"
        assert "no device answers: no answer within 0.2 s" in collector.status().reason
        alive.set()
        eventually(lambda: collector.status().state == "up", 20)
        assert collector.status().silent_devices == ()


def test_a_gateway_that_starts_later_is_found_within_ten_seconds(poll):
    port = free_port()
    intake = HeldIntake()
    collector = poll(port, intake, slave("m", 1, ONE_FLOAT))
    eventually(lambda: collector.status().state == "down")
    assert collector.status().reason == f"nothing answers at 127.0.0.1:{port}"
    assert CONNECT_PAUSE[1] * max(JITTER) < 10
    with ModbusServer({1: {0: words(1.0)}}, port=port):
        eventually(lambda: intake.values("power"), 30)
        assert collector.status().state == "up"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda t, u, f, n: tcp_reply(t, u, registers(f, [1] * (n - 1))), "reply with 1 registers where 2"),
        (lambda t, u, f, n: tcp_reply(t, u, registers(f, [1] * (n + 1))), "reply with 3 registers where 2"),
        (
            lambda t, u, f, n: tcp_reply(t, u, registers(3, [1] * n)),
            "reply of unit 1 to function 3 where input of unit 1 was asked",
        ),
        (lambda t, u, f, n: tcp_reply(t, u, bytes([f, 4, 1])), None),
        (lambda t, u, f, n: tcp_reply(t, u + 1, registers(f, [1] * n)), None),
        (lambda t, u, f, n: tcp_reply(t + 1, u, registers(f, [1] * n)), None),
        (lambda t, u, f, n: tcp_reply(t, u, bytes([f | 0x80, 4])), None),
        (lambda t, u, f, n: b"\xff" * 300, None),
        (lambda t, u, f, n: b"", None),
    ],
    ids=["short", "long", "other-function", "cut", "other-unit", "other-request", "exception-4", "noise", "nothing"],
)
def test_no_value_comes_of_a_reply_that_is_no_answer(poll, request, answer, reason):
    device = request.node.name

    def wrong(piece: bytes, send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        send(answer(transaction, unit, function, count))

    with Wire(wrong) as server:
        intake = HeldIntake()
        poll(server.port, intake, slave(device, 1, ONE_FLOAT))
        eventually(lambda: REGISTRY.get_sample_value("meterbook_device_failures_total", {"device": device}))
        assert intake.samples == []
        if reason:
            assert reason in intake.refusals[0].reason
            assert (intake.refusals[0].source, intake.refusals[0].subject) == ("bus", device)


def test_a_late_answer_on_an_rtu_link_is_never_taken_for_the_next(poll):
    """The first answer comes after its timeout, just as the second question is on the wire."""
    asked: list[int] = []

    def late(piece: bytes, send) -> None:
        unit, function = piece[0], piece[1]
        address, count = struct.unpack(">HH", piece[2:6])
        asked.append(address)
        if len(asked) == 1:
            time.sleep(0.4)
        frame = bytes([unit]) + registers(function, [address] * count)
        send(frame + crc(frame))

    with Wire(late) as server:
        intake = HeldIntake()
        first = slave("first", 1, profile(register("x", 100, "uint16")))
        second = slave("second", 1, profile(register("x", 200, "uint16")))
        poll(server.port, intake, first, second, transport="rtu-over-tcp")
        eventually(lambda: {sample.device for sample in intake.samples} == {"first", "second"})
        assert server.connections == 2
    assert {(sample.device, sample.value) for sample in intake.samples} == {("first", "100"), ("second", "200")}


def test_only_reading_functions_are_sent(poll):
    functions: set[int] = set()

    def listening(piece: bytes, send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        functions.add(function)
        content = bytes([function, 1, 1]) if function < 3 else registers(function, [5] * count)
        send(tcp_reply(transaction, unit, content))

    tables = [("coil", "bit"), ("discrete", "bit"), ("holding", "uint16"), ("input", "uint16")]
    shape = profile(*(register(table, 0, type_, table=table) for table, type_ in tables))
    with Wire(listening) as server:
        intake = HeldIntake()
        poll(server.port, intake, slave("m", 1, shape))
        eventually(lambda: intake.deliveries)
    assert functions == {1, 2, 3, 4}
    assert [sample.value for sample in intake.deliveries[0].samples] == ["1", "1", "5", "5"]


def test_a_collector_can_be_stopped_before_it_was_started_and_twice(clock):
    connection = ModbusConnection("bus", "tcp", "127.0.0.1", free_port())
    collector = ModbusCollector(connection, [slave("m", 1, ONE_FLOAT)], HeldIntake(), clock)
    collector.stop()
    collector.stop()

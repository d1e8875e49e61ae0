"""One bus is one queue: periods, the dead among the living, late answers, the speed of the line, a serial port."""

from __future__ import annotations

import ast
import asyncio
import itertools
import os
import pty
import statistics
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import get_args

import pytest
from house.sources import ROOT, modules
from peers.intake import HeldIntake
from peers.ports import free_port
from peers.rtu import RtuLine, rtu_reply, rtu_request, zeros
from peers.small import profile, register, slave
from peers.waiting import eventually
from peers.wire import Wire, registers, tcp_reply, tcp_request

from collectors.modbus.bus import ModbusCollector
from collectors.modbus.plan import Block
from collectors.modbus.source import FUNCTIONS, Link, NotReading, client_of
from meterbook.domain.device import ModbusConnection, ModbusTransport
from meterbook.site.config import config_dir
from meterbook.site.profiles import load_profile

MS = 1_000
SECOND = 1_000_000
SDM630 = load_profile(config_dir() / "profiles" / "eastron-sdm630.yaml")[0]


@pytest.fixture
def poll(clock):
    """Starts a collector; all are stopped at the end."""
    started = []

    def poll(place, intake, *devices, transport="rtu-over-tcp", timeout=200 * MS, **more):
        host, port = (place, 0) if transport == "rtu" else ("127.0.0.1", place)
        connection = ModbusConnection("bus", transport, host, port, timeout=timeout, **more)
        collector = ModbusCollector(connection, devices, intake, clock)
        collector.start()
        started.append(collector)
        return collector

    yield poll
    for collector in started:
        collector.stop()


def deviations(instants: list[int], period: int) -> list[float]:
    """How far the intervals between instants are from the period, as shares of it."""
    return [abs(after - before - period) / period for before, after in itertools.pairwise(instants)]


def asked_since(line: RtuLine, begun: Counter[int], units: Iterable[int]) -> int:
    """How often each of some units was asked at least."""
    asked = Counter(unit for unit, *_ in list(line.asked))
    return min(asked[unit] - begun[unit] for unit in units)


def test_thirty_meters_on_one_line_one_of_them_dead(poll, counts, capsys):
    """The 29 others keep their period within a tenth; the line is as slow as 19200 Bd is.

    The clock judges the full count only; in a short run the dead may not be asked more often than all others.
    """
    full = counts(100) == 100
    period, polls = (10 * SECOND, 12) if full else (2 * SECOND, 3)
    intake = HeldIntake()
    line = RtuLine(dict.fromkeys(range(1, 30), zeros), 19200, slow=True)
    shape = profile(register("power", 0), register("energy", 10))
    devices = [slave(f"m{unit}", unit, shape, every=period) for unit in range(1, 31)]
    with Wire(line) as gateway:
        collector = poll(gateway.port, intake, *devices, timeout=(1000 if full else 250) * MS, baud=19200)
        eventually(lambda: collector.status().silent_devices == ("m30",), 5 * period / SECOND + 30)
        begun = Counter(unit for unit, *_ in line.asked)
        eventually(lambda: asked_since(line, begun, range(1, 30)) >= polls, 30 + polls * period / SECOND)
        assert asked_since(line, begun, [30]) <= polls
        assert collector.status().silent_devices == ("m30",)
        assert collector.status().state == "up"
    polled = defaultdict(list)
    for sample in intake.samples:
        if sample.point == "power":
            polled[sample.device].append(sample.at)
    assert len(polled) == 29
    if full:
        # The first poll is at once and in no order; when all have been asked by the clock, the period begins.
        late = [share for instants in polled.values() for share in deviations(instants[2:], period)]
        assert len(late) >= 29 * 2
        with capsys.disabled():
            print(
                f"\n29 of 30 meters: at worst {max(late):.1%} off their period, {statistics.mean(late):.2%} on average"
            )
        assert max(late) < 0.1


@pytest.mark.parametrize("late", [0.3, 2.25], ids=["into the next device's question", "into its own next question"])
def test_a_late_answer_that_outlives_its_connection_meets_nobody(poll, late):
    """A transparent gateway gives what its line says to whoever is connected then. Values are their addresses.

    Every answer takes a while; some of device 1 come `late`, after its timeout of 0.2 s, as the next question is open.
    """
    sends: list[Callable[[bytes], None]] = []
    asked: dict[int, int] = defaultdict(int)

    def transparent(piece: bytes, send: Callable[[bytes], None]) -> None:
        sends.append(send)
        unit, function, address, count = rtu_request(piece)
        asked[unit] += 1
        reply = rtu_reply(unit, registers(function, [address + place for place in range(count)]))
        delay = late if unit == 1 and asked[1] == 3 else 0.12
        timer = threading.Timer(delay, lambda: sends[-1](reply))
        timer.daemon = True
        timer.start()

    shape = profile(register("low", 100, "uint16"), register("high", 200, "uint16"))
    with Wire(transparent) as gateway:
        intake = HeldIntake()
        collector = poll(gateway.port, intake, slave("one", 1, shape), slave("two", 2, shape))
        eventually(lambda: asked[1] > 6 and len(intake.values("high")) > 5, 40)
        collector.stop()
    assert {(sample.point, sample.value) for sample in intake.samples} == {("low", "100"), ("high", "200")}
    assert {sample.device for sample in intake.samples} == {"one", "two"}


def test_every_timeout_ends_the_connection(poll):
    for transport in ("tcp", "rtu-over-tcp"):
        with Wire(lambda piece, send: None) as gateway:
            poll(gateway.port, HeldIntake(), slave("m", 1, profile(register("x", 0))), transport=transport)
            eventually(lambda gateway=gateway: gateway.connections >= 2)


def test_a_bus_that_returns_is_found_soon_and_all_its_devices_with_it(poll):
    """The gateway accepts, its line is dead: devices fail for long, yet one is asked every five seconds."""
    alive = threading.Event()
    asked: list[int] = []

    def sleepy(piece: bytes, send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        asked.append(unit)
        if alive.is_set():
            send(tcp_reply(transaction, unit, registers(function, [0] * count)))

    with Wire(sleepy) as gateway:
        intake = HeldIntake()
        devices = [slave(f"m{unit}", unit, profile(register("x", 0)), every=60 * SECOND) for unit in range(1, 4)]
        collector = poll(gateway.port, intake, *devices, transport="tcp", timeout=20 * MS)
        eventually(lambda: asked.count(1) >= 3 <= asked.count(3), 40)
        assert collector.status().state == "down"
        alive.set()
        eventually(lambda: {sample.device for sample in intake.samples} == {"m1", "m2", "m3"}, 30)
        assert collector.status().silent_devices == ()


def test_a_gateway_that_hangs_up_on_a_question_costs_its_device_only(poll):
    def curt(piece: bytes, send) -> None:
        unit, function, _, count = rtu_request(piece)
        if unit == 2:
            raise OSError("the gateway hangs up")
        send(rtu_reply(unit, registers(function, [0] * count)))

    with Wire(_hanging_up(curt)) as gateway:
        intake = HeldIntake()
        shape = profile(register("x", 0))
        collector = poll(gateway.port, intake, slave("good", 1, shape), slave("cursed", 2, shape))
        eventually(lambda: collector.status().silent_devices == ("cursed",))
        before = len(intake.deliveries)
        eventually(lambda: len(intake.deliveries) >= before + 3)
        assert collector.status().state == "up"


def _hanging_up(answer):
    def wrapped(piece: bytes, send) -> None:
        try:
            answer(piece, send)
        except OSError:
            send(b"")

    return wrapped


def test_a_whole_sdm630_fills_the_line(poll):
    """Asked again as soon as it answered, the line waits for us for less than a tenth of the time."""
    line = RtuLine({1: zeros}, 9600)
    with Wire(line) as gateway:
        intake = HeldIntake()
        poll(gateway.port, intake, slave("main", 1, SDM630, every=MS), timeout=SECOND, baud=9600)
        eventually(lambda: len(intake.deliveries) >= 20, 20)
    read = {(function, place) for _, function, at, count in line.asked for place in range(at, at + count)}
    spans = [span for one in SDM630.registers for span in one.spans]
    assert read >= {(FUNCTIONS[span.table], span.address) for span in spans}
    assert line.occupancy > 0.9, f"{line.occupancy:.1%} of the line's time in use"


def test_a_device_gets_the_pause_it_asks_for(poll):
    came: dict[int, list[float]] = defaultdict(list)

    def timed(piece: bytes, send) -> None:
        unit, function, _, count = rtu_request(piece)
        came[unit].append(time.monotonic())
        send(rtu_reply(unit, registers(function, [0] * count)))

    shape = profile(register("near", 0), register("far", 1000), pause=80 * MS)
    with Wire(timed) as gateway:
        poll(gateway.port, HeldIntake(), slave("m", 1, shape))
        eventually(lambda: len(came[1]) >= 10)
    pauses = [far - near for near, far in zip(came[1][::2], came[1][1::2], strict=False)]
    assert statistics.median(pauses) >= 0.08  # the machine may hold up the peer now and then


def test_max_registers_of_the_profile_bounds_every_read(poll):
    line = RtuLine({1: zeros}, 9600)
    shape = profile(*(register(f"p{at}", at) for at in range(0, 60, 2)), max_registers=20)
    with Wire(line) as gateway:
        poll(gateway.port, HeldIntake(), slave("m", 1, shape))
        eventually(lambda: len(line.asked) >= 6)
    assert {count for _, _, _, count in line.asked} == {20}


class Pty:
    """A serial line: a pseudo terminal of which one end is a path and the other answers questions."""

    def __init__(self, answer) -> None:
        self._answer = answer
        self._master, self._slave = pty.openpty()
        self.path = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Pty:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._slave)
        self._thread.join(5)
        os.close(self._master)

    def _serve(self) -> None:
        waiting = b""
        while True:
            try:
                waiting += os.read(self._master, 256)
            except OSError:  # nobody holds the other end any more
                return
            while len(waiting) >= 8:
                self._answer(waiting[:8], lambda reply: os.write(self._master, reply))
                waiting = waiting[8:]


def test_a_serial_line_is_read(poll, request):
    line = RtuLine({5: lambda function, address, count: [address + place for place in range(count)]}, 9600)
    shape = profile(register("a", 10, "uint16"), register("b", 13, "uint16"))
    with Pty(line) as serial:
        intake = HeldIntake()
        collector = poll(serial.path, intake, slave("m", 5, shape), slave("dead", 6, shape), transport="rtu", baud=9600)
        eventually(lambda: len(intake.values("b")) >= 2)
        eventually(lambda: collector.status().silent_devices == ("dead",))
        assert collector.status().state == "up"
        collector.stop()
    assert {(sample.point, sample.value) for sample in intake.samples} == {("a", "10"), ("b", "13")}


def test_a_serial_port_that_is_not_there_is_waited_for(poll, tmp_path):
    path = tmp_path / "ttyUSB0"
    line = RtuLine({5: zeros}, 9600)
    with Pty(line) as serial:
        intake = HeldIntake()
        collector = poll(str(path), intake, slave("m", 5, profile(register("a", 10))), transport="rtu")
        eventually(lambda: collector.status().reason == f"nothing answers at {path}")
        path.symlink_to(serial.path)
        eventually(lambda: intake.values("a"), 10)
        collector.stop()


READS = {1, 2, 3, 4}


@contextmanager
def wired(transport: str, answer) -> Iterator[ModbusConnection]:
    """A peer that answers on a socket or a serial line, and the connection to it."""
    serial = transport == "rtu"
    with Pty(answer) if serial else Wire(answer) as peer:
        place = (peer.path, 0) if serial else ("127.0.0.1", peer.port)
        yield ModbusConnection("bus", transport, *place, timeout=SECOND)


@pytest.mark.parametrize("transport", get_args(ModbusTransport))
def test_a_write_never_leaves_even_when_it_is_asked_for(transport):
    """pymodbus can write; what it hands to the socket passes a gate that lets reads through only."""
    heard: list[bytes] = []

    def listening(piece: bytes, send) -> None:
        heard.append(piece)

    async def try_all(connection: ModbusConnection) -> None:
        client = client_of(connection)
        assert await client.connect()
        calls = [
            lambda: client.write_coil(0, True, device_id=1),
            lambda: client.write_register(0, 1, device_id=1),
            lambda: client.write_coils(0, [True], device_id=1),
            lambda: client.write_registers(0, [1], device_id=1),
            lambda: client.mask_write_register(address=0, device_id=1),
            lambda: client.readwrite_registers(read_address=0, read_count=1, values=[1], device_id=1),
            lambda: client.diag_restart_communication(True, device_id=1),
            lambda: client.read_device_information(device_id=1),
            lambda: client.read_fifo_queue(device_id=1),
        ]
        for call in calls:
            with pytest.raises(NotReading):
                await call()
        client.close()
        await asyncio.sleep(0)

    with wired(transport, listening) as connection:
        asyncio.run(try_all(connection))
    assert heard == []


@pytest.mark.parametrize("transport", get_args(ModbusTransport))
def test_every_byte_that_leaves_is_a_question_of_four_kinds(transport):
    """All tables, all sizes, heard by a raw socket: whole frames of functions 1 to 4 with an address and a count."""
    heard: list[bytes] = []

    def listening(piece: bytes, send) -> None:
        heard.append(piece)
        if transport == "tcp":
            transaction, unit, function, _, count = tcp_request(piece)
            body = (
                registers(function, [0] * count)
                if function > 2
                else bytes([function, -(-count // 8)]) + b"\0" * (-(-count // 8))
            )
            send(tcp_reply(transaction, unit, body))
        else:
            unit, function, _, count = rtu_request(piece)
            octets = 2 * count if function > 2 else -(-count // 8)
            send(rtu_reply(unit, bytes([function, octets]) + b"\0" * octets))

    async def ask_all(connection: ModbusConnection) -> None:
        link = Link(connection)
        assert await link.open()
        for table, at, count in itertools.product(FUNCTIONS, (0, 40000, 65000), (1, 2, 9, 125)):
            assert list(await link.read(247, Block(table, at, count, ()))) == [0] * count
        await link.close()

    with wired(transport, listening) as connection:
        asyncio.run(ask_all(connection))
    head = 6 if transport == "tcp" else 0
    assert len(heard) == 4 * 3 * 4
    assert {len(piece) for piece in heard} == {12 if transport == "tcp" else 8}
    assert {piece[head + 1] for piece in heard} == READS
    questions = {struct.unpack(">BBHH", piece[head : head + 6]) for piece in heard}
    assert len(questions) == len(heard)


def test_no_code_of_ours_names_a_function_that_writes():
    named = []
    for path in modules().values():
        if not str(path).startswith("collectors/modbus/"):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            names = [node.attr] if isinstance(node, ast.Attribute) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            named += [f"{path}:{node.lineno} {name}" for name in names if "write" in name.lower() or name == "execute"]
    assert named == []
    assert set(FUNCTIONS.values()) == READS


def test_nothing_listens_at_a_free_port_and_the_bus_says_where(poll):
    port = free_port()
    collector = poll(port, HeldIntake(), slave("m", 1, profile(register("x", 0))))
    eventually(lambda: collector.status().state == "down")
    assert collector.status().reason == f"nothing answers at 127.0.0.1:{port}"

"""A gateway that answers late, never, twice over, in any order and to whoever is connected: no value goes astray.

Every register holds its own address, and all reads look alike on the wire.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from peers.intake import HeldIntake
from peers.rtu import rtu_reply, rtu_request
from peers.small import profile, register, slave
from peers.wire import Send, Wire, registers

from collectors.modbus.bus import ModbusCollector
from meterbook.domain.device import ModbusConnection

MS = 1_000
TIMEOUT = 50 * MS
LATE = 0.8
"""Seconds that an answer may take: sixteen timeouts."""

SHAPES = {
    first: profile(*(register(f"r{first + place}", first + place, "uint16") for place in (0, 50, 100)))
    for first in (1_000, 2_000, 3_000, 4_000)
}


class Tardy:
    """The gateway. What is late goes to the newest connection; `in_order` as through one pipe, else as it likes."""

    def __init__(self, seed: int, *, in_order: bool) -> None:
        self._chance = random.Random(seed)
        self._in_order = in_order
        self._clear = 0.0
        self._sends: list[Send] = []
        self.late = self.never = 0

    def __call__(self, piece: bytes, send: Send) -> None:
        self._sends.append(send)
        unit, function, address, count = rtu_request(piece)
        reply = rtu_reply(unit, registers(function, [address + place for place in range(count)]))
        fate = self._chance.random()
        delay = 0.002
        if fate < 0.06:
            delay = self._chance.uniform(0.04, LATE)
            self.late += 1
        elif fate < 0.09:
            self.never += 1
            return
        elif fate < 0.10:
            reply = reply[: self._chance.randrange(1, len(reply))]
        elif fate < 0.11:
            reply = rtu_reply(unit, registers(function, [address] * (count + 1)))
        elif fate < 0.12:
            reply = rtu_reply(unit, bytes([function | 0x80, self._chance.choice([4, 6, 11])]))
        now = time.monotonic()
        self._clear = max(now + delay, self._clear if self._in_order else 0.0)
        timer = threading.Timer(self._clear - now, lambda: self._sends[-1](reply))
        timer.daemon = True
        timer.start()


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "in any order"])
def test_no_late_answer_becomes_another_registers_value(
    clock: Callable[[], int], counts: Callable[[int], int], in_order: bool
) -> None:
    lives = counts(100)
    gateway = Tardy(len(SHAPES) + in_order, in_order=in_order)
    taken: list[tuple[str, str, str]] = []
    chance = random.Random(4)
    with Wire(gateway) as wire:
        for _ in range(lives):
            intake = HeldIntake()
            connection = ModbusConnection("bus", "rtu-over-tcp", "127.0.0.1", wire.port, timeout=TIMEOUT)
            units = {1_000: 1, 2_000: 1, 3_000: 2, 4_000: None}
            devices = [slave(f"d{first}", unit, SHAPES[first], every=100 * MS) for first, unit in units.items()]
            collector = ModbusCollector(connection, devices, intake, clock)
            collector.start()
            time.sleep(chance.uniform(2, 5))
            collector.stop()
            taken += [(sample.device, sample.point, str(sample.value)) for sample in intake.samples]
    assert gateway.late + gateway.never > 0
    assert len(taken) > 5 * lives
    astray = [one for one in taken if one[1] != f"r{one[2]}"]
    assert astray == [], f"{len(astray)} of {len(taken)}"
    print(f"\n{len(taken)} values, {gateway.late} answers late and {gateway.never} never: none astray")

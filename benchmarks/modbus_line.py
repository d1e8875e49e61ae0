"""How much of a serial line's time is used when a whole SDM630 is read again and again over RTU over TCP.

The peer is a gateway with a line behind it: it holds back every answer until the line could have carried question and
answer, at 11 bits a character with silent gaps of 3.5 characters. The limit is that time for the reads of the plan; the
share is the limit divided by what the wall clock says. The budget is 0.9 at 9600 Bd. Everything stays on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import socket
import struct
import sys
import threading
import time

from rich.console import Console
from rich.table import Table

from collectors.modbus.bus import ModbusCollector
from collectors.modbus.line import Line
from collectors.modbus.plan import plan
from collectors.port import Delivery
from meterbook import telemetry
from meterbook.domain.device import Device, ModbusConnection
from meterbook.domain.instant import SECOND, Instant
from meterbook.domain.profile import Profile
from meterbook.site.config import config_dir
from meterbook.site.profiles import load_profile

BUDGET = 0.9
PROFILE = "eastron-sdm630"
BAUDS = (2400, 9600, 19200, 115200)
POLLS = 10


def now() -> Instant:
    """The machine's clock: a benchmark is a composition root of its own."""
    return time.time_ns() // 1_000


def checksum(frame: bytes) -> bytes:
    value = 0xFFFF
    for octet in frame:
        value ^= octet
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Gateway:
    """A transparent gateway with one meter on a line of `baud`; it says 0 to every question, no sooner than it can."""

    def __init__(self, baud: int) -> None:
        self._line = Line(baud)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.questions = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with link:
            while question := link.recv(64):
                free = time.monotonic() + self._line.cost("input", struct.unpack(">H", question[4:6])[0]) / 1e9
                octets = 2 * struct.unpack(">H", question[4:6])[0]
                reply = question[:2] + bytes([octets]) + bytes(octets)
                time.sleep(max(0.0, free - time.monotonic()))
                self.questions += 1
                link.sendall(reply + checksum(reply))


class Counted:
    """An intake that knows when each poll arrived."""

    def __init__(self) -> None:
        self.arrived: list[float] = []
        self.samples = 0

    def offer(self, delivery: Delivery, timeout: float = 0.0) -> bool:
        """Take everything."""
        self.arrived.append(time.monotonic())
        self.samples += len(delivery.samples)
        return True


def shipped() -> Profile:
    profile, problems = load_profile(config_dir() / "profiles" / f"{PROFILE}.yaml")
    if profile is None:
        raise SystemExit(f"{PROFILE} does not load: {problems}")
    return profile


def measure(profile: Profile, baud: int, polls: int) -> tuple[float, float, int]:
    """(seconds of a poll by the physics of the line, seconds of a poll by the clock, reads of a poll)."""
    spans = {span for register in profile.registers for span in register.spans}
    reads = plan(spans, Line(baud), profile.max_registers)
    limit = sum(Line(baud).cost(block.table, block.count) for block in reads) / 1e9
    gateway, intake = Gateway(baud), Counted()
    connection = ModbusConnection("bench", "rtu-over-tcp", "127.0.0.1", gateway.port, timeout=10 * SECOND, baud=baud)
    collector = ModbusCollector(connection, [Device("meter", "bench", 1_000, unit=1, profile=profile)], intake, now)
    collector.start()
    deadline = time.monotonic() + 60 + 3 * limit * polls
    while len(intake.arrived) <= polls and time.monotonic() < deadline:
        time.sleep(0.01)
    collector.stop()
    gateway.close()
    if len(intake.arrived) <= polls:
        raise SystemExit(f"only {len(intake.arrived)} polls at {baud} Bd before the deadline")
    return limit, (intake.arrived[polls] - intake.arrived[0]) / polls, len(reads)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polls", type=int, default=POLLS, help="polls measured at each speed")
    options = parser.parse_args()
    telemetry.configure(json=False, level="error")
    profile = shipped()
    table = Table(title=f"{PROFILE}: {len(profile.registers)} points, polled again and again", title_justify="left")
    for column in ("baud", "reads a poll", "limit ms", "measured ms", "share of the limit"):
        table.add_column(column, justify="right")
    shares = {}
    for baud in BAUDS:
        limit, taken, reads = measure(profile, baud, options.polls)
        shares[baud] = limit / taken
        table.add_row(str(baud), str(reads), f"{limit * 1e3:.1f}", f"{taken * 1e3:.1f}", f"{shares[baud]:.1%}")
    Console().print(table)
    return 0 if shares[9600] >= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())

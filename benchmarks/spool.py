"""How much a week without the database takes on disk, and how fast it is replayed.

Readings as meters send them (667 points, each once a second, registers with two decimals, in messages of 10) go into
the spool, each message with its fsync, and come out again as lines for InfluxDB; with `influxd` on this machine they
also land in a real InfluxDB 1, which includes looking for what is there already. The measured bytes per reading and
rates are extrapolated to seven days. The budget is a spool of that week within the default limit, replayed within a
day; how much messages of other sizes take is shown beside it.
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from meterbook import telemetry
from meterbook.domain.instant import DAY, SECOND, Instant
from meterbook.domain.reading import Reading
from meterbook.readings.fault import Away
from meterbook.readings.influx import Address, Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.line_protocol import reading_line, series
from meterbook.readings.port import Batch
from meterbook.readings.record import encode
from meterbook.readings.spool import Limits, Spool
from meterbook.readings.spooled import TOGETHER
from meterbook.settings import SpoolLimits

POINTS = 667
MESSAGE = 10
OTHERS = (1, 100, POINTS)
BEGIN: Instant = 1_780_000_000 * SECOND
WEEK = POINTS * 7 * DAY // SECOND
MOST = 4_000_000


def messages(readings: int, size: int = MESSAGE) -> Iterator[Batch]:
    """Counters that climb by a few hundredths now and then, and gauges that wander."""
    chance = random.Random(4)
    values = [chance.uniform(0, 90_000) for _ in range(POINTS)]
    names = [f"meter-{number:03}.{'active_energy' if number % 3 else 'active_power'}" for number in range(POINTS)]
    for second in range(math.ceil(readings / POINTS)):
        rows = []
        for number in range(POINTS):
            step = chance.random() if number % 3 else chance.gauss(0, 1)
            values[number] += max(0.0, step - 0.8) if number % 3 else step
            rows.append(Reading(names[number], BEGIN + second * SECOND, round(values[number], 2)))
        for start in range(0, POINTS, size):
            yield Batch(rows[start : start + size], BEGIN + second * SECOND + start)


@contextmanager
def influxdb(folder: Path) -> Iterator[Address]:
    """A database in an InfluxDB of its own on this machine."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    settings = folder / "influxdb.conf"
    settings.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{ports[0]}"\n[meta]\n  dir = "{folder}/meta"\n'
        f'[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n  query-log-enabled = false\n'
        f'[monitor]\n  store-enabled = false\n[http]\n  bind-address = "127.0.0.1:{ports[1]}"\n  log-enabled = false\n'
    )
    process = subprocess.Popen(["influxd", "-config", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = Address(f"http://127.0.0.1:{ports[1]}", "bench")
        with closing(Server(address)) as server:
            until_there(server)
            list(server.rows('CREATE DATABASE "bench"'))
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def until_there(server: Server) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            server.version()
        except Away:
            if time.monotonic() > deadline:
                sys.exit("bench: influxd does not answer")
            time.sleep(0.05)
        else:
            return


def drained(spool: Spool, land: Callable[[list[Batch]], object]) -> float:
    """Seconds to take everything out, in the portions the service takes."""
    begin = time.monotonic()
    while True:
        batches, mark = spool.take(TOGETHER)
        if not batches:
            return time.monotonic() - begin
        land(batches)
        spool.landed(mark)


def as_lines(batches: list[Batch]) -> str:
    """The lines that would be sent."""
    return "\n".join(reading_line(series(one.point), one) for batch in batches for one in batch.readings)


def fill(directory: Path, readings: int) -> tuple[Spool, int, float]:
    """A spool with so many readings, how many they are exactly, and the seconds that appending took."""
    spool = Spool(directory, Limits(SpoolLimits().max_bytes, SpoolLimits().age))
    count, spent = 0, 0.0
    for batch in messages(readings):
        begin = time.monotonic()
        spool.append(batch)
        spent += time.monotonic() - begin
        count += len(batch.readings)
    return spool, count, spent


def measure(folder: Path, readings: int) -> tuple[float, dict[str, float]]:
    """Bytes per reading, and readings per second of each way."""
    spool, count, spent = fill(folder / "lines", readings)
    with closing(spool):
        size = spool.waiting / count
        rates = {
            "into the spool, an fsync for each 10": count / spent,
            "out of it, as lines": count / drained(spool, as_lines),
        }
    if not shutil.which("influxd"):
        return size, rates
    spool, count, _ = fill(folder / "landing", readings)
    with closing(spool), influxdb(folder) as address, closing(InfluxStore(Server(address, 30))) as store:
        rates["out of it, into InfluxDB 1"] = count / drained(spool, store.land)
        (row,) = store.server.rows('SELECT count("value") AS "count" FROM "readings"')
        if row.columns["count"] != count:
            sys.exit(f"bench: {count:,} readings were spooled and {row.columns['count']:,} landed")
    return size, rates


def main() -> int:
    """Measure, print the table, and answer 1 when the budget is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--readings", type=int, default=400_000, help=f"how many, at most {MOST:,}")
    readings = min(arguments.parse_args().readings, MOST)
    telemetry.configure(json=False, level="warning")
    with tempfile.TemporaryDirectory() as folder:
        size, rates = measure(Path(folder), readings)
    table = Table("way", "readings/s", f"seven days ({WEEK / 1e6:.0f} M readings)", title="Spool")
    for way, rate in rates.items():
        table.add_row(way, f"{rate:,.0f}", f"{WEEK / rate / 3_600:.1f} h")
    console = Console(width=110)
    console.print(table)
    limit = SpoolLimits().max_bytes
    replay = min(rate for way, rate in rates.items() if way.startswith("out"))
    kept = size * WEEK <= limit and WEEK / replay <= DAY / SECOND
    console.print(f"{size:.1f} bytes per reading: {size * WEEK / 2**30:.2f} GiB for seven days of {POINTS} readings/s")
    for other in OTHERS:
        batches = list(messages(20_000, other))
        each = sum(len(encode(one)) for one in batches) / sum(len(one.readings) for one in batches)
        console.print(f"  in messages of {other}: {each:.1f} bytes, {each * WEEK / 2**30:.2f} GiB")
    if "out of it, into InfluxDB 1" not in rates:
        console.print("influxd is not installed: landing was not measured")
    console.print(f"budget: within {limit / 2**30:.0f} GiB and replayed within a day, {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

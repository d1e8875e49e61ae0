"""The promise of the spool: nothing it acknowledged is lost or counted twice, whatever ends it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from peers import influxdb
from readings import spooler

FULL = 1_000_000
LIVES = 100
SMALL_DISK, ANY = 3_000, 1 << 30


@pytest.fixture
def own_influx(tmp_path: Path) -> influxdb.InfluxDB:
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    return influxdb.InfluxDB(tmp_path / "influxdb")


class Lives:
    """One spool through many processes."""

    def __init__(self, spool: Path, url: str, database: str) -> None:
        self._arguments = [sys.executable, spooler.__file__, str(spool), url, database]
        self.acknowledged = -1
        self.refused = 0

    def live(self, batches: int, largest: int) -> None:
        """Spool about so many batches, until the disk is full where it is small, and be killed."""
        process = self._begin(self.acknowledged + 1, largest)
        assert process.stdout is not None
        for _ in range(random.randint(1, 2 * batches)):
            self._hear(process.stdout.readline())
        refused = self.refused
        while largest == SMALL_DISK and self.refused == refused:
            self._hear(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines():
            self._hear(line)
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL

    def drain(self) -> None:
        """Let land what waits."""
        process = self._begin(-1, ANY)
        process.communicate(timeout=150)
        assert process.returncode == 0

    def _begin(self, first: int, largest: int) -> subprocess.Popen[str]:
        return subprocess.Popen([*self._arguments, str(first), str(largest)], stdout=subprocess.PIPE, text=True)

    def _hear(self, line: str) -> None:
        if line.strip() == "refused":
            self.refused += 1
        else:
            self.acknowledged = int(line)


def test_killed_with_a_broken_network_and_a_full_disk(
    own_influx: influxdb.InfluxDB, tmp_path: Path, counts: Callable[[int], int]
) -> None:
    lives, wanted = counts(LIVES) + 5, counts(FULL) // spooler.SIZE
    with own_influx:
        address = own_influx.new_database()
        spool = Lives(tmp_path / "spool", address.url, address.database)
        turn = 0
        while spool.acknowledged < wanted or turn < lives:
            # Every third life without the database, which is killed as well; every fourth on a disk with little room.
            if turn % 3 == 1:
                own_influx.stop(kill=True)
            spool.live(max(1, wanted // lives), SMALL_DISK if turn % 4 == 1 else ANY)
            if turn % 3 == 1:
                own_influx.start()
            turn += 1
        spool.drain()
        # The last batch may be on disk without anybody having heard of it.
        found = own_influx.query('SELECT count("value"), min("value"), max("value") FROM "readings"', address.database)
        stored = {
            number: row["count"]
            for number, row in enumerate(_per_batch(own_influx, address.database, int(str(found[0]["max"]))))
        }
        torn = {number: held for number, held in stored.items() if held != spooler.SIZE}
        assert not torn, "a batch is there whole, and once"
        assert spool.acknowledged in {len(stored) - 1, len(stored) - 2}
        assert own_influx.query('SELECT count("value") FROM "conflicts"', address.database) == []
    assert spool.refused > 0, "the disk was never full"


def _per_batch(influx: influxdb.InfluxDB, database: str, last: int) -> list[dict[str, object]]:
    """The number of readings of each batch, by the instants that only it uses."""
    start, end = spooler.NOW * 1_000, (spooler.NOW + (last + 1) * spooler.SIZE) * 1_000
    per_batch = f"time >= {start} AND time < {end} GROUP BY time({spooler.SIZE}u, {spooler.NOW % spooler.SIZE}u)"
    return influx.query(f'SELECT count("value") FROM "readings" WHERE {per_batch}', database)

"""A process that spools batches for an InfluxDB and says so after each: `spooler.py SPOOL URL DATABASE FIRST LARGEST`.

Batch n holds SIZE readings of the value n, at instants that only it uses. No file of the process may grow beyond
LARGEST bytes, as on a disk that is full now and then; what is refused is tried again, as a sender would. A batch of a
number below 0 ends it once everything has landed.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from pathlib import Path

from meterbook import telemetry
from meterbook.domain.instant import DAY, parse
from meterbook.domain.reading import Reading
from meterbook.readings.fault import StoreError
from meterbook.readings.influx import Address, Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.spool import Limits, Spool
from meterbook.readings.spooled import SpooledStore

NOW = parse("2026-11-01T08:00:00Z")
SIZE = 100


def batch(number: int) -> list[Reading]:
    return [Reading(f"point-{row % 5}.volume", NOW + number * SIZE + row, float(number)) for row in range(SIZE)]


def main(spool: str, url: str, database: str, first: int, largest: int) -> None:
    telemetry.configure(json=True, level="critical")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    remote = InfluxStore(Server(Address(url, database)))
    store = SpooledStore(remote, Spool(Path(spool), Limits(64 << 20, 14 * DAY)))
    store.start(lambda _: None, lambda: NOW)
    number = first
    while first >= 0:
        try:
            store.append(batch(number), NOW + number)
        except StoreError:
            print("refused", flush=True)
            time.sleep(0.002)
        else:
            print(number, flush=True)
            number += 1
    store.stop(120)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:4], *(int(text) for text in sys.argv[4:]))

"""A whole Meterbook on an InfluxDB that goes away: what is acknowledged, what is said, what arrives in the end."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from peers import influxdb
from peers.service import MeterbookProcess
from peers.small import small_site
from peers.waiting import eventually

from meterbook.books import arrivals, quarantine
from meterbook.books.database import Books
from meterbook.domain.instant import DAY, HOUR, SECOND, Instant, iso, parse
from meterbook.domain.reading import IntakeFull, Reading, Refusal
from meterbook.pipeline import Pipeline
from meterbook.readings.memory import MemoryStore
from meterbook.readings.port import Landing
from meterbook.readings.spool import Limits, Spool
from meterbook.readings.spooled import SpooledStore
from meterbook.wiring.opening import machine_clock

NOW = parse("2026-11-01T08:00:00Z")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with closing(Books(f"sqlite:///{tmp_path}/books.db")) as opened:
        opened.migrate()
        yield opened


class Refusing(MemoryStore):
    """A remote store that will never take one value."""

    def land(self, batches: Any) -> Landing:
        landing = super().land(batches)
        kept = [place for place, reading in enumerate(landing.readings) if reading.value != 13.0]
        refused = [Refusal("store", one.point, "unlucky", "line", NOW) for one in landing.readings if one.value == 13.0]
        return Landing(
            [landing.readings[place] for place in kept], [landing.outcomes[place] for place in kept], refused
        )


def test_the_arrival_log_waits_for_the_landing(tmp_path: Path, books: Books) -> None:
    spool = Spool(tmp_path / "spool", Limits(1 << 30, DAY))
    store = SpooledStore(Refusing(), spool)
    pipeline = Pipeline(small_site([]), store, books, lambda: NOW + 20 * SECOND, 100)
    pipeline.start()
    readings = [Reading("a.volume", NOW + number * SECOND, float(number)) for number in range(20)]
    with closing(store):
        receipt = pipeline.deliver("push", readings)
        assert (receipt.accepted, receipt.repeated, receipt.conflicts) == (20, 0, 0)
        with books.read() as connection:
            assert arrivals.last(connection) == 0, "nobody could read them yet"
        store.start(pipeline.landed, lambda: NOW)
        eventually(lambda: not spool.waiting)
        with books.read() as connection:
            (arrival,) = arrivals.since(connection, 0, 10)
            (refusal,) = quarantine.latest(connection, 10)
        assert (arrival.start, arrival.end, arrival.late) == (NOW, NOW + 19 * SECOND, ())
        assert (refusal.source, refusal.reason) == ("store", "unlucky")
        pipeline.deliver("push", readings[:2])
        eventually(lambda: not spool.waiting)
        with books.read() as connection:
            (again,) = arrivals.since(connection, arrival.sequence, 10)
        assert [(late.point, late.start, late.end) for late in again.late] == [("a.volume", NOW, NOW + SECOND)]
        pipeline.stop()
        store.stop()
        with pytest.raises(IntakeFull):
            pipeline.deliver("push", readings)


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[influxdb.InfluxDB]:
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    with influxdb.InfluxDB(tmp_path / "influxdb") as server:
        yield server


def site_on(directory: Path, url: str, database: str) -> Path:
    directory.mkdir()
    (directory / "site.yaml").write_text("site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\n")
    (directory / "meters.yaml").write_text("meters:\n  - {id: W, utility: water, entry: manual}\n")
    chosen = f"{{influxdb: {{url: '{url}', database: {database}}}}}"
    (directory / "service.yaml").write_text(f"storage: {{readings: {chosen}}}\n")
    return directory


def push(service: MeterbookProcess, at: Instant, value: float) -> Any:
    body = orjson.dumps({"readings": [{"point": "W", "at": iso(at), "value": value}]})
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}/api/v1/readings", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return orjson.loads(answer.read())


def readiness(service: MeterbookProcess) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/readyz", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_nothing_acknowledged_is_lost_while_the_server_is_away(own_influx: influxdb.InfluxDB, tmp_path: Path) -> None:
    address = own_influx.new_database()
    site = site_on(tmp_path / "site", address.url, address.database)
    begin = (machine_clock() - DAY) // HOUR * HOUR
    with MeterbookProcess(site, tmp_path / "data", {}) as service:
        assert push(service, begin, 1.0)["accepted"] == 1
        eventually(lambda: readiness(service)[0] == 200)
        own_influx.stop()
        assert push(service, begin + HOUR, 2.0)["accepted"] == 1
        status, told = eventually(lambda: "readings wait on disk" in readiness(service)[1] and readiness(service))
        assert status == 503
        assert "storage.readings.influxdb.url" in told
        assert service.end(signal.SIGKILL) == -signal.SIGKILL
        service.start()
        assert push(service, begin + 2 * HOUR, 3.0)["accepted"] == 1
        own_influx.start()
        eventually(lambda: readiness(service)[0] == 200, 60)
        found = own_influx.query('SELECT "value" FROM "readings"', address.database)
        assert [row["value"] for row in found] == [1, 2, 3]

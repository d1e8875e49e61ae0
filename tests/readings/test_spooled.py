"""A remote store behind its spool: what waits, what lands, what is said about it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from peers import influxdb
from peers.answering import Answer, Answering
from peers.ports import free_port
from peers.waiting import eventually

from meterbook import telemetry
from meterbook.domain.instant import DAY, MINUTE, SECOND, parse
from meterbook.domain.reading import Outcome, Reading
from meterbook.readings.fault import Away, StoreError
from meterbook.readings.influx import Address, Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.memory import MemoryStore
from meterbook.readings.port import Landing, RemoteStore
from meterbook.readings.spool import Limits, Spool
from meterbook.readings.spooled import SpooledStore

NOW = parse("2026-11-01T08:00:00Z")
WIDE = Limits(1 << 30, 14 * DAY)


class Watched:
    """A spooled store whose landings are kept, and whose clock stands where it is put."""

    def __init__(self, remote: RemoteStore, directory: Path, limits: Limits = WIDE) -> None:
        self.store = SpooledStore(remote, Spool(directory, limits))
        self.landings: list[Landing] = []
        self.now = NOW

    def start(self) -> Watched:
        self.store.start(self.landings.append, lambda: self.now)
        return self

    def close(self) -> None:
        self.store.stop()
        self.store.close()

    @property
    def landed(self) -> list[Reading]:
        return [reading for landing in self.landings for reading in landing.readings]


def rows(start: int, count: int = 10) -> list[Reading]:
    return [Reading("a.volume", NOW + number, float(number)) for number in range(start, start + count)]


def influx_at(url: str, timeout: float = 10) -> InfluxStore:
    return InfluxStore(Server(Address(url, "d"), timeout))


def test_lands_in_order_with_its_outcome(tmp_path: Path) -> None:
    remote = MemoryStore()
    with closing(Watched(remote, tmp_path).start()) as watched:
        assert watched.store.append(rows(0), NOW) == [Outcome.SPOOLED] * 10
        assert watched.store.append(rows(5), NOW + 1) == [Outcome.SPOOLED] * 10
        assert watched.store.append([rows(0)[0]._replace(value=7.0)], NOW + 2) == [Outcome.SPOOLED]
        assert watched.store.append([], NOW) == []
        eventually(lambda: len(watched.landed) == 21)
        outcomes = [outcome for landing in watched.landings for outcome in landing.outcomes]
        assert outcomes == [Outcome.ACCEPTED] * 10 + [Outcome.REPEATED] * 5 + [Outcome.ACCEPTED] * 5 + [
            Outcome.CONFLICT
        ]
        assert watched.landed == [*rows(0), *rows(5), rows(0)[0]._replace(value=7.0)]
        assert watched.store.conflicts("a.volume", NOW, NOW + 1)[0].superseded == NOW + 2
        assert watched.store.points() == ["a.volume"]
        assert watched.store.latest() == watched.store.latest(["a.volume"]) == {"a.volume": rows(14)[0]}
        assert watched.store.before("a.volume", NOW + 2) == rows(1)[0]
        assert watched.store.following("a.volume", NOW + 2) == rows(2)[0]
        assert len(watched.store.read("a.volume", NOW, NOW + 99)) == 15
        assert watched.store.trouble is None


def test_what_is_no_number_is_refused_whole(tmp_path: Path) -> None:
    with closing(Watched(MemoryStore(), tmp_path)) as watched:
        with pytest.raises(StoreError, match=r"a\.volume has a value that is no finite number"):
            watched.store.append([*rows(0), Reading("a.volume", NOW, float("nan"))], NOW)
        with pytest.raises(StoreError, match="cannot be written to the spool"):
            watched.store.append([*rows(0), Reading("a.volume", 2**70, 1.0)], NOW)
        watched.start()
        watched.store.append(rows(50), NOW)
        eventually(lambda: watched.landed == rows(50))


def test_stopping_lets_land_what_can(tmp_path: Path) -> None:
    remote = MemoryStore()
    with closing(Watched(remote, tmp_path).start()) as watched:
        for number in range(0, 1_000, 10):
            watched.store.append(rows(number), NOW)
    assert len(remote.read("a.volume", NOW, NOW + DAY)) == 1_000


def test_what_the_books_could_not_log_lands_again(tmp_path: Path) -> None:
    remote, told = MemoryStore(), []

    def landed(landing: Landing) -> None:
        told.append(landing)
        if len(told) == 1:
            raise RuntimeError("the books are locked")

    with closing(SpooledStore(remote, Spool(tmp_path, WIDE))) as store:
        store.append(rows(0), NOW)
        store.start(landed, lambda: NOW)
        eventually(lambda: store.trouble)
        assert "the books are locked" in str(store.trouble)
        eventually(lambda: len(told) == 2)
        eventually(lambda: store.trouble is None)
        store.stop()
    assert list(told[1].outcomes) == [Outcome.REPEATED] * 10


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(401, b"who are you"), "storage.readings.influxdb.token"),
        (Answer(404, b"database not found"), "storage.readings.influxdb.database"),
        (Answer(429, b"too fast", (("Retry-After", "1"),)), "asks us to wait"),
        (Answer(503, b"busy"), "fails (503: busy)"),
        (Answer(204, after=60), "does not answer within 0.2 s"),
    ],
)
def test_a_server_in_trouble_costs_nothing_and_is_told(tmp_path: Path, answer: Answer, told: str) -> None:
    with (
        Answering(answer=lambda _: answer) as peer,
        closing(Watched(influx_at(peer.url, 0.2), tmp_path).start()) as watched,
    ):
        failures = telemetry.STORE_FAILURES._value.get()
        watched.store.append(rows(0), NOW)
        trouble = eventually(lambda: watched.store.trouble)
        assert told in trouble
        assert "since 2026-11-01T08:00:00+00:00" in trouble
        assert "readings wait on disk" in trouble
        assert telemetry.STORE_FAILURES._value.get() > failures
        watched.store.append(rows(10), NOW + 1)
        begun = time.monotonic()
        peer.answer = lambda _: Answer(204)
        eventually(lambda: watched.landed == rows(0, 20))
        assert (answer.status != 429) or time.monotonic() - begun > 0.5, "came back before Retry-After"
        eventually(lambda: watched.store.trouble is None)
        times = [int(line.rsplit(" ", 1)[1]) // 1_000 for line in peer.taken]
        assert sorted(set(times)) == [NOW + number for number in range(20)]


def test_poison_is_set_aside_with_its_reason_and_the_others_go_in(tmp_path: Path) -> None:
    def answer(lines: list[str]) -> Answer:
        return Answer(400, b'{"error": "unable to parse"}' if any("value=500.0" in line for line in lines) else b"")

    def fair(lines: list[str]) -> Answer:
        refusal = answer(lines)
        return refusal if refusal.body else Answer(204)

    with Answering(answer=fair) as peer, closing(Watched(influx_at(peer.url), tmp_path).start()) as watched:
        watched.store.append(rows(0, 1_000), NOW)
        eventually(lambda: watched.landings)
        (landing,) = watched.landings
        assert list(landing.readings) == [*rows(0, 500), *rows(501, 499)]
        (refusal,) = landing.refused
        assert (refusal.source, refusal.subject) == ("store", "a.volume")
        assert "unable to parse" in refusal.reason
        assert "value=500.0" in refusal.content
        assert len(peer.taken) == 999


def test_says_when_it_fills_and_refuses_when_it_is_full(tmp_path: Path) -> None:
    away = influx_at(f"http://127.0.0.1:{free_port()}")
    with closing(Watched(away, tmp_path, Limits(1 << 30, 10 * MINUTE)).start()) as watched:
        watched.store.append(rows(0), NOW)
        assert "cannot be reached" in eventually(lambda: watched.store.trouble)
        assert "full" not in str(watched.store.trouble)
        watched.now = NOW + 7 * MINUTE
        assert "the spool is 70% full, and will refuse readings" in str(watched.store.trouble)
        assert telemetry.SPOOL_FILL._value.get() == pytest.approx(0.7)
        refused = telemetry.SPOOL_REFUSED._value.get()
        with pytest.raises(StoreError, match=r"storage\.spool\.max_age"):
            watched.store.append(rows(10), NOW + 11 * MINUTE)
        assert telemetry.SPOOL_REFUSED._value.get() == refused + 1


def test_reading_an_absent_server_is_no_empty_answer(tmp_path: Path) -> None:
    with closing(Watched(influx_at(f"http://127.0.0.1:{free_port()}"), tmp_path)) as watched:
        watched.store.append(rows(0), NOW)
        for ask in (lambda: watched.store.read("a.volume", NOW, NOW + 9), watched.store.latest, watched.store.points):
            with pytest.raises(Away):
                ask()


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[influxdb.InfluxDB]:
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    with influxdb.InfluxDB(tmp_path / "influxdb") as server:
        yield server


def test_what_the_database_acknowledged_and_lost_lands_again(own_influx: influxdb.InfluxDB, tmp_path: Path) -> None:
    """A crash in the middle of a write leaves its log torn; InfluxDB goes on behind the tear, and at its next crash
    finds nothing there."""
    address = own_influx.new_database()

    def stored() -> int:
        found = own_influx.query('SELECT count("value") FROM "readings"', address.database)
        return int(str(found[0]["count"])) if found else 0

    def tear_and_crash() -> None:
        own_influx.stop(kill=True)
        (log,) = (tmp_path / "influxdb").glob("wal/*/*/*/*.wal")
        os.truncate(log, log.stat().st_size - 20)
        own_influx.start()

    with closing(Watched(InfluxStore(Server(address)), tmp_path / "spool").start()) as watched:
        watched.store.append(rows(0, 100), NOW)
        eventually(lambda: len(watched.landed) == 100)
        tear_and_crash()
        assert stored() == 0
        for number in range(100, 200, 10):
            watched.store.append(rows(number), NOW)
        eventually(lambda: stored() == 200)
    own_influx.stop(kill=True)
    own_influx.start()
    assert stored() == 0, "what it acknowledged behind the tear is gone"
    lost = telemetry.STORE_LOST._value.get()
    with closing(Watched(InfluxStore(Server(address)), tmp_path / "spool").start()) as watched:
        eventually(lambda: stored() == 200)
        eventually(lambda: len(watched.landed) == 200)
        eventually(lambda: telemetry.STORE_LOST._value.get() == lost + 200)
    with closing(Watched(InfluxStore(Server(address)), tmp_path / "spool").start()) as watched:
        watched.store.append(rows(0), NOW)
        eventually(lambda: watched.landed == rows(0))


def test_a_server_without_a_name_for_its_runs_is_asked_after_each_absence(tmp_path: Path) -> None:
    with Answering() as peer, closing(Watched(influx_at(peer.url), tmp_path).start()) as watched:
        watched.store.append(rows(0), NOW)
        eventually(lambda: watched.landed == rows(0))
        peer.answer = lambda _: Answer(503, b"busy")
        watched.store.append(rows(10), NOW)
        eventually(lambda: watched.store.trouble)
        peer.answer = lambda _: Answer(204)
        eventually(lambda: watched.landed == [*rows(0), *rows(0), *rows(10)])


def resident() -> int:
    """Bytes of memory this process uses."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_ten_minutes_without_the_database(
    own_influx: influxdb.InfluxDB, tmp_path: Path, counts: Callable[[int], int]
) -> None:
    """2,000 readings a second for ten minutes of the site's clock while the database is away."""
    address = own_influx.new_database()
    points = [f"device-{number}.volume" for number in range(2_000)]
    seconds = counts(600)
    with closing(Watched(InfluxStore(Server(address)), tmp_path / "spool")) as watched:
        store = watched.store
        landed = [0]
        store.start(
            lambda landing: landed.__setitem__(0, landed[0] + landing.outcomes.count(Outcome.ACCEPTED)),
            lambda: watched.now,
        )
        store.append([Reading(point, NOW - SECOND, 0.0) for point in points], NOW - SECOND)
        eventually(lambda: landed[0] == len(points))
        own_influx.stop()
        before = resident()
        for second in range(seconds):
            watched.now = NOW + second * SECOND
            store.append([Reading(point, watched.now, float(second)) for point in points], watched.now)
        assert resident() - before < 50_000_000
        assert "cannot be reached" in eventually(lambda: store.trouble)
        own_influx.start()
        eventually(lambda: landed[0] == len(points) * (seconds + 1), 300)
        eventually(lambda: store.trouble is None)
        assert resident() - before < 50_000_000
        for point in (points[0], points[777], points[-1]):
            series = store.read(point, NOW, NOW + DAY)
            assert np.array_equal(series.at, NOW + np.arange(seconds) * SECOND)
            assert np.array_equal(series.value, np.arange(seconds, dtype=float))
    (total,) = own_influx.query('SELECT count("value") FROM "readings"', address.database)
    assert total["count"] == len(points) * (seconds + 1)

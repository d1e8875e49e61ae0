"""Readings from one store into another: complete, proven, and again from where it ended."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import permutations
from pathlib import Path

import pytest
from peers import influxdb
from peers.commands import typed
from peers.ports import free_port
from readings import appender

from meterbook.domain.calendar import GRID
from meterbook.domain.instant import DAY, HOUR, Instant, parse
from meterbook.domain.reading import Outcome, Quality, Reading
from meterbook.readings.backup import backup
from meterbook.readings.copying import copy
from meterbook.readings.fault import StoreError
from meterbook.readings.influx import Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.memory import MemoryStore
from meterbook.readings.port import ReadingStore
from meterbook.readings.sqlite import SqliteStore

NOW = parse("2026-11-01T08:00:00Z")
KINDS = ("memory", "sqlite", "influxdb")


def fill(store: ReadingStore) -> None:
    """Two points over a quarter, readings of every quality, and values superseded together, twice and back again."""
    hourly = [Reading("main.active_energy", NOW + hour * HOUR, hour / 4, Quality(hour % 3)) for hour in range(2_200)]
    store.append(hourly, NOW)
    store.append([Reading("水表 1.volume", NOW + day * DAY, float(day)) for day in range(90)], NOW)
    store.append([reading._replace(value=reading.value + 1) for reading in hourly[100:120]], NOW + DAY)
    store.append([hourly[110]._replace(value=7.0), hourly[110]._replace(value=8.0), hourly[5]], NOW + 2 * DAY)
    store.append([hourly[110]], NOW + 3 * DAY)


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], ReadingStore]]:
    stores: list[ReadingStore] = []

    def open_one(kind: str) -> ReadingStore:
        if kind == "memory":
            stores.append(MemoryStore())
        elif kind == "sqlite":
            stores.append(SqliteStore(tmp_path / f"{len(stores)}.db"))
        else:
            server: influxdb.InfluxDB = request.getfixturevalue("influx")
            stores.append(InfluxStore(Server(server.new_database())))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


class Tired(MemoryStore):
    """A target that gives up after some calls, in the middle of a copy."""

    def __init__(self, target: ReadingStore, calls: int) -> None:
        super().__init__()
        self.read, self.conflicts, self.following = target.read, target.conflicts, target.following
        self._target, self._calls = target, calls

    def append(self, readings: Sequence[Reading], now: Instant) -> list[Outcome]:
        if not self._calls:
            raise StoreError("tired")
        self._calls -= 1
        return self._target.append(readings, now)


@pytest.mark.parametrize(("source", "target"), [*permutations(KINDS, 2), ("influxdb", "influxdb")])
def test_everything_arrives_and_is_the_same(opened: Callable[[str], ReadingStore], source: str, target: str) -> None:
    old, new = opened(source), opened(target)
    fill(old)
    copied = list(copy(old, new, NOW))
    assert [one.point for one in copied] == ["main.active_energy", "水表 1.volume"]
    assert all(one.same for one in copied)
    assert copied[0].source[:2] == (2_200, 23)
    assert new.conflicts("main.active_energy", NOW, NOW + 99 * DAY) == old.conflicts(
        "main.active_energy", NOW, NOW + 99 * DAY
    )
    assert all(one.same for one in copy(old, new, NOW + 9 * DAY)), "a second time changes nothing"


@pytest.mark.parametrize("target", KINDS)
def test_goes_on_where_it_ended(opened: Callable[[str], ReadingStore], target: str) -> None:
    old, new = opened("memory"), opened(target)
    fill(old)
    for calls in range(1, 12):
        try:
            list(copy(old, Tired(new, calls % 3), NOW))
        except StoreError:
            continue
    assert all(one.same for one in copy(old, new, NOW))


def test_what_differs_is_told(opened: Callable[[str], ReadingStore]) -> None:
    old, new = opened("memory"), opened("sqlite")
    fill(old)
    new.append([Reading("水表 1.volume", NOW + HOUR, 5.0)], NOW)
    fine, different = copy(old, new, NOW)
    assert fine.same
    assert not different.same
    assert (different.source.readings, different.target.readings) == (90, 91)


def meterbook(*arguments: str, code: int = 0) -> str:
    done = typed(*arguments)
    assert done.code == code, done.told
    return done.told


def test_the_command_names_stores_by_place(influx: influxdb.InfluxDB, tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "old.db")) as old:
        fill(old)
    address = influx.new_database()
    place = f"influxdb:{address.url}/{address.database}"
    told = meterbook("store", "copy", f"sqlite:{tmp_path}/old.db", place)
    assert "2 points, 2290 readings; 2 points are the same in both" in told
    meterbook("store", "copy", place, f"sqlite:{tmp_path}/new.db")
    with closing(SqliteStore(tmp_path / "new.db")) as new:
        assert len(new.conflicts("main.active_energy", NOW, NOW + 99 * DAY)) == 23
        new.append([Reading("水表 1.volume", NOW + HOUR, 5.0)], NOW)
    told = meterbook("store", "copy", place, f"sqlite:{tmp_path}/new.db", code=1)
    assert "水表 1.volume: 90 readings, 0 superseded values, 0 quarters of an hour (digest " in told
    assert "became 91 readings, 0 superseded values, 0 quarters" in told
    assert "is not there" in meterbook("store", "copy", f"sqlite:{tmp_path}/none.db", place, code=2)
    assert "names no store" in meterbook("store", "copy", "mysql:x", place, code=2)
    assert "is both" in meterbook("store", "copy", place, place, code=2)


@pytest.mark.parametrize("asked", ["tokn=secret-1", "token=secret-1"])
def test_a_place_with_a_mistake_is_explained_without_the_secret(tmp_path: Path, asked: str) -> None:
    told = meterbook("store", "copy", f"influxdb:http://127.0.0.1:1/x?{asked}", f"sqlite:{tmp_path}/new.db", code=2)
    assert f"'{asked.partition('=')[0]}' does not fit" in told
    assert "secret-1" not in told
    assert "pydantic" not in told


def test_a_source_that_does_not_answer_leaves_no_empty_target(tmp_path: Path) -> None:
    away = f"influxdb:http://127.0.0.1:{free_port()}/x"
    assert "cannot be reached" in meterbook("store", "copy", away, f"sqlite:{tmp_path}/new.db", code=2)
    assert os.listdir(tmp_path) == []


def rolled_up(store: SqliteStore) -> None:
    """Two points of which retention took some, and one of which it took all."""
    hours = range(48)
    store.append([Reading("a", NOW + hour * HOUR, hour / 3) for hour in hours], NOW)
    store.append([Reading("b, 电=量\\", NOW + hour * HOUR + 1, -1e300 * hour) for hour in hours], NOW)
    store.append([Reading("gone", NOW + number, 0.1 * number) for number in range(9)], NOW)
    assert store.roll_up("a", NOW // GRID * GRID, NOW + DAY) == 24
    assert store.roll_up("b, 电=量\\", NOW // GRID * GRID, NOW + DAY) == 24
    assert store.roll_up("gone", NOW // GRID * GRID, NOW + DAY) == 9


@pytest.mark.parametrize("target", KINDS)
def test_what_is_left_of_readings_that_went_is_copied(
    tmp_path: Path, opened: Callable[[str], ReadingStore], target: str
) -> None:
    new, back = opened(target), opened("sqlite")
    with closing(SqliteStore(tmp_path / "old.db")) as old:
        rolled_up(old)
        for source, there in ((old, new), (old, new), (new, back)):
            copied = list(copy(source, there, NOW))  # type: ignore[arg-type]
            assert [(one.point, one.source.quarters, one.same) for one in copied] == [
                ("a", 24, True), ("b, 电=量\\", 24, True), ("gone", 1, True)
            ]  # fmt: skip
        for point in old.points():
            wanted = old.rolled(point, 0, 2**62)
            for store in (new, back):
                assert store.rolled(point, 0, 2**62).listed() == wanted.listed()
                assert (
                    store.rolled(point, NOW + HOUR, NOW + DAY).listed()
                    == wanted.between(NOW + HOUR, NOW + DAY).listed()
                )


def test_quarters_that_differ_are_told_and_others_stay(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "old.db")) as old, closing(SqliteStore(tmp_path / "new.db")) as new:
        rolled_up(old)
        new.append([Reading("a", NOW - DAY, 1.0)], NOW)
        assert new.roll_up("a", (NOW - DAY) // GRID * GRID, NOW - HOUR) == 1
    told = meterbook("store", "copy", f"sqlite:{tmp_path}/old.db", f"sqlite:{tmp_path}/new.db", code=1)
    assert "a: 24 readings, 0 superseded values, 24 quarters of an hour (digest " in told
    assert "became 24 readings, 0 superseded values, 25 quarters of an hour" in told
    assert "3 points, 48 readings and 49 quarters of an hour that retention left; 2 points are the same in both" in told


def test_a_backup_is_taken_while_another_process_writes(tmp_path: Path) -> None:
    path, batches = tmp_path / "readings.db", 400
    with closing(SqliteStore(path)) as store:
        for number in range(1_000, 1_400):
            store.append(appender.batch(number), number)
    command = [sys.executable, appender.__file__, str(path), "0", str(batches)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    seen = 0
    for copy_number in range(3):
        for _ in range(50):
            seen = int(writer.stdout.readline())
        target = tmp_path / f"copies/{copy_number}.db"
        told: list[tuple[int, int]] = []
        backup(path, target, lambda done, pages, told=told: told.append((done, pages)))  # type: ignore[misc]
        assert told[-1][0] == told[-1][1]
        with closing(SqliteStore(target)) as kept:
            values = [value for point in kept.points() for value in kept.read(point, 0, 2**62).value.tolist()]
        assert {values.count(number) for number in set(values)} == {appender.SIZE}, "a batch is there whole or not"
        assert set(range(seen + 1)) <= set(values)
    writer.communicate(timeout=60)
    assert sorted(os.listdir(tmp_path / "copies")) == ["0.db", "1.db", "2.db"]


def test_a_backup_overwrites_nothing_and_keeps_nothing_damaged(tmp_path: Path) -> None:
    path, target = tmp_path / "readings.db", tmp_path / "copy.db"
    with closing(SqliteStore(path)) as store:
        store.append([Reading(f"p{number}", number, 1.0) for number in range(3_000)], 1)
    target.write_text("precious")
    with pytest.raises(StoreError, match="exists already"):
        backup(path, target)
    assert target.read_text() == "precious"
    with pytest.raises(StoreError, match="is not there"):
        backup(tmp_path / "nothing.db", tmp_path / "other.db")
    content = bytearray(path.read_bytes())
    content[3 * 4_096 : 4 * 4_096] = b"\xff" * 4_096
    path.write_bytes(content)
    with pytest.raises(StoreError):
        backup(path, tmp_path / "other.db")
    assert not list(tmp_path.glob("other*"))


def test_backup_and_restore_by_command(tmp_path: Path) -> None:
    site = Path(__file__).parent.parent / "site" / "hospital"
    data, copies, again = tmp_path / "data", tmp_path / "copies", tmp_path / "again"
    meterbook("user", "add", "boss", "--role", "admin", "--data", str(data))
    with closing(SqliteStore(data / "readings.db")) as store:
        fill(store)
    assert "checked" in meterbook("store", "backup", str(site), str(copies), "--data", str(data))
    assert "不会覆盖" in meterbook("store", "backup", str(site), str(copies), "--data", str(data), code=2)
    meterbook("store", "restore", str(site), str(copies), "--data", str(again))
    with closing(SqliteStore(again / "readings.db")) as store:
        assert len(store.read("main.active_energy", NOW, NOW + 99 * DAY)) == 2_200
    assert "boss" in meterbook("user", "list", "--data", str(again))
    meterbook("store", "restore", str(site), str(copies), "--data", str(again), code=2)
    assert sqlite3.connect(again / "readings.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)

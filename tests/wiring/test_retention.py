"""Old raw readings go, what must last of them stays, whatever ends it half-way."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from peers.commands import typed
from peers.waiting import eventually
from wiring import thinner
from wiring.thinner import NOW, SITE, START, fill, minutes, retention, site_with

from meterbook.accounting.ledger import Ledger
from meterbook.domain.calendar import GRID
from meterbook.domain.instant import DAY, MINUTE, iso
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Outcome, Quality, Reading
from meterbook.domain.text import Text
from meterbook.readings.rollups import rollups
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import Settings
from meterbook.wiring.opening import open_archive, open_settings
from meterbook.wiring.service import Service

EVER = 2**62
METERS = {
    "E": Meter("E", "electricity", Text.same("E"), reads="p.active_energy", max_rate=Decimal(30), period=MINUTE),
    "T": Meter("T", "water", Text.same("T"), reads="p.temperature", period=MINUTE),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "readings.db")
    yield opened
    opened.close()


def everything(store: SqliteStore) -> dict[str, tuple[list[int], list[Any]]]:
    return {
        point: (store.read(point, 0, EVER).at.tolist(), store.rolled(point, 0, EVER).listed())
        for point in store.points()
    }


def test_each_kind_keeps_what_must_last(store: SqliteStore) -> None:
    fill(store)
    assert retention(store).turn(NOW) > 0
    raw = {point: store.read(point, 0, EVER).at for point in store.points()}
    young = NOW - 2 * DAY
    for point in ("p.volume", "p.pressure", "gone.temperature"):
        assert len(raw[point]) == 10 * 24 * 60, f"{point} stays as it is"
    assert (raw["p.active_energy"] < young).sum() == 8 * 96 * 2 + 13
    for point in ("p.temperature", "p.state"):
        assert raw[point].min() == young
        kept = store.rolled(point, 0, EVER)
        assert (len(kept), set(kept.count.tolist())) == (8 * 96, {15})
        assert kept.listed()[1] == (START + GRID, 5.0, 9.0, 7.0, 9.0, 15)
    for point in raw:
        assert (raw[point] >= young).sum() == 2 * 24 * 60


def test_once_is_enough_and_late_readings_are_kept(store: SqliteStore) -> None:
    fill(store)
    one = retention(store)
    one.turn(NOW)
    done = everything(store)
    assert one.turn(NOW) == 0
    assert everything(store) == done
    straggler = Reading("p.temperature", START + 20 * MINUTE + 1, 99.0)
    assert store.append([straggler], NOW) == [Outcome.ACCEPTED]
    assert one.turn(NOW) == 0
    assert store.following("p.temperature", 0) == straggler
    assert store.rolled("p.temperature", 0, EVER).listed() == done["p.temperature"][1]


def test_a_quarter_that_comes_again_as_a_whole_counts_once(store: SqliteStore) -> None:
    fill(store)
    one = retention(store)
    one.turn(NOW)
    done = everything(store)
    store.append(minutes("p.temperature", 45), NOW)
    assert rollups(store, "p.temperature", START, START + DAY).count.sum() == 24 * 60
    assert one.turn(NOW) == 45
    assert everything(store) == done


def test_summaries_are_the_same_before_and_after(store: SqliteStore) -> None:
    store.append([Reading("p.temperature", START + at * 7 * MINUTE, float(at * at % 31)) for at in range(1_500)], NOW)
    store.append([Reading("p.temperature", START + MINUTE, -5.0, Quality.BAD)], NOW)
    edges = SITE.calendar.edges(START, START + 5 * DAY, "hour")
    before = rollups(store, "p.temperature", START, edges[-1]).windows(edges)
    assert len(before) == 5 * 24
    assert retention(store).turn(NOW) > 0
    assert rollups(store, "p.temperature", START, edges[-1]).windows(edges) == before


def test_the_last_word_of_a_silent_point_stays(store: SqliteStore) -> None:
    store.append(minutes("p.temperature", 100), NOW)
    last = store.latest()
    retention(store).turn(NOW + 300 * DAY)
    assert store.latest() == last


def test_nothing_goes_without_a_setting(store: SqliteStore) -> None:
    fill(store, days=1)
    assert retention(store, settings=Settings()).turn(NOW + 1000 * DAY) == 0


def test_meters_keep_their_consumption(store: SqliteStore) -> None:
    """Also of a point that is no counter by kind: what a meter reads is a register."""
    site = site_with(*METERS.values())
    fill(store)
    ledger = Ledger(site, store)
    before = [ledger.consumption(id_, START, NOW, "15m") for id_ in METERS]
    assert retention(store, site).turn(NOW) > 0
    assert len(store.read("p.temperature", 0, EVER)) < 10 * 24 * 60 / 2
    assert [ledger.consumption(id_, START, NOW, "15m") for id_ in METERS] == before


def test_killed_half_way_it_goes_on(tmp_path: Path, store: SqliteStore) -> None:
    path = tmp_path / "killed.db"
    other = SqliteStore(path)
    for one in (store, other):
        fill(one, days=3)
    other.close()
    retention(store).turn(NOW)
    command = [sys.executable, thinner.__file__, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(3):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout is not None
        child.stdout.readline()
        with child.stdout:
            try:
                child.wait(random.uniform(0.0, 0.15))
            except subprocess.TimeoutExpired:
                os.kill(child.pid, signal.SIGKILL)
            child.wait()
    again = SqliteStore(path)
    retention(again).turn(NOW)
    assert everything(again) == everything(store)
    again.close()


def test_a_command_lets_go_at_once(tmp_path: Path) -> None:
    hospital = Path(__file__).parent.parent / "site" / "hospital"
    site = tmp_path / "site"
    shutil.copytree(hospital, site)
    (tmp_path / "data").mkdir()
    with closing(SqliteStore(tmp_path / "data" / "readings.db")) as store:
        rows = minutes("main.active_energy_import", 600)
        store.append([row._replace(value=5.0) for row in rows], NOW)

    def retain(code: int) -> str:
        done = typed("store", "retain", site, "--data", tmp_path / "data", "--now", iso(NOW))
        assert done.code == code, done.told
        return done.told

    assert "没有 `retention`" in retain(2)
    (site / "service.yaml").write_text("retention: {active_energy: 9d}\n")
    assert "507 old readings went" in retain(0)
    assert "0 old readings went" in retain(0)
    (site / "service.yaml").write_text("retention: {other: 9d}\nstorage: {readings: {influxdb: {url: 'http://x'}}}\n")
    assert "全部保留" in retain(2)


def test_the_service_lets_go_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meterbook.wiring.retention.PAUSE", 0.01)
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.yaml").write_text("site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\n")
    (site / "meters.yaml").write_text("meters:\n  - {id: W, utility: water, entry: manual}\n")
    (site / "service.yaml").write_text("retention: {volume: 9d}\n")
    with open_archive(tmp_path / "data", open_settings(site), spooled=True) as archive:
        archive.store.append(minutes("W", 600), NOW)
        service = Service(site, archive, lambda: NOW, parts=frozenset({"collect"}))
        service.start()
        eventually(lambda: len(archive.store.read("W", 0, EVER)) < 600)
        service.stop()
        assert len(archive.store.read("W", 0, EVER)) >= 600 - 507

"""Faults are reported while the database is away, and nothing new from a store that is away is no silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from peers import influxdb
from peers.waiting import eventually
from pipeline.plant import HOT, NOW, VOLUME, plant, temperature

from meterbook.books import incidents, outbox
from meterbook.books.database import Books
from meterbook.domain.incident import Incident
from meterbook.domain.instant import DAY, MINUTE
from meterbook.domain.reading import Reading
from meterbook.pipeline import Pipeline
from meterbook.readings.fault import Away
from meterbook.readings.influx import Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.spool import Limits, Spool
from meterbook.readings.spooled import SpooledStore
from meterbook.watch import Watch


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[influxdb.InfluxDB]:
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    with influxdb.InfluxDB(tmp_path / "influxdb") as server:
        yield server


def standing(books: Books) -> list[Incident]:
    with books.read() as connection:
        return incidents.standing(connection)


def told(books: Books) -> int:
    with books.read() as connection:
        return sum(len(outbox.of_incident(connection, one.id)) for one in standing(books))


class Plant:
    """The plant on an InfluxDB behind a spool, its clock set by hand, its watch turned by hand."""

    def __init__(self, server: influxdb.InfluxDB, books: Books, folder: Path, *, listens: bool) -> None:
        self.now = NOW
        self.books = books
        self.store = SpooledStore(InfluxStore(Server(server.new_database())), Spool(folder, Limits(1 << 30, DAY)))
        site = plant()
        self.watch = Watch(site, self.store, books, lambda: self.now, listens=listens)
        heard = self.watch.hear if listens else lambda _: None
        self.pipeline = Pipeline(site, self.store, books, lambda: self.now, 100, heard)
        self.pipeline.start()
        self.store.start(self.pipeline.landed, lambda: self.now)

    def minute(self, number: int, *readings: Reading) -> int:
        """Let so many minutes after the beginning come and deliver; how many decisions the watch came to."""
        self.now = NOW + number * MINUTE
        if readings:
            self.pipeline.deliver("push", readings)
        return self.watch.turn(self.now)

    def close(self) -> None:
        self.pipeline.stop()
        self.store.stop(0.1)
        self.store.close()


def water(minutes: int) -> Reading:
    return Reading(VOLUME, NOW + minutes * MINUTE, float(minutes))


def test_a_hot_chiller_is_reported_and_living_devices_are_not(
    own_influx: influxdb.InfluxDB, books: Books, tmp_path: Path
) -> None:
    with closing(Plant(own_influx, books, tmp_path / "spool", listens=True)) as plant_:
        plant_.minute(0, temperature(0, 7.0), water(0))
        eventually(lambda: plant_.store.latest().keys() == {HOT, VOLUME})
        own_influx.stop()
        for number in range(1, 8):
            plant_.minute(number, temperature(number, 15.0), water(number))
        (incident,) = standing(books)
        assert (incident.rule, incident.since, told(books)) == ("chiller-hot", NOW + MINUTE, 1)
        own_influx.start()
        eventually(lambda: plant_.store.trouble is None, 60)
        eventually(lambda: len(plant_.store.read(HOT, NOW, NOW + DAY)) == 8)
        assert plant_.minute(8, temperature(8, 15.0), water(8)) == 0, "what was heard comes again and means nothing"
        for number in range(9, 12):
            plant_.minute(number, temperature(number, 8.0), water(number))
        assert standing(books) == []


def test_silence_is_noticed_while_the_database_is_away(
    own_influx: influxdb.InfluxDB, books: Books, tmp_path: Path
) -> None:
    with closing(Plant(own_influx, books, tmp_path / "spool", listens=True)) as plant_:
        own_influx.stop()
        for number in range(6):
            plant_.minute(number, temperature(number, 7.0), *([water(number)] if number < 2 else []))
        assert [one.rule for one in standing(books)] == ["meters-silent"]


def test_who_only_follows_the_log_judges_no_silence_of_a_store_that_is_away(
    own_influx: influxdb.InfluxDB, books: Books, tmp_path: Path
) -> None:
    with closing(Plant(own_influx, books, tmp_path / "spool", listens=False)) as plant_:
        plant_.minute(0, water(0))
        eventually(lambda: plant_.store.latest().keys() == {VOLUME})
        plant_.watch.turn(plant_.now)
        own_influx.stop()
        for number in range(1, 6):
            with pytest.raises(Away):
                plant_.minute(number)
        assert standing(books) == []

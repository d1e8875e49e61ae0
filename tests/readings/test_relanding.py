"""What a store acknowledged and lost lands again; what anybody wrote since stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import influxdb

from meterbook.domain.reading import Reading
from meterbook.readings.influx import Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.memory import MemoryStore
from meterbook.readings.port import Batch, RemoteStore
from meterbook.readings.relanding import land_again


@pytest.fixture(params=["memory", "influxdb"])
def store(request: pytest.FixtureRequest) -> Iterator[RemoteStore]:
    """An empty store behind a network, or the one in memory."""
    if request.param == "memory":
        yield MemoryStore()
        return
    server: influxdb.InfluxDB = request.getfixturevalue("influx")
    with closing(InfluxStore(Server(server.new_database()))) as opened:
        yield opened


def one(value: float, at: int = 1, point: str = "a") -> Reading:
    return Reading(point, at, value)


def again(store: RemoteStore, parts: list[list[Batch]]) -> list[Reading]:
    return [reading for landing in land_again(store, lambda: iter(parts)) for reading in landing.readings]


def test_what_is_there_stays_as_it_is(store: RemoteStore) -> None:
    parts = [[Batch([one(1.0), one(7.0, 2)], 10)], [Batch([one(2.0), one(2.0, 3)], 20)], [Batch([one(1.0)], 30)]]
    store.land([batch for part in parts for batch in part])
    before = store.conflicts("a", 0, 9)
    assert again(store, parts) == []
    assert store.conflicts("a", 0, 9) == before


@pytest.mark.parametrize("now", [5, 10, 99], ids=["clock set back", "same instant", "later"])
def test_what_somebody_else_wrote_since_stays(store: RemoteStore, now: int) -> None:
    parts = [[Batch([one(1.0)], 10)], [Batch([one(2.0)], 11)]]
    store.land([batch for part in parts for batch in part])
    store.append([one(3.0)], now)
    assert again(store, parts) == []
    # Even where it is an earlier value: the store says that the later one was superseded.
    store.append([one(1.0)], now + 1)
    assert again(store, parts) == []
    assert store.latest() == {"a": one(1.0)}


def test_the_last_arrival_comes_back_whatever_the_clock_said(store: RemoteStore) -> None:
    parts = [[Batch([one(1.0), one(5.0, 2)], 10)], [Batch([one(2.0), one(6.0, 3)], 4)], [Batch([one(6.0, 3)], 30)]]
    store.land(parts[0])
    assert again(store, parts) == [one(6.0, 3), one(2.0)]
    assert store.stored([one(0.0, at) for at in (1, 2, 3, 4)]) == {
        ("a", 1): one(2.0),
        ("a", 2): one(5.0, 2),
        ("a", 3): one(6.0, 3),
    }
    assert again(store, parts) == []


def test_a_return_to_an_older_value_comes_back_too(store: RemoteStore) -> None:
    parts = [[Batch([one(1.0)], 10)], [Batch([one(2.0)], 20)], [Batch([one(1.0)], 30)]]
    store.land([*parts[0], *parts[1]])
    assert again(store, parts) == [one(1.0)]
    assert store.latest() == {"a": one(1.0)}
    assert again(store, parts) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12), st.data())
def test_a_store_that_forgot_the_end_has_it_again(rows: list[tuple[int, int]], data: st.DataObject) -> None:
    batches = [Batch([one(float(value), at)], number) for number, (at, value) in enumerate(rows)]
    parts = [[batch] for batch in batches]
    whole, torn = MemoryStore(), MemoryStore()
    whole.land(batches)
    torn.land(batches[: data.draw(st.integers(0, len(batches)))])
    again(torn, parts)
    keys = [one(0.0, at) for at in range(3)]
    assert torn.stored(keys) == whole.stored(keys)
    assert again(torn, parts) == []

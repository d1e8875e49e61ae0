"""What every reading store must do. A store passes by being a parameter of the `opened` fixture in test_stores.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterbook.domain.reading import Outcome, Quality, Reading
from meterbook.readings.fault import StoreError
from meterbook.readings.port import Conflict, ReadingStore

Opened = Callable[[], ReadingStore]

FOR_EVER = 2**62

numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.5, 16777217.0, 1e308]), st.floats(allow_nan=False, allow_infinity=False)
)
readings = st.builds(
    Reading,
    point=st.sampled_from(["a.volume", "b.volume", "表.电量"]),
    at=st.one_of(st.integers(0, 5), st.integers(0, 2**53)),
    value=numbers,
    quality=st.sampled_from(Quality),
)


class Model:
    """The contract in ten lines: a dictionary and a list."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], Reading] = {}
        self.conflicts: list[Conflict] = []

    def append(self, batch: list[Reading], now: int) -> list[Outcome]:
        return [self._put(reading, now) for reading in batch]

    def _put(self, reading: Reading, now: int) -> Outcome:
        former = self.kept.get(reading[:2])
        if former == reading:
            return Outcome.REPEATED
        self.kept[reading[:2]] = reading
        if former is None:
            return Outcome.ACCEPTED
        self.conflicts.append(Conflict(*former, now))
        return Outcome.CONFLICT

    def of(self, point: str, start: int, end: int) -> list[Reading]:
        return sorted(reading for reading in self.kept.values() if reading.point == point and start <= reading.at < end)


def listed(store: ReadingStore, point: str, start: int = 0, end: int = FOR_EVER) -> list[Reading]:
    series = store.read(point, start, end)
    rows = zip(series.at.tolist(), series.value.tolist(), series.quality.tolist(), strict=True)
    return [Reading(point, at, value, Quality(quality)) for at, value, quality in rows]


class Contract:
    """The suite."""

    def test_knows_nothing_at_first(self, opened: Opened) -> None:
        store = opened()
        assert len(store.read("a", 0, FOR_EVER)) == 0
        assert store.before("a", FOR_EVER) is None
        assert store.following("a", 0) is None
        assert store.latest() == store.latest(["a"]) == {}
        assert store.points() == []
        assert store.conflicts("a", 0, FOR_EVER) == []
        assert len(store.rolled("a", 0, FOR_EVER)) == 0
        assert store.append([], 1) == []

    def test_keeps_value_and_quality_exactly(self, opened: Opened) -> None:
        store = opened()
        batch = [Reading("a", 1, 0.1 + 0.2), Reading("a", 2, 16777217.0, Quality.BAD), Reading("b", 1, -1e-300)]
        assert store.append(batch, 9) == [Outcome.ACCEPTED] * 3
        assert listed(store, "a") == batch[:2]
        assert listed(store, "b") == batch[2:]
        assert store.points() == ["a", "b"]

    def test_reads_start_included_and_end_not(self, opened: Opened) -> None:
        store = opened()
        store.append([Reading("a", at, float(at)) for at in (30, 10, 20)], 9)
        assert [reading.at for reading in listed(store, "a", 10, 30)] == [10, 20]
        assert store.before("a", 20) == Reading("a", 10, 10.0)
        assert store.following("a", 20) == Reading("a", 20, 20.0)
        assert store.before("a", 10) is None
        assert store.following("a", 31) is None
        assert store.latest() == {"a": Reading("a", 30, 30.0)}

    def test_the_same_again_changes_nothing(self, opened: Opened) -> None:
        store = opened()
        batch = [Reading("a", 1, 5.0), Reading("a", 2, 0.0)]
        store.append(batch, 9)
        again = [Reading("a", 1, 5.0), Reading("a", 2, -0.0), Reading("a", 3, 7.0), Reading("a", 3, 7.0)]
        repeated, accepted = Outcome.REPEATED, Outcome.ACCEPTED
        assert store.append(again, 10) == [repeated, repeated, accepted, repeated]
        assert listed(store, "a") == [*batch, Reading("a", 3, 7.0)]
        assert store.conflicts("a", 0, FOR_EVER) == []

    def test_the_later_arrival_counts_and_the_former_is_kept(self, opened: Opened) -> None:
        store = opened()
        store.append([Reading("a", 1, 5.0), Reading("a", 2, 5.0)], 9)
        changed = [Reading("a", 1, 6.0), Reading("a", 1, 6.0, Quality.ESTIMATED), Reading("a", 1, 5.0)]
        assert store.append(changed, 10) == [Outcome.CONFLICT] * 3
        assert listed(store, "a") == [Reading("a", 1, 5.0), Reading("a", 2, 5.0)]
        assert store.conflicts("a", 1, 2) == [
            Conflict("a", 1, 5.0, 0, 10),
            Conflict("a", 1, 6.0, 0, 10),
            Conflict("a", 1, 6.0, 1, 10),
        ]
        assert store.conflicts("a", 2, FOR_EVER) == []

    def test_a_batch_is_kept_whole_or_not_at_all(self, opened: Opened) -> None:
        store = opened()
        store.append([Reading("a", 1, 1.0)], 9)
        poisoned = [Reading("a", 1, 2.0), Reading("new", 1, 1.0), Reading("a", 2, float("nan"))]
        with pytest.raises(StoreError):
            store.append(poisoned, 10)
        assert listed(store, "a") == [Reading("a", 1, 1.0)]
        assert store.points() == ["a"]
        assert store.conflicts("a", 0, FOR_EVER) == []
        # The store goes on, and points of the failed batch get their readings.
        assert store.append(poisoned[:2], 11) == [Outcome.CONFLICT, Outcome.ACCEPTED]
        assert listed(store, "new") == poisoned[1:2]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(batches=st.lists(st.lists(readings, max_size=8), max_size=6), cut=st.integers(0, 2**53))
    def test_is_a_dictionary(self, opened: Opened, batches: list[list[Reading]], cut: int) -> None:
        store, model = opened(), Model()
        for now, batch in enumerate(batches):
            assert store.append(batch, now) == model.append(batch, now)
        points = sorted({point for point, _ in model.kept})
        assert store.points() == points
        assert store.latest() == {point: model.of(point, 0, FOR_EVER)[-1] for point in points}
        for point in [*points, "unknown"]:
            assert listed(store, point) == model.of(point, 0, FOR_EVER)
            assert listed(store, point, cut) == model.of(point, cut, FOR_EVER)
            assert store.before(point, cut) == (model.of(point, 0, cut) or [None])[-1]
            assert store.following(point, cut) == (model.of(point, cut, FOR_EVER) or [None])[0]
            superseded = [conflict for conflict in model.conflicts if conflict.point == point]
            assert store.conflicts(point, 0, FOR_EVER) == sorted(superseded, key=lambda conflict: conflict.at)
            assert [*store.latest([point]).values()] == model.of(point, 0, FOR_EVER)[-1:]
        store.close()

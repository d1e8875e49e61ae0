"""Consumption is the same to the last digit and flag when the readings that may go are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.thinning import spare
from meterbook.domain.allocation import Allocation
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, What
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.reading import Quality, Reading, Series
from meterbook.domain.site import Site
from meterbook.domain.tariff import Demand, Hours, ScheduleRow, Tariff
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline
from meterbook.readings.memory import MemoryStore

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
START, _ = CALENDAR.month("2026-10")
DIGIT = Decimal("0.01")
SPAN = 10_000
"""Digits from zero to zero of the registers here, few enough for readings to reach the top."""


def meter(**changes: object) -> Meter:
    values: dict[str, object] = {"register": Register(Decimal("99.99")), "period": MINUTE}
    values |= {"multiplier": Timeline.always(Decimal(1)), "reads": "E"}
    return Meter("E", "electricity", Text.same("E"), **{**values, **changes})  # type: ignore[arg-type]


def site_of(*meters: Meter, **rooms: object) -> Site:
    names = ("spaces", "departments", "people", "teams", "connections", "devices", "points")
    nothing: dict[str, object] = {name: {} for name in names}
    held = {one.id: one for one in meters}
    return Site("s", Text.same("s"), CALENDAR, "CNY", "zh", meters=held, **{**nothing, **rooms})  # type: ignore[arg-type]


def store_of(series: Series, point: str = "E") -> MemoryStore:
    store = MemoryStore()
    columns = (series.at.tolist(), series.value.tolist(), series.quality.tolist())
    store.append([Reading(point, at, value, Quality(quality)) for at, value, quality in zip(*columns, strict=True)], 0)
    return store


def left(series: Series, gone: np.ndarray) -> Series:
    return Series(series.at[~gone], series.value[~gone], series.quality[~gone])


def every_minute(hours: int, rise: int = 1) -> Series:
    count = hours * 60
    return Series.of([(START + number * MINUTE, float(number * rise * DIGIT), 0) for number in range(count)])


MISTAKES = ("wobble", "zero", "spike", "drop", "jump", "bad", "estimated", "impossible", "pause", "second", "back")


@st.composite
def walks(draw: st.DrawFn) -> Series:
    """Readings as they come from the field: regular, but for every mistake that the traps know."""
    count, regular = draw(st.integers(1, 300)), draw(st.sampled_from([20 * SECOND, MINUTE, MINUTE, 4 * MINUTE, GRID]))
    places = st.tuples(st.integers(0, count - 1), st.sampled_from(MISTAKES), st.integers(1, 40))
    mistakes = {place: (kind, size) for place, kind, size in draw(st.lists(places, max_size=6))}
    rises = draw(st.lists(st.integers(0, 6), min_size=1, max_size=5))
    at, digits, rows = START + draw(st.integers(0, 3600)) * SECOND, draw(st.sampled_from([0, 50, 9_700])), []
    for number in range(count):
        kind, size = mistakes.get(number, ("", 0))
        at += {"pause": size * 7 * MINUTE, "second": SECOND, "back": SECOND}.get(kind, regular)
        digits += {"drop": -digits // 3, "jump": 30 * size, "back": -5}.get(kind, rises[number % len(rises)])
        digits %= SPAN
        shown = {"wobble": max(0, digits - size), "zero": 0, "spike": digits + 90 * size, "impossible": SPAN + 5}
        quality = {"bad": Quality.BAD, "estimated": Quality.ESTIMATED}.get(kind, Quality.GOOD)
        rows.append((at, float(shown.get(kind, digits) * DIGIT), quality))
    return Series.of(rows)


@st.composite
def meters(draw: st.DrawFn) -> Meter:
    ratio = Timeline.of([(START - DAY, Decimal(1)), (START + draw(st.integers(1, 300)) * MINUTE, Decimal("2.5"))])
    exchange = Installation(START + draw(st.integers(1, 400)) * MINUTE, Decimal("1.5"), Decimal("0.2"), Register())
    return meter(
        register=draw(st.sampled_from([Register(Decimal("99.99")), Register()])),
        max_rate=draw(st.sampled_from([None, Decimal(2), Decimal("0.5"), Decimal(50)])),
        signed=draw(st.sampled_from([False, False, False, True])),
        period=draw(st.sampled_from([0, MINUTE, GRID])),
        multiplier=draw(st.sampled_from([Timeline.always(Decimal(1)), ratio])),
        installations=draw(st.sampled_from([(), (), (exchange,)])),
    )


class Signed:
    """Corrections of the meter under test."""

    def __init__(self, *what: What) -> None:
        self.entries = tuple(
            Correction(number, "E", one, "li", "looked", START + 90 * DAY) for number, one in enumerate(what)
        )

    def active(self) -> dict[str, tuple[Correction, ...]]:
        return {"E": self.entries} if self.entries else {}


@st.composite
def corrections(draw: st.DrawFn) -> Signed:
    start, length = draw(st.integers(0, 300)) * MINUTE, draw(st.integers(1, 90)) * MINUTE
    exclusion = Exclusion(START + start, START + start + length)
    quarter = START + draw(st.integers(0, 20)) * GRID
    estimate = Estimate(quarter, quarter + 2 * GRID, Decimal("1.25"))
    exchange = Exchange(Installation(START + start + SECOND, Decimal(3), Decimal(1), Register()))
    return Signed(*draw(st.sampled_from([(), (), (exclusion,), (exclusion, estimate), (exchange,)])))


def test_consumption_stays_what_it_was(counts: Callable[[int], int]) -> None:
    went = 0

    @settings(max_examples=max(100, counts(2_000)), deadline=None)
    @given(meters(), walks(), corrections(), st.integers(0, 80))
    def same(one: Meter, series: Series, signed: Signed, quarters: int) -> None:
        nonlocal went
        site, before = site_of(one), START // GRID * GRID + quarters * GRID
        gone = spare(site, "E", series, before, signed.active())
        went += int(gone.sum())
        end = int(series.at[-1]) // GRID * GRID + 2 * GRID
        full, thin = store_of(series), store_of(left(series, gone))
        for entries in (signed, Signed()):  # as corrected, and once all is undone
            one_way, other = (Ledger(site, store, entries) for store in (full, thin))
            assert one_way.consumption("E", START, end, "15m") == other.consumption("E", START, end, "15m")
        again = left(series, gone)
        assert not spare(site, "E", again, before, signed.active()).any(), "once is enough"

    same()
    assert went > 50, "nothing went: nothing was shown"


def test_two_of_fifteen_stay() -> None:
    series = every_minute(24)
    gone = spare(site_of(meter()), "E", series, START + DAY)
    assert np.bincount((series.at[~gone] - START) // GRID).tolist() == [15, *[2] * 95]
    assert not gone[series.at >= START + DAY].any()


def test_nothing_young_goes() -> None:
    series = every_minute(4)
    gone = spare(site_of(meter()), "E", series, START + 2 * HOUR)
    assert gone.any()
    assert not gone[series.at >= START + 2 * HOUR].any()
    assert not spare(site_of(meter()), "E", series, START).any()
    assert len(spare(site_of(meter()), "E", Series.empty(), START)) == 0


def test_everything_stays_around_a_rejected_reading() -> None:
    series = every_minute(4)
    series.value[100] = 99.0
    gone = spare(site_of(meter(max_rate=Decimal(1))), "E", series, START + DAY)
    quarter = (series.at - START) // GRID == 100 // 15
    assert not gone[quarter].any()
    assert gone.sum() == (16 - 2) * 13


def test_everything_stays_while_a_question_is_open() -> None:
    series = every_minute(4)
    series.value[120:] = 0.01
    gone = spare(site_of(meter()), "E", series, START + DAY)
    assert gone[:120].any()
    assert not gone[120:].any()


def test_amounts_are_consumption_and_stay() -> None:
    assert not spare(site_of(meter(delta=True)), "E", every_minute(4), START + DAY).any()


def test_every_meter_of_a_point_has_a_say() -> None:
    """What is fine for one register may be rejected for another that reads the same point."""
    series = every_minute(4)
    loose, strict = meter(), replace(meter(max_rate=Decimal("0.1")), id="F")
    assert spare(site_of(loose), "E", series, START + DAY).any()
    both = spare(site_of(loose, strict), "E", series, START + DAY)
    assert not (both & ~spare(site_of(strict), "E", series, START + DAY)).any()


def test_reactive_registers_and_points_without_a_meter_are_thinned_too() -> None:
    series = every_minute(4)
    active = meter(reads="active", reactive=("E",))
    assert spare(site_of(active), "E", series, START + DAY).any()
    assert spare(site_of(), "E", series, START + DAY).any()


def test_dated_changes_keep_their_neighbours() -> None:
    """A rule, a price, a band or a demand window off the grid cuts there as well."""
    series = every_minute(4)
    series.at[:] += 30 * SECOND
    odd = START + 2 * HOUR + 7 * MINUTE
    wide = Tariff("t", "electricity", START, demand=Demand("E", 10 * MINUTE, Decimal(1)))
    band = ScheduleRow((Hours(0, 130, "a"), Hours(130, 1440, "b")))
    cases = [
        ({"allocations": (Allocation("E", odd, to="d"),)}, odd),
        ({"tariffs": (Tariff("t", "electricity", odd, price=Decimal(1)),)}, odd),
        ({"tariffs": (wide,)}, START + 2 * HOUR + 10 * MINUTE),
        ({"tariffs": (replace(wide, demand=None, schedule=(band,)),)}, START + 2 * HOUR + 10 * MINUTE),
    ]
    for rooms, instant in cases:
        gone = spare(site_of(meter(), **rooms), "E", series, START + DAY)
        place = int(np.searchsorted(series.at, instant))
        assert not gone[[place - 1, place]].any()
        assert gone.any()

"""What holds for every register and every site, whatever the readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterbook.accounting.ledger import Ledger
from meterbook.domain.calendar import GRID, STEPS, Calendar
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, parse
from meterbook.domain.interval import Consumption
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.money import UNALLOCATED, apportion, round_half_up
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline
from meterbook.readings.memory import MemoryStore

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
START, END = CALENDAR.month("2026-10")
NOW = parse("2026-11-10T00:00:00Z")
DIGIT = Decimal("0.01")

FULL = 1_000
"""Examples of a property under `make prove`."""

Counts = Callable[[int], int]
Property = Callable[..., None]


def examples(most: int) -> Callable[[Property], Property]:
    """At most so many examples, the same ones in every run of `make test`; `make prove` looks for others."""
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=max(20, most), deadline=None, suppress_health_check=unhurried, derandomize=most < FULL)


steps = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3000)), min_size=2, max_size=60)
"""Minutes since the reading before, and digits since then."""


def meter(id_: str, **changes: object) -> Meter:
    values: dict[str, object] = {"utility": "electricity", "reads": id_, "register": Register(Decimal("999999.99"))}
    values |= {"multiplier": Timeline.always(Decimal(40)), "name": Text.same(id_), "period": MINUTE}
    return Meter(id=id_, **{**values, **changes})  # type: ignore[arg-type]


def site_of(*meters: Meter, calendar: Calendar = CALENDAR, **rooms: object) -> Site:
    nothing: dict[str, object] = {
        "spaces": {},
        "people": {},
        "teams": {},
        "connections": {},
        "devices": {},
        "points": {},
    }
    rooms = {"departments": {}, **nothing, **rooms}
    return Site(
        "s",
        Text.same("s"),
        calendar,
        "CNY",
        "zh",
        meters={one.id: one for one in meters},
        **rooms,  # type: ignore[arg-type]
    )


def readings(id_: str, walk: list[tuple[int, int]], first: int = 500_000) -> list[Reading]:
    at, digits, found = START, first, []
    for minutes, rise in walk:
        found.append(Reading(id_, at, float(digits * DIGIT)))
        at, digits = at + minutes * MINUTE, digits + rise
    return found


def ledger_of(site: Site, rows: list[Reading]) -> Ledger:
    store = MemoryStore()
    store.append(rows, NOW)
    return Ledger(site, store)


def total(ledger: Ledger, id_: str, start: Instant, end: Instant, step: str) -> Decimal:
    found = ledger.consumption(id_, start, end, step)  # type: ignore[arg-type]
    return sum((one.value or Decimal(0) for one in found), Decimal(0))


def test_hours_days_and_registers_agree(counts: Counts) -> None:
    """Quarters, hours, days and months add up to the register difference between whole quarter hours, exactly."""

    @given(steps)
    @examples(counts(FULL))
    def holds(walk: list[tuple[int, int]]) -> None:
        rows = readings("E", walk)
        rows = [*rows, Reading("E", -(-(rows[-1].at + 1) // GRID) * GRID, rows[-1].value)]
        ledger = ledger_of(site_of(meter("E")), rows)
        difference = (Decimal(str(rows[-1].value)) - Decimal(str(rows[0].value))) * 40
        assert {total(ledger, "E", START, rows[-1].at, step) for step in STEPS} == {difference}

    holds()


def test_a_reading_between_its_neighbours_changes_no_total(counts: Counts) -> None:
    """A reading more, with a value between its neighbours', leaves what they are apart, and so the total, as it was."""

    @given(steps, st.data())
    @examples(counts(FULL))
    def holds(walk: list[tuple[int, int]], data: st.DataObject) -> None:
        rows = readings("E", walk)
        last = -(-(rows[-1].at + 1) // GRID) * GRID
        rows = [*rows, Reading("E", last, rows[-1].value)]
        index = data.draw(st.integers(1, len(rows) - 1))
        low, high = rows[index - 1], rows[index]
        at = data.draw(st.integers(low.at + 1, high.at - 1))
        value = low.value + (high.value - low.value) * data.draw(st.floats(0, 1))
        more = Reading("E", at, min(max(value, low.value), high.value))
        site = site_of(meter("E"))
        plain, fuller = ledger_of(site, rows), ledger_of(site, [*rows, more])
        assert total(plain, "E", START, last, "15m") == total(fuller, "E", START, last, "15m")

    holds()


figures = st.one_of(
    st.integers(500_000, 500_040),
    st.integers(499_000, 502_000),
    st.sampled_from([0, 1, 500_000, 65_535_00, 16_777_215_00, 99_999_999, 100_000_000, -1]),
    st.integers(-1000, 10**11),
)
"""Digits of a register that may say anything: something near or very near the others, nothing, or nonsense."""

anything = st.lists(
    st.tuples(st.integers(0, 3 * 24 * 60), figures), min_size=1, max_size=40, unique_by=lambda one: one[0]
)
"""Minutes since the start of the month, each once, and what the register said; in any order."""

meters = st.builds(
    meter,
    st.just("E"),
    register=st.sampled_from([Register(), Register(Decimal("999999.99")), Register(Decimal("6553.5"))]),
    max_rate=st.sampled_from([None, Decimal(900), Decimal(40_000)]),
    period=st.sampled_from([0, MINUTE, GRID]),
    installations=st.sampled_from(
        [(), (Installation(START + 20 * HOUR, Decimal(5010), Decimal("12.4"), Register(Decimal("999999.99"))),)]
    ),
)


def said(drawn: list[tuple[int, int]]) -> list[Reading]:
    return [Reading("E", START + minutes * MINUTE, float(digits * DIGIT)) for minutes, digits in drawn]


def test_order_and_batches_of_arrival_do_not_matter(counts: Counts) -> None:
    """The same readings give the same intervals in whatever batches and order they come, and whenever one looks."""

    @given(meters, anything, st.integers(1, 9), st.data())
    @examples(counts(FULL))
    def holds(one: Meter, drawn: list[tuple[int, int]], size: int, data: st.DataObject) -> None:
        rows = said(drawn)
        shuffled = data.draw(st.permutations(rows))
        store, until = MemoryStore(), START + 4 * DAY
        site = site_of(one)
        looking = Ledger(site, store)
        for index in range(0, len(shuffled), size):
            store.append(shuffled[index : index + size], NOW)
            looking.consumption("E", START, until, "day")
        in_order = ledger_of(site, sorted(rows, key=lambda row: row.at)).consumption("E", START, until, "15m")
        assert looking.consumption("E", START, until, "15m") == in_order
        assert Ledger(site, store).consumption("E", START, until, "15m") == in_order

    holds()


def test_no_consumption_is_negative_unless_the_meter_is_signed(counts: Counts) -> None:
    """Whatever a register says; and what is known adds up the same in quarters, hours, days and months."""

    @given(meters, anything)
    @examples(max(60, counts(FULL)))
    def holds(one: Meter, drawn: list[tuple[int, int]]) -> None:
        ledger = ledger_of(site_of(one), said(drawn))
        quarters = ledger.consumption("E", START, START + 4 * DAY, "15m")
        assert [cell for cell in quarters if cell.value is not None and cell.value < 0] == []
        assert [cell for cell in quarters if (cell.value is None) != (cell.shares.missing == 1)] == []
        assert {total(ledger, "E", START, START + 4 * DAY, step) for step in STEPS} == {added(quarters)}

    holds()


def test_a_signed_register_falls_by_what_it_says() -> None:
    ledger = ledger_of(site_of(meter("E", signed=True, max_rate=None)), readings("E", [(15, -300), (15, 100), (15, 0)]))
    found = ledger.consumption("E", START, START + 2 * GRID, "15m")
    assert [one.value for one in found] == [Decimal("-120.00"), Decimal("40.00")]


def added(cells: list[Consumption]) -> Decimal:
    return sum((one.value or Decimal(0) for one in cells), Decimal(0))


DAYS = [
    ("Asia/Shanghai", date(2026, 10, 12), 96),
    ("Europe/Berlin", date(2026, 3, 29), 92),
    ("Europe/Berlin", date(2026, 10, 25), 100),
    ("Australia/Lord_Howe", date(2026, 4, 5), 98),
    ("Australia/Lord_Howe", date(2026, 10, 4), 94),
]


@st.composite
def meter_days(draw: st.DrawFn, length: Instant) -> tuple[list[tuple[Instant, int]], Instant | None, Instant | None]:
    """A day from its midnight: instants and rises of the register, an exchange and a change of the ratio or none."""
    within = st.integers(1, length // SECOND - 1).map(lambda seconds: seconds * SECOND)
    instants = draw(st.lists(within, max_size=100, unique=True))
    rises = draw(st.lists(st.integers(0, 5_000), min_size=len(instants) + 1, max_size=len(instants) + 1))
    walk = list(zip([*sorted(instants), length], rises, strict=True))
    return walk, draw(st.none() | within), draw(st.none() | within)


@pytest.mark.parametrize(("zone", "day", "quarters"), DAYS, ids=lambda value: str(value).replace("/", "-"))
def test_a_meter_day_reconciles_with_its_registers(zone: str, day: date, quarters: int, counts: Counts) -> None:
    """|sum(intervals) - register difference x multiplier| <= 2 x least digit x multiplier, over an exchange, a
    rollover, another ratio and the changes of the clock; without another ratio they are equal."""
    calendar = Calendar(ZoneInfo(zone))
    start, end = calendar.day(day)

    @given(meter_days(end - start), st.sampled_from([99_999_990, 0, 5_000_000]))
    @examples(counts(FULL))
    def holds(drawn: tuple[list[tuple[Instant, int]], Instant | None, Instant | None], first: int) -> None:
        walk, exchange, ratio = drawn
        one, rows, expected = reconciled(walk, exchange, ratio, first, start)
        ledger = ledger_of(site_of(one, calendar=calendar), rows)
        cells = ledger.consumption("E", start, end, "15m")
        assert len(cells) == quarters
        assert {total(ledger, "E", start, end, step) for step in STEPS} == {added(cells)}
        apart = abs(Fraction(added(cells)) - expected)
        assert apart <= (2 * DIGIT * 60 if ratio else 0)

    holds()


SPAN = 100_000_000
"""Digits of a register that shows up to 999999.99."""


def reconciled(
    walk: list[tuple[Instant, int]], exchange: Instant | None, ratio: Instant | None, first: int, start: Instant
) -> tuple[Meter, list[Reading], Fraction]:
    """A meter, its readings, and the register difference x multiplier of its day, with exact fractions.

    At the exchange the old register stands where it stood at the reading before, and the new one starts at 12.40. The
    ratio changes from 40 to 60; what it applies to is the register there, interpolated.
    """
    offset, digits, before, expected = 0, first, 0, Fraction(0)
    rows, installations = [Reading("E", start, float(first * DIGIT))], ()
    for at, rise in walk:
        begin = before
        if exchange is not None and before < exchange <= at:
            register, old = Register(Decimal("999999.99")), (digits + offset) % SPAN * DIGIT
            installations = (Installation(start + exchange, old, Decimal("12.40"), register),)
            offset, begin = 1240 - digits, exchange
        digits += rise
        if not (exchange is not None and at == exchange):
            rows.append(Reading("E", start + at, float((digits + offset) % SPAN * DIGIT)))
        else:
            digits -= rise
            rise = 0
        late = Fraction(0) if ratio is None else Fraction(min(max(at - ratio, 0), at - begin), max(at - begin, 1))
        expected += rise * Fraction(DIGIT) * (40 * (1 - late) + 60 * late)
        before = at
    rows.append(Reading("E", start + walk[-1][0] + GRID, rows[-1].value))
    multiplier = Timeline.always(Decimal(40))
    if ratio is not None:
        multiplier = Timeline.of([(START - 365 * DAY, Decimal(40)), (start + ratio, Decimal(60))])
    return meter("E", installations=installations, multiplier=multiplier), rows, expected


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-50, 1000), min_size=1), st.integers(-(10**7), 10**7))
@examples(300)
def test_parts_add_up_and_are_within_a_fen(weights: dict[str, int], fen: int) -> None:
    """Apportioned sums are exact, and no part is a whole fen away from its exact share."""
    amount = Decimal(fen) / 100
    given_weights = {party: Decimal(weight) for party, weight in weights.items()}
    parts = apportion(amount, given_weights)
    assert sum(parts.values(), Decimal(0)) == amount
    whole = sum(weights.values())
    if whole <= 0:
        assert parts in ({UNALLOCATED: amount}, {UNALLOCATED: Decimal(0)})
        return
    for party, part in parts.items():
        assert abs(Fraction(part) - Fraction(amount) * weights[party] / whole) < Fraction(1, 100)


@pytest.mark.parametrize(
    ("value", "fen"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("1.0049", "1.00"), ("2.675", "2.68")]
)
def test_halves_go_away_from_zero(value: str, fen: str) -> None:
    assert round_half_up(Decimal(value)) == Decimal(fen)

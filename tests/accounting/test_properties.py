"""What holds for every register and every site, whatever the readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.accounting.ledger import Ledger
from meterbook.domain.allocation import Allocation, Split
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import DAY, HOUR, MINUTE, Instant, parse
from meterbook.domain.meter import Meter, Register
from meterbook.domain.money import UNALLOCATED, apportion, round_half_up
from meterbook.domain.organisation import Department
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.tariff import Hours, ScheduleRow, Surcharge, Tariff
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline
from meterbook.readings.memory import MemoryStore

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
START, END = CALENDAR.month("2026-10")
NOW = parse("2026-11-10T00:00:00Z")
DIGIT = Decimal("0.01")

steps = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3000)), min_size=2, max_size=60)
"""Minutes since the reading before, and digits since then."""


def meter(id_: str, **changes: object) -> Meter:
    values: dict[str, object] = {"utility": "electricity", "reads": id_, "register": Register(Decimal("999999.99"))}
    values |= {"multiplier": Timeline.always(Decimal(40)), "name": Text.same(id_), "period": MINUTE}
    return Meter(id=id_, **{**values, **changes})  # type: ignore[arg-type]


def site_of(*meters: Meter, **rooms: object) -> Site:
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
        CALENDAR,
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


@given(steps)
@settings(max_examples=60, deadline=None)
def test_hours_days_and_registers_agree(walk: list[tuple[int, int]]) -> None:
    """Quarters, hours and days add up to the register difference between whole quarter hours, exactly."""
    rows = readings("E", walk)
    rows = [*rows, Reading("E", -(-(rows[-1].at + 1) // GRID) * GRID, rows[-1].value)]
    ledger = ledger_of(site_of(meter("E")), rows)
    difference = (Decimal(str(rows[-1].value)) - Decimal(str(rows[0].value))) * 40
    assert {total(ledger, "E", START, rows[-1].at, step) for step in ("15m", "hour", "day", "month")} == {difference}


@given(steps, st.data())
@settings(max_examples=40, deadline=None)
def test_a_reading_between_its_neighbours_changes_no_total(walk: list[tuple[int, int]], data: st.DataObject) -> None:
    """A reading more, with a value between its neighbours', leaves the consumption between them as it was."""
    rows = readings("E", walk)
    before, after = rows[0], rows[-1]
    at = data.draw(st.integers(before.at + 1, after.at - 1))
    if any(row.at == at for row in rows):
        return
    low = max((row for row in rows if row.at < at), key=lambda row: row.at)
    high = min((row for row in rows if row.at > at), key=lambda row: row.at)
    value = low.value + (high.value - low.value) * data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    end = before.at + (after.at - before.at) // GRID * GRID
    plain = ledger_of(site_of(meter("E")), rows)
    more = ledger_of(site_of(meter("E")), [*rows, Reading("E", at, value)])
    last = -(-after.at // GRID) * GRID
    closing = Reading("E", last, after.value)
    plain = ledger_of(site_of(meter("E")), [*rows, closing] if last > after.at else rows)
    more = ledger_of(site_of(meter("E")), [*rows, Reading("E", at, value), *([closing] if last > after.at else [])])
    assert end <= last
    assert total(plain, "E", START, last, "15m") == total(more, "E", START, last, "15m")


@given(steps, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_and_batches_of_arrival_do_not_matter(walk: list[tuple[int, int]], random: object) -> None:
    """The same readings give the same intervals, in whatever batches and order they come."""
    rows = readings("E", walk)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    store = MemoryStore()
    for index in range(0, len(shuffled), 7):
        store.append(shuffled[index : index + 7], NOW)
    site, until = site_of(meter("E")), START + 5 * DAY
    one, other = ledger_of(site, rows), Ledger(site, store)
    assert one.consumption("E", START, until, "15m") == other.consumption("E", START, until, "15m")


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-50, 1000), min_size=1), st.integers(-(10**7), 10**7))
@settings(max_examples=300, deadline=None)
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


DEPARTMENTS = {
    name: Department(name, Text.same(name), headcount=Timeline.always(Decimal(heads)), area_m2=None)
    for name, heads in (("a", 3), ("b", 5), ("c", 1))
}
RULES = (
    None,
    ("a", None),
    (None, Split("headcount", among=("a", "b", "c"))),
    (None, Split("shares", shares={"b": Decimal("33.3"), "c": Decimal(40)})),
)
TARIFF = Tariff(
    "t",
    "electricity",
    CALENDAR.midnight(date(2026, 1, 1)),
    bands={"peak": Decimal("1.1463"), "valley": Decimal("0.2562")},
    schedule=(ScheduleRow((Hours(0, 480, "valley"), Hours(480, 1440, "peak"))),),
    surcharges=(Surcharge("funds", Text.same("funds"), Decimal("0.0273")),),
)


@st.composite
def sites(draw: st.DrawFn) -> tuple[Site, list[Reading]]:
    """A main meter with two or three children, random rules, and readings with gaps."""
    ids = ["M", *(f"C{index}" for index in range(draw(st.integers(2, 3))))]
    meters = [meter(id_, parent=None if id_ == "M" else "M", max_rate=None) for id_ in ids]
    rows = [row for id_ in ids for row in readings(id_, draw(steps))]
    allocations = []
    for id_ in ids[1:]:
        chosen = draw(st.sampled_from(RULES))
        if chosen is not None:
            day = START - DAY if draw(st.booleans()) else START + draw(st.integers(0, 72)) * HOUR
            allocations.append(Allocation(id_, day, to=chosen[0], split=chosen[1]))
    if draw(st.booleans()):
        split = Split("consumption", among=("a", "b")) if draw(st.booleans()) else None
        allocations.append(Allocation("M", START - DAY, to=None if split else "c", split=split, losses=True))
    rooms = {"departments": DEPARTMENTS, "allocations": tuple(allocations), "tariffs": (TARIFF,)}
    return site_of(*meters, **rooms), rows


def prices_per_band(site: Site, lines: list[tuple[str | None, Decimal]]) -> Decimal:
    quantities: dict[str, Decimal] = {}
    for band, quantity in lines:
        quantities[band or ""] = quantities.get(band or "", Decimal(0)) + quantity
    (tariff,) = site.tariffs
    return sum((round_half_up(tariff.bands[band] * quantity) for band, quantity in quantities.items()), Decimal(0))


def test_departments_and_the_rest_are_the_site(counts: Callable[[int], int]) -> None:
    """Supply = departments + losses + unallocated; charges of all = the site's, rounded once per band and surcharge."""

    @given(sites())
    @settings(max_examples=max(20, counts(2_000)), deadline=None)
    def holds(drawn: tuple[Site, list[Reading]]) -> None:
        site, rows = drawn
        ledger = ledger_of(site, rows)
        (balance,) = ledger.balances("2026-10", NOW)
        assert balance.difference == 0
        assert balance.supplied == total(ledger, "M", START, END, "month")
        statements = ledger.statements("2026-10", NOW)
        energy = [line for one in statements for line in one.lines if line.kind in ("direct", "shared", "loss")]
        assert sum((line.quantity or Decimal(0) for line in energy), Decimal(0)) == balance.supplied
        charged = sum((one.total or Decimal(0) for one in statements), Decimal(0))
        funds = round_half_up(Decimal("0.0273") * balance.supplied)
        assert charged == prices_per_band(site, [(line.band, line.quantity or Decimal(0)) for line in energy]) + funds
        assert [one.hash for one in statements] == [one.hash for one in ledger.statements("2026-10", NOW)]
        for one in statements:
            assert one.total == sum((line.charge or Decimal(0) for line in one.lines), Decimal(0))
            assert len({line.id for line in one.lines}) == len(one.lines)

    holds()


@pytest.mark.parametrize(
    ("value", "fen"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("1.0049", "1.00"), ("2.675", "2.68")]
)
def test_halves_go_away_from_zero(value: str, fen: str) -> None:
    assert round_half_up(Decimal(value)) == Decimal(fen)

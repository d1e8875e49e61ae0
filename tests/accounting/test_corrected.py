"""What corrections make of a meter and its readings, entry by entry."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.accounting.correctable import Refused, check
from meterbook.accounting.corrected import as_declared, estimates, without_excluded
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, Undo, What
from meterbook.domain.instant import DAY, Instant, parse
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.reading import Series
from meterbook.domain.text import Text
from meterbook.domain.timeline import BEGINNING, Timeline

AT = parse("2026-10-12T10:30:00+08:00")
NOW = AT + 30 * DAY
OLD, NEW = Register(Decimal("999999.99")), Register(Decimal("99999.9"))
TAKEN_BACK = Undo("wu", "too early", 2)
CHINA = Calendar(ZoneInfo("Asia/Shanghai"))


def installed(at: Instant, register: Register = OLD, old_final: str = "10", new_initial: str = "0") -> Installation:
    return Installation(at, Decimal(old_final), Decimal(new_initial), register)


METER = Meter(
    "E",
    "electricity",
    Text.same("E"),
    reads="E",
    register=OLD,
    multiplier=Timeline.of([(BEGINNING, Decimal(40)), (AT + DAY, Decimal(60))]),
    installations=(installed(AT),),
)


def entry(number: int, what: What, undo: Undo | None = None) -> Correction:
    return Correction(number, "E", what, "li", "why", 1, undo)


def test_exchanges_join_the_installations_in_order_of_time() -> None:
    before, after = installed(AT - DAY, NEW), installed(AT + 2 * DAY)
    entries = [entry(2, Exchange(before, Decimal(80))), entry(1, Exchange(after))]
    found = as_declared(METER, entries)
    assert found.installations == (before, installed(AT), after)
    assert list(found.multiplier) == [(BEGINNING, 40), (AT - DAY, 80), (AT + DAY, 60)]
    assert (found.id, found.register) == (METER.id, OLD)


def test_the_signed_entry_holds_where_the_files_declare_the_same_instant() -> None:
    signed = installed(AT, NEW, "11", "5")
    assert as_declared(METER, [entry(1, Exchange(signed))]).installations == (signed,)


def test_a_meter_without_exchanges_to_declare_stays_as_it_is() -> None:
    entries = [entry(1, Exchange(installed(AT - DAY)), TAKEN_BACK), entry(2, Exclusion(0, 1))]
    assert as_declared(METER, entries) is METER


def test_excluded_readings_are_left_out_by_their_instant() -> None:
    series = Series.of([(at, float(at), 0) for at in range(0, 100, 10)])
    entries = [
        entry(1, Exclusion(10, 30)),
        entry(2, Exclusion(25, 31)),
        entry(3, Exclusion(80, 81)),
        entry(4, Exclusion(50, 60), TAKEN_BACK),
        entry(5, Estimate(0, 100, Decimal(1))),
    ]
    assert without_excluded(series, entries).at.tolist() == [0, 40, 50, 60, 70, 90]
    assert without_excluded(series, entries[3:]) is series
    assert len(series) == 10


def test_a_later_estimate_takes_the_place_of_those_it_overlaps() -> None:
    first, wide, apart = Estimate(10, 20, Decimal(1)), Estimate(0, 30, Decimal(5)), Estimate(30, 40, Decimal(2))
    entries = [entry(3, apart), entry(2, wide), entry(1, first)]
    assert estimates(entries) == [wide, apart]
    assert estimates([entry(3, apart), entry(2, wide, TAKEN_BACK), entry(1, first)]) == [first, apart]


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=12)


@settings(deadline=None)
@given(SPANS)
def test_estimates_are_disjoint_and_in_order(spans: list[tuple[int, int]]) -> None:
    entries = [entry(n, Estimate(start, start + length, Decimal(n))) for n, (start, length) in enumerate(spans)]
    held = estimates(entries)
    assert all(one.end <= other.start for one, other in pairwise(held))
    assert not entries or entries[-1].what in held


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6), st.booleans()), max_size=14))
def test_what_is_accepted_never_gives_way_in_part(spans: list[tuple[int, int, bool]]) -> None:
    """Whatever is entered and undone, an accepted estimate is held, or lies whole in one that is."""
    entries: list[Correction] = []
    for number, (start, length, undo) in enumerate(spans):
        wanted = Estimate(AT + start * GRID, AT + (start + length) * GRID, Decimal(1))
        try:
            check(METER, entries, wanted, CHINA, NOW)
        except Refused:
            continue
        entries.append(entry(number, wanted, TAKEN_BACK if undo else None))
        held = estimates(entries)
        for one in (each.what for each in entries if each.in_force and isinstance(each.what, Estimate)):
            assert any(other.start <= one.start and one.end <= other.end for other in held)


REFUSED: dict[str, tuple[What, str, str]] = {
    "ratio at a change": (Exchange(installed(AT + DAY), Decimal(2)), "multiplier", "has another multiplier from"),
    "beyond the register before": (
        Exchange(installed(AT + 2 * DAY, old_final="123456.7")),
        "old_final",
        "expected at most 99999.9",
    ),
    "before 2000": (Exclusion(1, 2), "from", "before 2000-01-01"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_meter_does_not_allow_is_refused(case: str) -> None:
    what, field, reason = REFUSED[case]
    with pytest.raises(Refused, match=reason) as refused:
        check(METER, [entry(1, Exchange(installed(AT + 3600, NEW)))], what, CHINA, NOW)
    assert refused.value.field == field


def test_a_meter_of_differences_has_no_register_to_exchange() -> None:
    pulses = Meter("P", "water", Text.same("P"), reads="P", delta=True)
    with pytest.raises(Refused, match="it has no register"):
        check(pulses, [], Exchange(installed(AT)), CHINA, NOW)
    check(pulses, [], Exclusion(AT, AT + 1), CHINA, NOW)


def test_a_meter_that_runs_backwards_may_be_estimated_so() -> None:
    net = Meter("N", "electricity", Text.same("N"), reads="N", register=OLD, signed=True)
    check(net, [], Estimate(AT, AT + GRID, Decimal("-3.25")), CHINA, NOW)


def test_the_grid_is_counted_from_local_midnight() -> None:
    nepal = Calendar(ZoneInfo("Asia/Kathmandu"))  # five and three quarters of an hour from UTC
    chatham = Calendar(ZoneInfo("Pacific/Chatham"))
    bombay = Calendar(ZoneInfo("Asia/Kolkata"))
    for calendar in (nepal, chatham, bombay):
        midnight = calendar.midnight(calendar.day_of(AT))
        check(METER, [], Estimate(midnight + GRID, midnight + 3 * GRID, Decimal(1)), calendar, NOW)
    with pytest.raises(Refused, match=r"2026-10-12T10:15:00\+08:00 or 2026-10-12T10:30:00\+08:00"):
        check(METER, [], Estimate(AT - 1_000_000, AT, Decimal(1)), CHINA, NOW)

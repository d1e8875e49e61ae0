"""What holds for every quota: nothing is charged twice or left out, whatever the months and entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.accounting.quota import declared, effects, excess, planned_share, runs_out
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import DAY, parse
from meterbook.domain.organisation import Department
from meterbook.domain.plans import ExcessStep, Quota
from meterbook.domain.quota import Approval, QuotaEntry
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
START, END = parse("2026-01-01T00:00:00+08:00"), parse("2027-01-01T00:00:00+08:00")
FULL = 10_000

Property = Callable[..., None]


def examples(most: int) -> Callable[[Property], Property]:
    return settings(max_examples=max(20, most), deadline=None, derandomize=most < FULL)


def quota(**changes: object) -> Quota:
    return Quota(**{"department": "a", "utility": "water", "year": 2026, "amount": Decimal(100), **changes})  # type: ignore[arg-type]


amounts = st.decimals(0, 10_000, places=3)
uses = st.lists(st.decimals(0, 2_000, places=3), min_size=1, max_size=12)
steps = st.lists(st.decimals(0, 2, places=2), min_size=1, max_size=4, unique=True).map(
    lambda above: [ExcessStep(one, Decimal("1.5")) for one in sorted(above)]
)
profiles = st.one_of(
    st.just(()), st.lists(st.decimals(0, 9, places=1), min_size=12, max_size=12).filter(any).map(tuple)
)


def cumulated(parts: Sequence[Decimal]) -> list[Decimal]:
    return [sum(parts[:count], Decimal(0)) for count in range(len(parts) + 1)]


def test_every_unit_above_the_quota_is_charged_once(counts: Callable[[int], int]) -> None:
    """The months' parts of all steps add up to what the year used above the first step, however it is cut."""

    @given(steps, amounts, uses)
    @examples(counts(FULL))
    def holds(rising: list[ExcessStep], amount: Decimal, months: list[Decimal]) -> None:
        parts = [excess(rising, amount, low, high) for low, high in pairwise(cumulated(months))]
        assert all(part >= 0 for month in parts for part in month)
        whole = excess(rising, amount, Decimal(0), sum(months, Decimal(0)))
        assert [sum(step, Decimal(0)) for step in zip(*parts, strict=True)] == whole
        (above,) = excess(rising[:1], amount, Decimal(0), sum(months, Decimal(0)))
        assert sum(whole, Decimal(0)) == above

    holds()


def test_transfers_neither_make_nor_lose_anything(counts: Callable[[int], int]) -> None:
    """Over all departments, what entries add is the sum of the approved top-ups."""
    departments = ("a", "b", "c")
    entry = st.builds(
        QuotaEntry,
        id=st.integers(1),
        utility=st.just("water"),
        year=st.sampled_from([2025, 2026]),
        department=st.sampled_from(departments[:2]),
        source=st.sampled_from([None, "c"]),
        amount=amounts,
        asked_by=st.just("li"),
        reason=st.just(""),
        at=st.just(0),
        approval=st.one_of(st.none(), st.builds(Approval, by=st.just("wang"), at=st.integers(0, 9))),
    )

    @given(st.lists(entry, max_size=12), st.integers(0, 10))
    @examples(counts(FULL))
    def holds(entries: list[QuotaEntry], before: int) -> None:
        added = [sum(effects(quota(department=one), entries, before), Decimal(0)) for one in departments]
        topped = [
            one.amount
            for one in entries
            if one.source is None and one.year == 2026 and one.approval is not None and one.approval.at < before
        ]
        assert sum(added, Decimal(0)) == sum(topped, Decimal(0))

    holds()


def test_the_plan_of_a_year_is_all_of_it(counts: Callable[[int], int]) -> None:
    """It rises from nothing to everything, whatever the profile."""

    @given(profiles, st.lists(st.integers(START - DAY, END + DAY), max_size=8))
    @examples(counts(FULL))
    def holds(profile: tuple[Decimal, ...], instants: list[int]) -> None:
        own = quota(month_profile=profile)
        shares = [planned_share(own, CALENDAR, at) for at in (START, *sorted(instants), END)]
        assert (shares[0], shares[-1]) == (0, 1)
        assert all(0 <= one <= 1 for one in shares)
        inner = shares[1:-1]
        assert inner == sorted(inner)

    holds()


def test_on_the_day_it_runs_out_the_plan_at_that_pace_reaches_the_amount(counts: Callable[[int], int]) -> None:
    """At the end of that day the pace so far has used the amount, at its beginning it has not."""

    @given(profiles, st.integers(START + 1, END), st.decimals("0.001", "99.999", places=3))
    @examples(counts(FULL))
    def holds(profile: tuple[Decimal, ...], at: int, used: Decimal) -> None:
        own = quota(month_profile=profile)
        so_far = planned_share(own, CALENDAR, at)
        day = runs_out(own, CALENDAR, at, used, Decimal(100))
        if day is None:
            assert not so_far or so_far * 100 >= Fraction(used)
            return
        begins, ends = CALENDAR.day(day)
        assert begins > at - DAY
        pace = Fraction(used) / so_far
        assert pace * planned_share(own, CALENDAR, begins) < 100 <= pace * planned_share(own, CALENDAR, ends)

    holds()


def test_nothing_is_forecast_where_nothing_is_left_or_used() -> None:
    at = parse("2026-03-01T00:00:00+08:00")
    asked = [
        (Decimal(0), Decimal(10)),
        (Decimal(10), Decimal(10)),
        (Decimal(-1), Decimal(10)),
        (Decimal(1), Decimal(100)),
    ]
    assert [runs_out(quota(), CALENDAR, at, used, amount) for used, amount in asked] == [None] * 4
    assert runs_out(quota(), CALENDAR, at, Decimal(99), Decimal(100)) == date(2026, 3, 1)


def test_heads_that_are_declared_later_count_from_then_on() -> None:
    by_head = quota(amount=None, per_head=Decimal(365))
    later = Department("a", Text.same("A"), headcount=Timeline.of([(parse("2026-12-31T00:00:00+08:00"), Decimal(4))]))
    assert declared(by_head, later, CALENDAR) == Decimal("4.000")
    next_year = Department("a", Text.same("A"), headcount=Timeline.of([(END, Decimal(4))]))
    assert declared(by_head, next_year, CALENDAR) == 0

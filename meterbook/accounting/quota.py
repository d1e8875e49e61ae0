"""Quotas: what a department may use of a utility in a calendar year, what it used, what more or less of it costs.

Everything here is a function of its arguments; `Quotas` asks the `Past` for the months it needs. Calculation: the
calendar year's cumulative use counts, losses included. An entry counts for the months that end after its approval, so
that nothing approved later changes what an earlier month was charged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Protocol

from meterbook.accounting.allocate import Piece
from meterbook.accounting.statement import Month, line_id, quality
from meterbook.domain.calendar import Calendar, next_month
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Shares
from meterbook.domain.money import SPLIT, round_half_up
from meterbook.domain.organisation import Department
from meterbook.domain.plans import ExcessStep, Quota
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.quota import QuotaEntry, QuotaStanding
from meterbook.domain.site import Site
from meterbook.domain.statement import Line, LineKind
from meterbook.domain.timeline import Timeline

ENERGY: frozenset[LineKind] = frozenset({"direct", "shared", "loss"})
"""The kinds of lines whose charges are the price of energy."""

DECEMBER = 12
_EVER: Instant = 2**62


@dataclass(frozen=True, slots=True)
class Use:
    """What a party carried of a utility in a month, and whether that is known from the month's first instant on."""

    quantity: Decimal
    from_start: bool
    quality: Shares


NOTHING = Use(Decimal(0), False, Shares.nothing())
"""The use of who carries nothing."""


class Used(NamedTuple):
    """What is asked of the use of a month before."""

    quantity: Decimal
    from_start: bool


NOTHING_USED = Used(Decimal(0), False)


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy charges, and the quantity they were charged for."""

    charge: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)

    @property
    def mean(self) -> Fraction | None:
        """The mean price of a unit; None where nothing was priced."""
        return Fraction(self.charge) / Fraction(self.quantity) if self.quantity > 0 else None

    def plus(self, other: Energy) -> Energy:
        """Both together."""
        return Energy(self.charge + other.charge, self.quantity + other.quantity)


def uses(pieces: Iterable[Piece], start: Instant) -> dict[str, Use]:
    """The use of a month, which begins at `start`, by party."""
    parties: dict[str, list[Piece]] = {}
    for piece in pieces:
        parties.setdefault(piece.party, []).append(piece)
    found = {}
    for party, own in parties.items():
        first = [piece.cells for piece in own if len(piece.cells.start) and piece.cells.start[0] == start]
        known = bool(first) and not any(bool(cells.missing[0]) for cells in first)
        found[party] = Use(sum((piece.quantity for piece in own), Decimal(0)), known, quality(own))
    return found


def energies(lines: Mapping[str, Iterable[Line]], utility: str) -> dict[str, Energy]:
    """The energy of a utility by party; those without are left out."""
    found = {party: energy(own, utility) for party, own in lines.items()}
    return {party: one for party, one in found.items() if one != Energy()}


def energy(lines: Iterable[Line], utility: str) -> Energy:
    """What the lines of one department say of the price of a utility's energy; quantities without a price are none."""
    found = Energy()
    for line in lines:
        if line.utility == utility and line.kind in ENERGY and line.charge is not None and line.quantity is not None:
            found = found.plus(Energy(line.charge, line.quantity))
    return found


def mean(timeline: Timeline[Decimal] | None, start: Instant, end: Instant) -> Fraction | None:
    """The mean over [start, end) by time; None where it is not declared from the start on."""
    if timeline is None or timeline.at(start) is None:
        return None
    edges = [start, *timeline.changes(start, end), end]
    return sum((Fraction(timeline.at(low) or 0) * (high - low) for low, high in pairwise(edges)), Fraction()) / (
        end - start
    )


def declared(quota: Quota, department: Department, calendar: Calendar) -> Decimal:
    """What the site's files grant for the year; heads and area by their mean over it, rounded half up to 0.001.

    Heads or area that are not declared from the year's start on count from the day on which they are.
    """
    if quota.amount is not None:
        return quota.amount
    span = _year(quota.year, calendar)
    heads, area = (_since_declared(line, *span) for line in (department.headcount, department.area_m2))
    return round_half_up(
        Fraction(quota.per_head) * heads + Fraction(quota.per_m2) * area + Fraction(quota.equipment), SPLIT
    )


def _since_declared(timeline: Timeline[Decimal] | None, start: Instant, end: Instant) -> Fraction:
    first = end if timeline is None else max(start, min(end, timeline.starts[0]))
    found = mean(timeline, first, end) if first < end else None
    return (found or Fraction()) * (end - first) / (end - start)


def _year(year: int, calendar: Calendar) -> tuple[Instant, Instant]:
    return calendar.midnight(date(year, 1, 1)), calendar.midnight(date(year + 1, 1, 1))


def _months(year: int) -> list[date]:
    return [date(year, month, 1) for month in range(1, 13)]


def _weights(quota: Quota) -> list[Fraction]:
    """What each month weighs in the year: the profile, or its days."""
    profile: Sequence[Decimal | int] = quota.month_profile or [
        (next_month(first) - first) // timedelta(days=1) for first in _months(quota.year)
    ]
    whole = sum((Fraction(weight) for weight in profile), Fraction())
    return [Fraction(weight) / whole for weight in profile]


def planned_share(quota: Quota, calendar: Calendar, at: Instant) -> Fraction:
    """The part of the year's amount that the profile gives to the time up to `at`, evenly within a month."""
    share = Fraction()
    for first, weight in zip(_months(quota.year), _weights(quota), strict=True):
        start, end = calendar.midnight(first), calendar.midnight(next_month(first))
        share += weight * Fraction(max(0, min(at, end) - start), end - start)
    return share


def runs_out(quota: Quota, calendar: Calendar, at: Instant, used: Decimal, amount: Decimal) -> date | None:
    """The day on which the amount is used up, if use goes on along the profile as far above or below it as up to `at`.

    None where it lasts the year, is used up already, or where nothing was used or planned so far.
    """
    so_far = planned_share(quota, calendar, at)
    if not 0 < used < amount or not so_far:
        return None
    target, before = so_far * Fraction(amount) / Fraction(used), Fraction()
    for first, weight in zip(_months(quota.year), _weights(quota), strict=True):
        if weight and before + weight >= target and target < 1:
            start, end = calendar.midnight(first), calendar.midnight(next_month(first))
            return calendar.day_of(start + math.ceil((target - before) / weight * (end - start)) - 1)
        before += weight
    return None


def excess(steps: Sequence[ExcessStep], amount: Decimal, before: Decimal, after: Decimal) -> list[Decimal]:
    """For each step, the part of the use from `before` to `after` (counted since the year's start) that lies in it.

    A step begins at (1 + above) x amount, rounded half up to 0.001, and ends where the next one begins.
    """
    edges = [round_half_up(amount * (1 + step.above), SPLIT) for step in steps]
    ends = [*edges[1:], max(after, *edges)] if edges else []
    return [max(Decimal(0), min(after, end) - max(before, start)) for start, end in zip(edges, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class _Account:
    """A quota at the end of a month, with what its lines are made of."""

    quota: Quota
    month: Month
    standing: QuotaStanding
    use: Use

    def lines(self, month: Energy, year: Callable[[], Energy]) -> list[Line]:
        """The excess of the month and, when December is over, the reward for what was saved in the year."""
        standing, used = self.standing, self.standing.used
        if used is None:
            return []
        parts = excess(self.quota.excess, standing.amount, used - self.use.quantity, used)
        found = [
            self._line(
                "quota_excess",
                part,
                f"{(step.above * 100).normalize():f}%",
                _priced(month.mean, part, step.multiplier - 1),
            )
            for step, part in zip(self.quota.excess, parts, strict=True)
            if part > 0
        ]
        left = standing.amount - used
        december = self.month.month.endswith(f"-{DECEMBER}") and self.month.state != "open"
        if december and self.quota.saving_reward and left > 0:
            found.append(self._line("quota_reward", left, None, _priced(year().mean, left, -self.quota.saving_reward)))
        return [line for line in found if line.charge != 0]

    def _line(self, kind: LineKind, quantity: Decimal, band: str | None, charge: Decimal | None) -> Line:
        standing, month = self.standing, self.month
        return Line(
            id=line_id(month.month, standing.department, standing.utility, kind, None, band),
            utility=standing.utility,
            kind=kind,
            meter=None,
            quantity=quantity,
            unit=standing.unit,
            share=None,
            charge=charge,
            tariff=None,
            band=band,
            start=month.start,
            end=month.end,
            quality=self.use.quality,
        )


def _priced(price: Fraction | None, quantity: Decimal, factor: Decimal) -> Decimal | None:
    return None if price is None else round_half_up(price * Fraction(quantity) * Fraction(factor))


def _known(quota: Quota, january: Use | Used) -> bool:
    """Whether anybody can say what a department used since the start of the year."""
    return quota.used_before is not None or january.from_start


class Past(Protocol):
    """The months before: what quotas ask of them."""

    def uses(self, utility: str, month: str) -> Mapping[str, Used]:
        """What each party used of a utility in a month."""

    def energies(self, month: str) -> Mapping[str, Mapping[str, Energy]]:
        """The energy charges of a month by utility and party, without quota lines."""


class Quotas:
    """The quotas of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def of(
        self,
        month: Month,
        lines: Mapping[str, Sequence[Line]],
        used: Mapping[str, Mapping[str, Use]],
        entries: Sequence[QuotaEntry],
        past: Past,
    ) -> list[tuple[QuotaStanding, list[Line]]]:
        """Each quota at the end of a month with its lines.

        `lines` and `used`, by utility and department, are the month's own; `entries` are the approved ones.
        """
        quotas = [quota for quota in self._site.quotas if quota.year == int(month.month[:4])]
        before = {utility: self._before(quotas, utility, month, past) for utility in {one.utility for one in quotas}}
        found = []
        for quota in quotas:
            months = [one.get(quota.department, NOTHING_USED) for one in before[quota.utility]]
            use = used.get(quota.utility, {}).get(quota.department, NOTHING)
            account = self._account(quota, month, months, use, entries)
            priced = energy(lines.get(quota.department, ()), quota.utility)
            found.append((account.standing, account.lines(priced, partial(_whole_year, quota, priced, past))))
        return found

    def _before(self, quotas: Sequence[Quota], utility: str, month: Month, past: Past) -> list[Mapping[str, Used]]:
        """The months of the year before this one; no more than January where that leaves every quota unknown."""
        found: list[Mapping[str, Used]] = []
        for first in _months(int(month.month[:4])):
            name = f"{first:%Y-%m}"
            if name >= month.month:
                break
            found.append(past.uses(utility, name))
            own = (quota for quota in quotas if quota.utility == utility)
            if not any(_known(quota, found[0].get(quota.department, NOTHING_USED)) for quota in own):
                break
        return found

    def _account(
        self, quota: Quota, month: Month, before: Sequence[Used], use: Use, entries: Sequence[QuotaEntry]
    ) -> _Account:
        """A quota and its `use` of the month, which follows the months `before`, from January on."""
        calendar = self._site.calendar
        granted = declared(quota, self._site.departments[quota.department], calendar)
        _, over = calendar.month(month.month)
        amount = granted + sum(effects(quota, entries, over), Decimal(0))
        quantities = [*(one.quantity for one in before), use.quantity]
        total = sum(quantities, quota.used_before or Decimal(0))
        used = total if _known(quota, before[0] if before else use) else None
        standing = QuotaStanding(
            department=quota.department,
            utility=quota.utility,
            unit=UNITS[UTILITIES[quota.utility][0]],
            year=quota.year,
            at=month.end,
            declared=granted,
            amount=amount,
            planned=round_half_up(planned_share(quota, calendar, month.end) * Fraction(amount), SPLIT),
            used=used,
            warning=None if used is None else _warning(quota, used, amount),
            runs_out=None if used is None else runs_out(quota, calendar, month.end, used, amount),
        )
        return _Account(quota, month, standing, use)


def _whole_year(quota: Quota, december: Energy, past: Past) -> Energy:
    """The energy of a whole year, of which `december` is known."""
    found = december
    for first in _months(quota.year)[:-1]:
        found = found.plus(past.energies(f"{first:%Y-%m}").get(quota.utility, {}).get(quota.department, Energy()))
    return found


def effects(quota: Quota, approved: Iterable[QuotaEntry], before: Instant = _EVER) -> list[Decimal]:
    """What each entry that was approved before an instant adds to a quota; those of other quotas are none."""
    own = [entry for entry in approved if (entry.utility, entry.year) == (quota.utility, quota.year)]
    return [entry.effect(quota.department) for entry in own if entry.counts(before)]


def _warning(quota: Quota, used: Decimal, amount: Decimal) -> Decimal | None:
    return max((limit for limit in quota.warn_at if used * 100 >= limit * amount), default=None)

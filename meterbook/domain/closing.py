"""A closed month: what was charged, by what rules, and who closed it. It never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from meterbook.domain.allocation import Allocation
from meterbook.domain.calendar import Calendar, DayKind
from meterbook.domain.emission import EmissionFactor
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter
from meterbook.domain.organisation import Department
from meterbook.domain.plans import Opening, Quota
from meterbook.domain.site import Site
from meterbook.domain.statement import Balance, Line, Statement
from meterbook.domain.stepdown import StepDown
from meterbook.domain.tariff import Tariff

REACH = timedelta(days=62)
"""Days before a month whose kind may matter in it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules, prices and calendar a month was closed by: all that its charges follow from, besides readings.

    `days` are what the calendar called the days of the month and those shortly before it. `quotas` are those that the
    site's files granted, `step_down` the stages they declared; None in what was closed before terms held them: then
    today's are taken for them. What was closed before terms held `emission_factors` has none, and shows no emissions.
    """

    days: Mapping[date, DayKind]
    departments: Mapping[str, Department]
    meters: Mapping[str, Meter]
    allocations: tuple[Allocation, ...]
    tariffs: tuple[Tariff, ...]
    openings: Mapping[str, Opening] = field(default_factory=dict)
    quotas: tuple[Quota, ...] | None = None
    step_down: tuple[StepDown, ...] | None = None
    emission_factors: tuple[EmissionFactor, ...] = ()

    @classmethod
    def of(cls, site: Site, month: str) -> Terms:
        """The terms that a site's files give a month."""
        calendar = site.calendar
        start, end = calendar.month(month)
        first, last = calendar.day_of(start) - REACH, calendar.day_of(end - 1)
        days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        return cls(
            days={day: calendar.kind(day) for day in days},
            departments=dict(site.departments),
            meters=dict(site.meters),
            allocations=site.allocations,
            tariffs=site.tariffs,
            openings=dict(site.openings),
            quotas=site.quotas,
            step_down=site.step_down,
            emission_factors=site.emission_factors,
        )

    def site(self, today: Site) -> Site:
        """The site as the month was closed by it, its registers read as `today` declares them.

        How a register is read (its point, ratio, exchanges and limits) is evidence, and mended like readings are; who
        stands below whom, who pays, and what it costs are these terms.
        """
        return replace(
            today,
            calendar=self._calendar(today.calendar),
            departments=self.departments,
            meters={id: _read_as(held, today.meters.get(id)) for id, held in self.meters.items()},
            allocations=self.allocations,
            tariffs=self.tariffs,
            openings=self.openings,
            quotas=today.quotas if self.quotas is None else self.quotas,
            step_down=today.step_down if self.step_down is None else self.step_down,
            emission_factors=self.emission_factors,
        )

    def _calendar(self, today: Calendar) -> Calendar:
        changed = tuple((day, kind) for day, kind in self.days.items() if today.kind(day) != kind)
        return replace(today, declared=changed) if changed else today


def _read_as(held: Meter, today: Meter | None) -> Meter:
    if today is None or not (held.physical and today.physical):
        return held
    kept = {name: getattr(held, name) for name in ("utility", "parent", "max_loss", "reactive", "id")}
    same = all(getattr(today, name) == value for name, value in kept.items())
    return today if same else replace(today, **kept)


BlockKind = Literal["running", "coverage", "question", "price", "opening", "reactive", "imbalance"]
NEVER_FORCED: frozenset[BlockKind] = frozenset({"running", "price"})
"""A month that is not over and a quantity without a price cannot be closed for any reason."""


@dataclass(frozen=True, slots=True)
class Block:
    """One reason why a month cannot be closed: what it is about, and its figures in words."""

    kind: BlockKind
    subject: str
    figures: Mapping[str, str] = field(default_factory=dict)

    @property
    def yields(self) -> bool:
        """Whether it can be overridden with a reason."""
        return self.kind not in NEVER_FORCED


@dataclass(frozen=True, slots=True)
class Signature:
    """Who closed a month and when, with the version of the site's files.

    `reason` is why it was forced, None where nothing stood in the way; `overridden` says what did.
    """

    month: str
    by: str
    at: Instant
    site_version: str
    reason: str | None = None
    overridden: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """The record of a closed month, complete."""

    signature: Signature
    terms: Terms
    statements: tuple[Statement, ...]
    balances: tuple[Balance, ...]

    @property
    def lines(self) -> Iterable[tuple[str, Line]]:
        """Every line with its department."""
        return ((one.department, line) for one in self.statements for line in one.lines)

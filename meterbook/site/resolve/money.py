"""Allocations, tariffs and emission factors."""

from __future__ import annotations

from decimal import Decimal

from meterbook.domain.allocation import Allocation, Split
from meterbook.domain.emission import EmissionFactor
from meterbook.domain.tariff import (
    Demand,
    FixedCharge,
    Hours,
    PowerFactor,
    ScheduleRow,
    Surcharge,
    Tariff,
    Tiers,
    TierStep,
)
from meterbook.domain.text import Text
from meterbook.site import models
from meterbook.site.draft import Draft
from meterbook.site.models.site import WEEKDAYS
from meterbook.site.models.tariffs import When
from meterbook.site.resolve.dates import since


def emission_factors(draft: Draft) -> tuple[EmissionFactor, ...]:
    """The dated factors in the order of the file."""
    return tuple(
        EmissionFactor(one.utility, since(one.from_, draft.zone), one.kgco2e, one.kgce, one.source)
        for one in draft.tariffs.emission_factors
    )


def allocations(draft: Draft) -> tuple[Allocation, ...]:
    """The dated rules in the order of the file."""
    owners = {one.meter: one.to for one in draft.allocations.allocations if one.to is not None and not one.losses}
    return tuple(
        Allocation(
            meter=one.meter,
            start=since(one.from_, draft.zone),
            to=one.to,
            split=_split(one.split, owners) if one.split else None,
            losses=one.losses,
        )
        for one in draft.allocations.allocations
    )


def _split(split: models.allocations.Split, owners: dict[str, str]) -> Split:
    shares = {department: share for department, share in split.among.items() if share is not None}
    weighing = {meter: owner for meter in split.meters if (owner := owners.get(meter))}
    return Split(split.by, tuple(split.among), shares, weighing)


def tariffs(draft: Draft) -> tuple[Tariff, ...]:
    """The dated versions in the order of the file."""
    return tuple(_tariff(one, draft) for one in draft.tariffs.tariffs)


def _tariff(one: models.tariffs.Tariff, draft: Draft) -> Tariff:
    return Tariff(
        id=one.id,
        utility=one.utility,
        start=since(one.from_, draft.zone),
        price=one.price,
        bands=one.bands,
        schedule=tuple(_row(row) for row in one.schedule),
        day_flags={flag: frozenset(days) for flag, days in one.day_flags.items()},
        tiers=_tiers(one.tiers) if one.tiers else None,
        demand=_demand(one.demand) if one.demand else None,
        power_factor=_power_factor(one.power_factor, draft) if one.power_factor else None,
        surcharges=tuple(
            Surcharge(extra.id, extra.name or Text.same(extra.id), extra.per_unit) for extra in one.surcharges
        ),
        fixed=tuple(FixedCharge(extra.id, extra.name or Text.same(extra.id), extra.per_month) for extra in one.fixed),
        apply=one.apply,
        estimate=one.estimate,
    )


def _row(row: models.tariffs.ScheduleRow) -> ScheduleRow:
    when = row.when or When()
    return ScheduleRow(
        hours=tuple(Hours(start, end, band) for start, end, band in sorted(row.hours)),
        months=frozenset(when.months),
        weekdays=frozenset(map(WEEKDAYS.index, when.weekdays)),
        days=when.days,
        flag=when.flag,
    )


def _tiers(tiers: models.tariffs.Tiers) -> Tiers:
    return Tiers(tiers.period, tuple(TierStep(step.price, step.up_to) for step in tiers.steps))


def _demand(demand: models.tariffs.Demand) -> Demand:
    return Demand(
        demand.meter,
        demand.window,
        demand.price_per_kw,
        demand.approved_kw,
        demand.excess_multiplier or Decimal(1),
        demand.excess_from or Decimal(1),
    )


def _power_factor(power_factor: models.tariffs.PowerFactor, draft: Draft) -> PowerFactor | None:
    standard = Decimal(power_factor.standard)
    table = draft.factor_tables.get(standard)
    if table is None:
        where = power_factor.where("standard")
        draft.problems.append(
            where.problem(f"no table is there for {standard}", "one in config/tables/power-factor.yaml")
        )
        return None
    return PowerFactor(power_factor.meter, standard, table)

"""Why a statement line is what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from pydantic import Field

from api.schemas.common import Answer, Exact, QualityShares
from api.schemas.dispute import DisputeInFull
from api.schemas.statement import LineOut
from meterbook.accounting.explain import Edge, Explanation, Part, Stretch
from meterbook.domain.allocation import Allocation
from meterbook.domain.instant import iso
from meterbook.domain.interval import Consumption, words
from meterbook.domain.reading import Quality
from meterbook.domain.statement import StatementState
from meterbook.domain.tariff import Tariff


class RuleOut(Answer):
    """The allocation that gives the meter away: `to` one department, or `by` a weight among several."""

    meter: str
    start: str = Field(alias="from")
    losses: bool
    to: str | None
    by: str | None
    among: list[str]
    shares: dict[str, Exact]

    @classmethod
    def of(cls, rule: Allocation, zone: ZoneInfo) -> RuleOut:
        """An allocation of the site; one that has always held says so with its first year."""
        split = rule.split
        return cls(
            meter=rule.meter,
            start=iso(max(rule.start, 0), zone),
            losses=rule.losses,
            to=rule.to,
            by=split.by if split else None,
            among=[*split.among, *split.meters] if split else [],
            shares=dict(split.shares) if split else {},
        )


class TierOut(Answer):
    """A price up to an amount."""

    up_to: Exact | None
    price: Exact


class PriceOut(Answer):
    """The component of the tariff version, and what the whole site pays for it.

    `per_unit` is its price where it is one; tiers, demand and power factor are charged once for the site and divided.
    """

    tariff: str | None
    component: str
    per_unit: Exact | None
    tiers: list[TierOut]
    site_quantity: Exact | None
    site_charge: Exact | None

    @classmethod
    def of(cls, told: Explanation) -> PriceOut:
        """The price behind a line."""
        tariff = told.tariff
        tiers = tariff.tiers.steps if tariff and tariff.tiers and told.name == "energy" else ()
        return cls(
            tariff=told.line.tariff,
            component=told.name,
            per_unit=None if tariff is None else _per_unit(tariff, told.name),
            tiers=[TierOut(up_to=step.up_to, price=step.price) for step in tiers],
            site_quantity=told.component.quantity,
            site_charge=told.component.charge,
        )


def _per_unit(tariff: Tariff, name: str) -> Exact | None:
    if name == "energy":
        return tariff.price
    if name == "demand":
        return tariff.demand.price_per_kw if tariff.demand else None
    named = {extra.id: extra.per_unit for extra in tariff.surcharges} | {one.id: one.per_month for one in tariff.fixed}
    return tariff.bands.get(name, named.get(name))


class RawOut(Answer):
    """A reading as it came, before the multiplier."""

    at: str
    value: Exact
    quality: str = Field(examples=["good"])


class EdgeOut(Answer):
    """A register at an instant, and the readings around it."""

    at: str
    register_: Exact | None = Field(alias="register")
    measured: bool
    readings: list[RawOut]

    @classmethod
    def of(cls, edge: Edge, zone: ZoneInfo) -> EdgeOut:
        """An edge of a stretch."""
        raw = [
            RawOut(at=iso(one.at, zone), value=one.figure, quality=Quality(one.quality).name.lower())
            for one in edge.readings
        ]
        return cls(at=iso(edge.at, zone), register_=edge.figure, measured=edge.measured, readings=raw)


class StretchOut(Answer):
    """A time of one physical meter and one multiplier."""

    opening: EdgeOut
    closing: EdgeOut
    multiplier: Exact
    rollovers: int

    @classmethod
    def of(cls, stretch: Stretch, zone: ZoneInfo) -> StretchOut:
        """A stretch of a meter's part."""
        return cls(
            opening=EdgeOut.of(stretch.opening, zone),
            closing=EdgeOut.of(stretch.closing, zone),
            multiplier=stretch.multiplier,
            rollovers=stretch.rollovers,
        )


class PartOut(Answer):
    """A physical meter the line stands on; `factor` is how it enters, such as -1."""

    meter: str
    factor: str
    consumption: Exact | None
    quality: QualityShares
    reasons: list[str]
    registers: list[StretchOut]

    @classmethod
    def of(cls, part: Part, zone: ZoneInfo) -> PartOut:
        """A part of an explanation."""
        return cls(
            meter=part.meter,
            factor=str(part.factor),
            consumption=part.used.value,
            quality=QualityShares.of(part.used.shares),
            reasons=words(part.used.reasons),
            registers=[StretchOut.of(one, zone) for one in part.stretches],
        )


class DayOut(Answer):
    """What the line's meter counted on a day in the line's band."""

    start: str = Field(alias="from")
    value: Exact | None
    quality: QualityShares

    @classmethod
    def of(cls, day: Consumption, zone: ZoneInfo) -> DayOut:
        """A day of an explanation."""
        return cls(start=iso(day.start, zone), value=day.value, quality=QualityShares.of(day.shares))


class ChangeOut(Answer):
    """What an adjustment changes: the charge and quantity so far, and with it."""

    charge_before: Exact | None
    charge_after: Exact | None
    quantity_before: Exact | None
    quantity_after: Exact | None


class ExplanationOut(Answer):
    """A line, its rule, price and meters; readings and registers are those there are today."""

    department: str
    month: str
    state: StatementState
    hash: str
    line: LineOut
    rule: RuleOut | None
    price: PriceOut
    meters: list[PartOut]
    days: list[DayOut]
    lines: list[str] = Field(description="ids of the lines that carry the quantity")
    change: ChangeOut | None
    disputes: list[DisputeInFull] = Field(description="of the line; of an adjustment also those that it answers")

    @classmethod
    def of(
        cls,
        told: Explanation,
        zone: ZoneInfo,
        sees: Callable[[str], bool] = lambda meter: True,
        disputes: Sequence[DisputeInFull] = (),
    ) -> ExplanationOut:
        """An explanation with the meters that may be seen, and the days where those are all."""
        statement, line = told.statement, told.line
        whole = all(sees(part.meter) for part in told.parts)
        return cls(
            department=statement.department,
            month=statement.month,
            state=statement.state,
            hash=statement.hash,
            line=LineOut.of(line, zone),
            rule=RuleOut.of(told.rule, zone) if told.rule else None,
            price=PriceOut.of(told),
            meters=[PartOut.of(part, zone) for part in told.parts if sees(part.meter)],
            days=[DayOut.of(day, zone) for day in told.days if whole],
            lines=list(told.stands_on),
            change=_change(told),
            disputes=list(disputes),
        )


def _change(told: Explanation) -> ChangeOut | None:
    if told.before is None:
        return None
    was, line = told.before, told.line
    return ChangeOut(
        charge_before=was.charge,
        charge_after=None if line.charge is None else (was.charge or 0) + line.charge,
        quantity_before=was.quantity,
        quantity_after=None if line.quantity is None else (was.quantity or 0) + line.quantity,
    )

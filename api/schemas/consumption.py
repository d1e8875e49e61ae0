"""Meters, and consumption over time."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from pydantic import Field

from api.schemas.common import Answer, Exact, Words
from meterbook.domain.instant import iso
from meterbook.domain.interval import Consumption, words
from meterbook.domain.meter import Meter


class IntervalOut(Answer):
    """Consumption over [start, end); `value` is null when all is missing. The shares are of time.

    `reasons` say why a part was not measured, and what happened in it: `interpolated`, `gap`, `rejected`, `estimated`,
    `rollover`, `wobble`, `exchange`, `silent`, `question`, `corrected`.
    """

    start: str = Field(examples=["2026-10-01T00:00:00+08:00"])
    end: str = Field(examples=["2026-10-01T01:00:00+08:00"])
    value: Exact | None = Field(examples=["412.800"])
    measured: Exact = Field(examples=["1"])
    estimated: Exact = Field(examples=["0"])
    missing: Exact = Field(examples=["0"])
    reasons: list[str] = Field(examples=[["rollover"]])


def intervals(found: Iterable[Consumption], zone: ZoneInfo) -> list[IntervalOut]:
    """Intervals as they are answered, in the site's zone."""
    return [
        IntervalOut(
            start=iso(part.start, zone),
            end=iso(part.end, zone),
            value=part.value,
            measured=part.shares.measured,
            estimated=part.shares.estimated,
            missing=part.shares.missing,
            reasons=words(part.reasons),
        )
        for part in found
    ]


class MeterConsumption(Answer):
    """Consumption of one meter."""

    meter: str = Field(examples=["E-MAIN"])
    utility: str = Field(examples=["electricity"])
    unit: str = Field(examples=["kWh"])
    intervals: list[IntervalOut]


class DepartmentConsumption(Answer):
    """Consumption of one utility by a department: direct, shared and losses."""

    department: str = Field(examples=["radiology"])
    utility: str = Field(examples=["electricity"])
    unit: str = Field(examples=["kWh"])
    intervals: list[IntervalOut]


class MeterOut(Answer):
    """A meter: what it counts, where, and what it reads."""

    id: str = Field(examples=["E-B1"])
    utility: str = Field(examples=["electricity"])
    unit: str = Field(examples=["kWh"])
    name: Words
    reads: str | None = Field(examples=["b1-main.active_energy_import"])
    formula: str | None = Field(examples=[None])
    parent: str | None = Field(examples=["E-MAIN"])
    space: str | None = Field(examples=["b1"])
    manual: bool = Field(examples=[False])
    signed: bool = Field(examples=[False])

    @classmethod
    def of(cls, meter: Meter, unit: str) -> MeterOut:
        """A meter of the site."""
        return cls(
            id=meter.id,
            utility=meter.utility,
            unit=unit,
            name=Words.of(meter.name),
            reads=meter.reads,
            formula=meter.formula,
            parent=meter.parent,
            space=meter.space,
            manual=meter.manual,
            signed=meter.signed,
        )

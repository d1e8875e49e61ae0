"""Points, their readings, and what became of readings that were pushed."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from api.schemas.common import Answer, Exact
from meterbook.domain.device import Point
from meterbook.domain.instant import Instant, iso
from meterbook.domain.reading import Quality, Reading
from meterbook.readings.rollups import Summary

QualityName = Literal["good", "estimated", "bad"]
QUALITY_NAMES: dict[int, QualityName] = {Quality.GOOD: "good", Quality.ESTIMATED: "estimated", Quality.BAD: "bad"}


class ReadingOut(Answer):
    """One reading in the canonical unit of its point."""

    at: str = Field(examples=["2026-10-01T00:00:00+08:00"])
    value: Exact = Field(examples=["9987.32"])
    quality: QualityName = Field(examples=["good"])

    @classmethod
    def of(cls, at: Instant, value: float, quality: int, zone: ZoneInfo) -> ReadingOut:
        """A stored reading; its value is the shortest decimal that names the double."""
        return cls(at=iso(at, zone), value=Decimal(repr(value)), quality=QUALITY_NAMES[quality])


class SummaryOut(Answer):
    """The readings of one point in [start, end) that count; `mean` is the mean of the readings, not of time."""

    start: str = Field(examples=["2026-10-01T00:00:00+08:00"])
    end: str = Field(examples=["2026-10-01T01:00:00+08:00"])
    min: Exact = Field(examples=["6.9"])
    max: Exact = Field(examples=["7.4"])
    mean: Exact = Field(examples=["7.1"])
    last: Exact = Field(examples=["7.2"])
    count: int = Field(examples=[60])

    @classmethod
    def of(cls, summary: Summary, zone: ZoneInfo) -> SummaryOut:
        """A summary; figures are the shortest decimals that name the doubles."""
        figures = (summary.least, summary.most, summary.mean, summary.last)
        least, most, mean, last = (Decimal(repr(figure)) for figure in figures)
        span = {"start": iso(summary.start, zone), "end": iso(summary.end, zone)}
        return cls(**span, min=least, max=most, mean=mean, last=last, count=summary.count)


class PointOut(Answer):
    """One measured quantity and what was last seen of it."""

    id: str = Field(examples=["b1-main.active_energy_import"])
    device: str | None = Field(examples=["b1-main"])
    quantity: str = Field(examples=["active_energy"])
    kind: str = Field(examples=["counter"])
    unit: str = Field(examples=["kWh"])
    space: str | None = Field(examples=["b1"])
    latest: ReadingOut | None

    @classmethod
    def of(cls, point: Point, latest: Reading | None, unit: str, zone: ZoneInfo) -> PointOut:
        """A point with its latest reading; `unit` is the canonical one."""
        seen = None if latest is None else ReadingOut.of(latest.at, latest.value, latest.quality, zone)
        spec = point.spec
        return cls(
            id=point.id,
            device=point.device,
            quantity=spec.quantity,
            kind=spec.kind,
            unit=unit,
            space=point.space,
            latest=seen,
        )


class Rejected(Answer):
    """A row that cannot be a reading, counted from 0 (-1: the heading of a CSV body), and why."""

    row: int = Field(examples=[3])
    reason: str = Field(examples=["unknown point b9.volume"])


class PushOut(Answer):
    """What became of pushed readings; all that was accepted is on disk."""

    accepted: int = Field(examples=[2])
    repeated: int = Field(examples=[0])
    conflicts: int = Field(examples=[0])
    rejected: list[Rejected]

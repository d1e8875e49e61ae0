"""Quotas: how departments stand against them, and what people agree about them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Answer, Exact
from api.schemas.correction import Reason
from meterbook.domain.instant import iso
from meterbook.domain.quota import QuotaEntry, QuotaStanding

Amount = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=3)]


class QuotaOut(Answer):
    """How a department stands against one quota at the instant `at`.

    `used` is null, and so is `left`, where readings begin later than the year and nobody said what was used before.
    `runs_out` is null where the quota lasts the year, or is used up already.
    """

    department: str = Field(examples=["radiology"])
    utility: str = Field(examples=["electricity"])
    unit: str = Field(examples=["kWh"])
    year: int = Field(examples=[2026])
    at: str = Field(examples=["2026-11-01T00:00:00+08:00"])
    declared: Exact = Field(description="what the site's files grant for the year", examples=["310000"])
    amount: Exact = Field(description="with approved top-ups and transfers", examples=["312000"])
    planned: Exact = Field(description="the part of it up to `at`, by the month profile", examples=["259857.534"])
    used: Exact | None = Field(examples=["281004.12"])
    left: Exact | None = Field(description="below zero where more was used", examples=["30995.88"])
    warning: Exact | None = Field(description="the highest per cent to warn at that was reached", examples=["90"])
    runs_out: str | None = Field(description="the day on which it is used up at this pace", examples=["2026-12-04"])

    @classmethod
    def of(cls, standing: QuotaStanding, zone: ZoneInfo) -> QuotaOut:
        """A standing of the ledger."""
        return cls(
            department=standing.department,
            utility=standing.utility,
            unit=standing.unit,
            year=standing.year,
            at=iso(standing.at, zone),
            declared=standing.declared,
            amount=standing.amount,
            planned=standing.planned,
            used=standing.used,
            left=standing.left,
            warning=standing.warning,
            runs_out=standing.runs_out and standing.runs_out.isoformat(),
        )


class ApprovalOut(Answer):
    """Who approved an entry, and when."""

    by: str = Field(examples=["wang"])
    at: str = Field(examples=["2026-11-24T09:10:00+08:00"])


class QuotaEntryOut(Answer):
    """A top-up of `department`, or a transfer where `source` names the department that gives; see `approval`."""

    id: int = Field(examples=[4])
    utility: str = Field(examples=["electricity"])
    year: int = Field(examples=[2026])
    department: str = Field(examples=["radiology"])
    source: str | None = Field(examples=["wards"])
    amount: Exact = Field(examples=["2000"])
    asked_by: str = Field(examples=["li"])
    reason: str = Field(examples=["the second CT"])
    at: str = Field(examples=["2026-11-23T17:05:00+08:00"])
    approval: ApprovalOut | None = Field(description="null: nobody approved it, and it does not count")

    @classmethod
    def of(cls, entry: QuotaEntry, zone: ZoneInfo) -> QuotaEntryOut:
        """An entry of the books."""
        given = entry.approval
        return cls(
            id=entry.id,
            utility=entry.utility,
            year=entry.year,
            department=entry.department,
            source=entry.source,
            amount=entry.amount,
            asked_by=entry.asked_by,
            reason=entry.reason,
            at=iso(entry.at, zone),
            approval=given and ApprovalOut(by=given.by, at=iso(given.at, zone)),
        )


class QuotaEntryIn(BaseModel):
    """What a department's quota shall have more; who asks is known from the request."""

    model_config = ConfigDict(extra="forbid")

    utility: str = Field(max_length=200, examples=["electricity"])
    year: int = Field(examples=[2026])
    department: str = Field(max_length=200, examples=["radiology"])
    source: str | None = Field(
        default=None, max_length=200, description="the department that gives", examples=["wards"]
    )
    amount: Amount = Field(examples=["2000"])
    reason: Reason = Field(examples=["the second CT"])

"""Departments, their statements and the site's balance."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import Field

from api.schemas.common import Answer, Exact, QualityShares, Words
from meterbook.domain.instant import iso
from meterbook.domain.organisation import Department
from meterbook.domain.statement import Balance, Line, LineKind, Statement, StatementState


class DepartmentOut(Answer):
    """A cost centre."""

    id: str = Field(examples=["radiology"])
    name: Words
    parent: str | None = Field(examples=["clinical"])
    cost_centre: str | None = Field(examples=["4103"])
    owner: str | None = Field(examples=["radiology-head"])

    @classmethod
    def of(cls, department: Department) -> DepartmentOut:
        """A department of the site."""
        return cls(
            id=department.id,
            name=Words.of(department.name),
            parent=department.parent,
            cost_centre=department.cost_centre,
            owner=department.owner,
        )


class LineOut(Answer):
    """One charge and what it stands on; a quantity without a price has no `charge`."""

    id: str
    utility: str = Field(examples=["electricity"])
    kind: LineKind = Field(examples=["direct"])
    meter: str | None = Field(examples=["E-B1-CT"])
    quantity: Exact | None = Field(examples=["10412.37"])
    unit: str | None = Field(examples=["kWh"])
    share: Exact | None = Field(examples=["1"])
    charge: Exact | None = Field(examples=["7021.06"])
    tariff: str | None = Field(examples=["grid-2026"])
    band: str | None = Field(examples=["flat"])
    start: str = Field(alias="from", examples=["2026-10-01T00:00:00+08:00"])
    end: str = Field(alias="to", examples=["2026-11-01T00:00:00+08:00"])
    quality: QualityShares

    @classmethod
    def of(cls, line: Line, zone: ZoneInfo) -> LineOut:
        """A line of a statement."""
        return cls(
            id=line.id,
            utility=line.utility,
            kind=line.kind,
            meter=line.meter,
            quantity=line.quantity,
            unit=line.unit,
            share=line.share,
            charge=line.charge,
            tariff=line.tariff,
            band=line.band,
            start=iso(line.start, zone),
            end=iso(line.end, zone),
            quality=QualityShares.of(line.quality),
        )


class QuotaLine(Answer):
    """How a department stands against one quota."""

    utility: str
    amount: Exact
    used: Exact | None


class StatementOut(Answer):
    """A department's month. `remarks` are `utility: word`, what a reader of the charges must know."""

    department: str = Field(examples=["radiology"])
    month: str = Field(examples=["2026-10"])
    state: StatementState = Field(examples=["provisional"])
    revision: int = Field(examples=[1])
    currency: str = Field(examples=["CNY"])
    lines: list[LineOut]
    total: Exact | None = Field(examples=["7021.06"])
    payable: Exact | None = Field(examples=["7021.06"])
    subtree_total: Exact | None = Field(examples=["7021.06"])
    quota: list[QuotaLine] = Field(default_factory=list)
    quality: QualityShares
    remarks: list[str]
    hash: str

    @classmethod
    def of(cls, statement: Statement, zone: ZoneInfo) -> StatementOut:
        """A statement of the ledger."""
        return cls(
            department=statement.department,
            month=statement.month,
            state=statement.state,
            revision=statement.revision,
            currency=statement.currency,
            lines=[LineOut.of(line, zone) for line in statement.lines],
            total=statement.total,
            payable=statement.payable,
            subtree_total=statement.subtree_total,
            quality=QualityShares.of(statement.quality),
            remarks=list(statement.remarks),
            hash=statement.hash,
        )


class BalanceOut(Answer):
    """Where a utility's supply went: supplied = allocated + losses_shared + unallocated, to the last digit."""

    utility: str = Field(examples=["water"])
    unit: str = Field(examples=["m3"])
    start: str = Field(alias="from", examples=["2026-10-01T00:00:00+08:00"])
    end: str = Field(alias="to", examples=["2026-11-01T00:00:00+08:00"])
    supplied: Exact = Field(examples=["1204.118"])
    allocated: dict[str, Exact] = Field(examples=[{"wards": "1100.000"}])
    losses_shared: dict[str, Exact] = Field(examples=[{"wards": "104.118"}])
    unallocated: Exact = Field(examples=["0"])
    losses: Exact = Field(examples=["104.118"])
    difference: Exact = Field(examples=["0"])
    quality: QualityShares

    @classmethod
    def of(cls, balance: Balance, zone: ZoneInfo) -> BalanceOut:
        """A balance of the ledger."""
        return cls(
            utility=balance.utility,
            unit=balance.unit,
            start=iso(balance.start, zone),
            end=iso(balance.end, zone),
            supplied=balance.supplied,
            allocated=balance.allocated,
            losses_shared=balance.losses_shared,
            unallocated=balance.unallocated,
            losses=balance.losses,
            difference=balance.difference.normalize(),
            quality=QualityShares.of(balance.quality),
        )

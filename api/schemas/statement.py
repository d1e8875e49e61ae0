"""Departments, their statements and the site's balance."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from api.schemas.common import Answer, Exact, QualityShares, Words
from api.schemas.quota import QuotaOut
from meterbook.accounting.closing import sentence
from meterbook.domain.closing import Block, BlockKind, Signature
from meterbook.domain.emission import Emission
from meterbook.domain.instant import iso
from meterbook.domain.organisation import Department
from meterbook.domain.statement import Balance, Line, LineKind, Statement, StatementState
from meterbook.i18n import translator


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


class EmissionOut(Answer):
    """What the month's use of a utility stands for, exact; null where some of it has no emission factor."""

    utility: str = Field(examples=["electricity"])
    quantity: Exact = Field(examples=["10412.37"])
    unit: str = Field(examples=["kWh"])
    kgco2e: Exact | None = Field(description="kilograms of CO2 equivalent", examples=["5587.277742"])
    kgce: Exact | None = Field(description="kilograms of standard coal", examples=["1279.680273"])

    @classmethod
    def of(cls, one: Emission) -> EmissionOut:
        """An emission of a statement."""
        return cls(utility=one.utility, quantity=one.quantity, unit=one.unit, kgco2e=one.kgco2e, kgce=one.kgce)


class StatementOut(Answer):
    """A department's month. `remarks` are `utility: word`, what a reader of the charges must know.

    `emissions` name the utilities that have an emission factor.
    """

    department: str = Field(examples=["radiology"])
    month: str = Field(examples=["2026-10"])
    state: StatementState = Field(examples=["provisional"])
    revision: int = Field(examples=[1])
    currency: str = Field(examples=["CNY"])
    lines: list[LineOut]
    total: Exact | None = Field(examples=["7021.06"])
    payable: Exact | None = Field(examples=["7021.06"])
    subtree_total: Exact | None = Field(examples=["7021.06"])
    quota: list[QuotaOut]
    quality: QualityShares
    remarks: list[str]
    emissions: list[EmissionOut]
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
            quota=[QuotaOut.of(standing, zone) for standing in statement.quota],
            quality=QualityShares.of(statement.quality),
            remarks=list(statement.remarks),
            emissions=[EmissionOut.of(one) for one in statement.emissions],
            hash=statement.hash,
        )


class ClosingIn(Answer):
    """A wish to close a month; `force` is the reason for which what stands in the way is overridden."""

    force: str | None = Field(default=None, min_length=1, max_length=2000, examples=["the gateway burnt on 3 October"])

    @field_validator("force")
    @classmethod
    def _not_blank(cls, force: str | None) -> str | None:
        """Spaces are no reason."""
        if force is not None and not force.strip():
            raise ValueError("expected some words")
        return None if force is None else force.strip()


class BlockOut(Answer):
    """What stood in the way of closing; `reason` is a sentence with the next step."""

    kind: BlockKind = Field(examples=["coverage"])
    subject: str = Field(examples=["E-MAIN"])
    figures: dict[str, str]
    reason: Words

    @classmethod
    def of(cls, block: Block) -> BlockOut:
        """A block of a month."""
        reason = Words(zh=sentence(block, translator("zh")), en=sentence(block, translator("en")))
        return cls(kind=block.kind, subject=block.subject, figures=dict(block.figures), reason=reason)


class ClosingOut(Answer):
    """A closed month; `force` is why it was closed in spite of what is `overridden`."""

    month: str = Field(examples=["2026-10"])
    state: StatementState = Field(examples=["closed"])
    by: str = Field(examples=["wang"])
    at: str = Field(examples=["2026-11-03T09:00:00+08:00"])
    site_version: str
    force: str | None
    overridden: list[BlockOut]

    @classmethod
    def of(cls, signature: Signature, zone: ZoneInfo) -> ClosingOut:
        """The signature under a closed month."""
        return cls(
            month=signature.month,
            state="closed",
            by=signature.by,
            at=iso(signature.at, zone),
            site_version=signature.site_version,
            force=signature.reason,
            overridden=[BlockOut.of(block) for block in signature.overridden],
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

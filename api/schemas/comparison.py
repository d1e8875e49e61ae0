"""A closed month as it was charged, beside what it comes to today."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Answer, Exact
from meterbook.accounting.comparison import Compared, Comparison, Sum


class SumOut(Answer):
    """A quantity in the component's unit and a charge; null where there is none."""

    quantity: Exact | None = Field(examples=["27.500"])
    charge: Exact | None = Field(examples=["94.87"])

    @classmethod
    def of(cls, found: Sum) -> SumOut:
        """A sum of the accounting."""
        return cls(quantity=found.quantity, charge=found.charge)


class ComparedOut(Answer):
    """A department's component of a closed month, whatever the tariff version. Quota lines are not compared."""

    department: str = Field(examples=["radiology"])
    utility: str = Field(examples=["water"])
    component: str = Field(description="as `band` of an adjustment", examples=["energy"])
    unit: str | None = Field(examples=["m3"])
    charged: SumOut = Field(description="so far, adjustments in closed months included")
    due: SumOut = Field(description="by today's readings and the month's own rules, prices and calendar")
    difference: SumOut = Field(description="due - charged: what is booked as an adjustment")
    rerated: SumOut = Field(description="by today's readings, rules, prices and calendar")
    rerating: SumOut = Field(description="rerated - due: never booked, only shown")

    @classmethod
    def of(cls, one: Compared) -> ComparedOut:
        """A component compared."""
        return cls(
            department=one.department,
            utility=one.utility,
            component=one.component,
            unit=one.unit,
            charged=SumOut.of(one.charged),
            due=SumOut.of(one.due),
            difference=SumOut.of(one.difference),
            rerated=SumOut.of(one.rerated),
            rerating=SumOut.of(one.rerating),
        )


class ComparisonOut(Answer):
    """A closed month compared, before anything is booked."""

    month: str = Field(examples=["2026-10"])
    booked_in: str = Field(description="the earliest open month after it", examples=["2026-11"])
    items: list[ComparedOut]
    damaged: list[str] = Field(description="departments whose hash does not fit what the books hold")
    changed: list[str] = Field(
        description="departments whose statement, computed again by its terms, is not the same bytes any more"
    )

    @classmethod
    def of(cls, found: Comparison) -> ComparisonOut:
        """A comparison of the accounting."""
        return cls(
            month=found.month,
            booked_in=found.booked_in,
            items=[ComparedOut.of(one) for one in found.items],
            damaged=list(found.damaged),
            changed=list(found.changed),
        )

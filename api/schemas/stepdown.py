"""What departments were charged, passed on in stages to those they serve."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Answer, Exact, Words
from meterbook.domain.statement import StatementState
from meterbook.domain.stepdown import Kept, Share, Stage, StageBy, SteppedDown, Transfer, shown


class StageOut(Answer):
    """Departments that pass all they carry on to others; `stage` counts from 1."""

    stage: int = Field(examples=[1])
    name: Words | None
    departments: list[str] = Field(examples=[["logistics"]])
    by: StageBy = Field(examples=["headcount"])
    among: list[str] = Field(examples=[["radiology", "wards"]])

    @classmethod
    def of(cls, number: int, stage: Stage) -> StageOut:
        """A stage of the site."""
        return cls(
            stage=number,
            name=None if stage.name is None else Words.of(stage.name),
            departments=list(stage.departments),
            by=stage.by,
            among=list(stage.among),
        )


class ShareOut(Answer):
    """A department before and after: cost = charged + received - passed_on."""

    department: str = Field(examples=["wards"])
    charged: Exact = Field(examples=["7021.06"])
    received: Exact = Field(examples=["512.40"])
    passed_on: Exact = Field(examples=["0"])
    cost: Exact = Field(examples=["7533.46"])

    @classmethod
    def of(cls, share: Share) -> ShareOut:
        """A department's share."""
        return cls(
            department=share.department,
            charged=share.charged,
            received=share.received,
            passed_on=share.passed_on,
            cost=share.cost,
        )


class TransferOut(Answer):
    """A part of what a department passes on: `weight` out of `of`, the weight of all whom the stage serves."""

    stage: int = Field(examples=[1])
    giver: str = Field(alias="from", examples=["logistics"])
    receiver: str = Field(alias="to", examples=["wards"])
    weight: Exact = Field(examples=["317.741935"])
    whole: Exact = Field(alias="of", examples=["515.741935"])
    amount: Exact = Field(examples=["512.40"])

    @classmethod
    def of(cls, one: Transfer) -> TransferOut:
        """A transfer between two departments."""
        return cls(
            stage=one.stage,
            giver=one.giver,
            receiver=one.receiver,
            weight=shown(one.weight),
            whole=shown(one.whole),
            amount=one.amount,
        )


class KeptOut(Answer):
    """What stays with a department of a stage, since nobody the stage serves weighs anything."""

    stage: int = Field(examples=[1])
    department: str = Field(examples=["logistics"])
    amount: Exact = Field(examples=["812.05"])

    @classmethod
    def of(cls, one: Kept) -> KeptOut:
        """What is kept."""
        return cls(stage=one.stage, department=one.department, amount=one.amount)


class SteppedDownOut(Answer):
    """A month stepped down: `charged` and `cost` of all and `unallocated` add up to `total`; `difference` is 0."""

    month: str = Field(examples=["2026-10"])
    state: StatementState = Field(examples=["closed"])
    currency: str = Field(examples=["CNY"])
    total: Exact = Field(examples=["27111.15"])
    unallocated: Exact = Field(examples=["12.40"])
    difference: Exact = Field(examples=["0"])
    stages: list[StageOut]
    departments: list[ShareOut]
    transfers: list[TransferOut]
    kept: list[KeptOut]

    @classmethod
    def of(cls, found: SteppedDown) -> SteppedDownOut:
        """A month of the ledger, stepped down."""
        return cls(
            month=found.month,
            state=found.state,
            currency=found.currency,
            total=found.total,
            unallocated=found.unallocated,
            difference=found.difference.normalize(),
            stages=[StageOut.of(number, stage) for number, stage in enumerate(found.stages, start=1)],
            departments=[ShareOut.of(share) for share in found.shares],
            transfers=[TransferOut.of(one) for one in found.transfers],
            kept=[KeptOut.of(one) for one in found.kept],
        )

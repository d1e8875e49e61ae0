"""Disputes: what was contested, how it was answered, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Answer
from api.schemas.correction import CorrectionOut, Reason, shown
from api.schemas.statement import LineOut
from meterbook.accounting.dispute import Adjusted, Aftermath
from meterbook.domain.correction import Correction
from meterbook.domain.dispute import Dispute, DisputeAnswer, Outcome
from meterbook.domain.instant import iso
from meterbook.domain.statement import StatementState

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class DisputeAnswerOut(Answer):
    """How a dispute ended; an adjustment names corrections, or with `change` what was changed in the site's files."""

    outcome: Outcome = Field(examples=["adjustment"])
    author: str = Field(examples=["wang"])
    comment: str = Field(examples=["the fitter's diary names an exchange on 3 October"])
    at: str = Field(examples=["2026-11-24T09:10:00+08:00"])
    corrections: list[int] = Field(examples=[[4]])
    change: str | None = Field(examples=[None])
    site_version: str

    @classmethod
    def of(cls, answer: DisputeAnswer, zone: ZoneInfo) -> DisputeAnswerOut:
        """An answer of the books."""
        return cls(
            outcome=answer.outcome,
            author=answer.author,
            comment=answer.comment,
            at=iso(answer.at, zone),
            corrections=list(answer.corrections),
            change=answer.change,
            site_version=answer.site_version,
        )


class DisputeOut(Answer):
    """A contested line: `contested` is the line as it stood that day, `state` and `hash` those of its statement."""

    id: int = Field(examples=[3])
    department: str = Field(examples=["radiology"])
    month: str = Field(examples=["2026-10"])
    contested: LineOut
    state: StatementState
    hash: str
    author: str = Field(examples=["radiology-head"])
    comment: str = Field(examples=["The scanner stood still from 3 to 9 October."])
    at: str = Field(examples=["2026-11-23T17:05:00+08:00"])
    site_version: str
    answer: DisputeAnswerOut | None = Field(description="null: nobody has answered yet")

    @classmethod
    def of(cls, dispute: Dispute, zone: ZoneInfo) -> DisputeOut:
        """A dispute of the books."""
        return cls(**_common(dispute, zone))


class AdjustedOut(Answer):
    """An adjustment line and the statement it stands on; `own` says that it is of the contested component."""

    month: str = Field(examples=["2026-11"])
    state: StatementState
    own: bool
    line: LineOut

    @classmethod
    def of(cls, one: Adjusted, zone: ZoneInfo) -> AdjustedOut:
        """An adjustment since a dispute."""
        return cls(month=one.month, state=one.state, own=one.own, line=LineOut.of(one.line, zone))


class DisputeInFull(DisputeOut):
    """A dispute with what became of the line.

    `now` is the line as it stands, null where there is none any more; `adjustments` are those of the department's
    utility and month since, none after a rejection; `corrections` are those the answer names, of meters that may be
    seen.
    """

    now: LineOut | None
    now_state: StatementState
    adjustments: list[AdjustedOut]
    corrections: list[CorrectionOut]

    @classmethod
    def told(
        cls,
        dispute: Dispute,
        after: Aftermath,
        cited: Sequence[Correction],
        zone: ZoneInfo,
        sees: Callable[[str], bool] = lambda meter: True,
    ) -> DisputeInFull:
        """A dispute of the books, and what the ledger says of it."""
        return cls(
            **_common(dispute, zone),
            now=LineOut.of(after.line, zone) if after.line is not None else None,
            now_state=after.state,
            adjustments=[AdjustedOut.of(one, zone) for one in after.adjustments],
            corrections=[shown(one, zone) for one in cited if sees(one.meter)],
        )


def _common(dispute: Dispute, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "department": dispute.department,
        "month": dispute.month,
        "contested": LineOut.of(dispute.line, zone),
        "state": dispute.state,
        "hash": dispute.hash,
        "author": dispute.author,
        "comment": dispute.comment,
        "at": iso(dispute.at, zone),
        "site_version": dispute.site_version,
        "answer": dispute.answer and DisputeAnswerOut.of(dispute.answer, zone),
    }


class DisputeIn(BaseModel):
    """Why a line is contested; who contests it is known from the request."""

    model_config = ConfigDict(extra="forbid")

    comment: Reason = Field(examples=["The scanner stood still from 3 to 9 October."])


class DisputeAnswerIn(BaseModel):
    """The answer to a dispute; who answers is known from the request."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome = Field(examples=["adjustment"])
    comment: Reason = Field(examples=["the fitter's diary names an exchange on 3 October"])
    corrections: list[Number] = Field(default=[], max_length=100, examples=[[4]])
    change: Reason | None = Field(default=None, examples=["the ratio of E-B1-CT in meters.yaml"])

"""Corrections: signed entries on what the readings of a meter say."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.common import Answer, Exact, plain
from meterbook.accounting.computation import Question
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, Undo
from meterbook.domain.instant import iso


def _in_full(value: Decimal) -> Decimal:
    return Decimal(plain(value))


Figure = Annotated[Decimal, Field(max_digits=15, decimal_places=6), AfterValidator(_in_full)]
"""A decimal with its digits written out: those of a `register_max` say what the register's least digit is."""

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class UndoOut(Answer):
    """Who took a correction back, why and when."""

    author: str = Field(examples=["li"])
    reason: str = Field(examples=["the meter was right after all"])
    at: str = Field(examples=["2026-11-24T09:10:00+08:00"])

    @classmethod
    def of(cls, undo: Undo, zone: ZoneInfo) -> UndoOut:
        """An undo of the books."""
        return cls(author=undo.author, reason=undo.reason, at=iso(undo.at, zone))


class Entered(Answer):
    """What every correction has: its number, whose it is, and whether somebody took it back (`undo`)."""

    id: int = Field(examples=[4])
    meter: str = Field(examples=["E-B1-CT"])
    author: str = Field(examples=["li"])
    reason: str = Field(examples=["the gateway sent the register of its neighbour"])
    entered: str = Field(examples=["2026-11-23T17:05:00+08:00"])
    undo: UndoOut | None


class ExclusionOut(Entered):
    """Readings of the meter with from <= at < to do not count."""

    kind: Literal["exclude"] = "exclude"
    from_: str = Field(alias="from", examples=["2026-11-17T10:00:00+08:00"])
    to: str = Field(examples=["2026-11-17T10:30:00+08:00"])


class EstimateOut(Entered):
    """What the meter used in [from, to), in its canonical unit after the multiplier."""

    kind: Literal["estimate"] = "estimate"
    from_: str = Field(alias="from", examples=["2026-11-17T10:00:00+08:00"])
    to: str = Field(examples=["2026-11-17T11:00:00+08:00"])
    quantity: Exact = Field(examples=["42.5"])


class ExchangeOut(Entered):
    """Another physical meter (or a reset) from `at` on; `multiplier` is null where it stayed the same."""

    kind: Literal["exchange"] = "exchange"
    at: str = Field(examples=["2026-11-17T10:30:00+08:00"])
    old_final: Exact = Field(examples=["9987.32"])
    new_initial: Exact = Field(examples=["12.40"])
    multiplier: Exact | None = Field(examples=["60"])
    register_max: Exact | None = Field(examples=["999999.99"])


CorrectionOut = Annotated[ExclusionOut | EstimateOut | ExchangeOut, Field(discriminator="kind")]


def shown(correction: Correction, zone: ZoneInfo) -> ExclusionOut | EstimateOut | ExchangeOut:
    """A correction of the books as programs read it."""
    entered = Entered(
        id=correction.id,
        meter=correction.meter,
        author=correction.author,
        reason=correction.reason,
        entered=iso(correction.at, zone),
        undo=correction.undo and UndoOut.of(correction.undo, zone),
    )
    what, common = correction.what, dict(entered)
    if isinstance(what, Exclusion):
        return ExclusionOut(**common, from_=iso(what.start, zone), to=iso(what.end, zone))
    if isinstance(what, Estimate):
        return EstimateOut(**common, from_=iso(what.start, zone), to=iso(what.end, zone), quantity=what.quantity)
    return _exchange(what, common, zone)


def _exchange(what: Exchange, common: dict[str, object], zone: ZoneInfo) -> ExchangeOut:
    new = what.installation
    return ExchangeOut.model_validate(
        common
        | {
            "at": iso(new.at, zone),
            "old_final": new.old_final,
            "new_initial": new.new_initial,
            "multiplier": what.multiplier,
            "register_max": new.register.maximum,
        }
    )


class QuestionOut(Answer):
    """Readings that fell and stayed down: they count once an exchange (or a reset) says what happened.

    `figure` was the register's at `since`, the last reading that counts; `shown` is the latest one, at `until`.
    """

    meter: str
    since: str
    figure: Exact
    until: str
    shown: Exact

    @classmethod
    def of(cls, question: Question, zone: ZoneInfo) -> QuestionOut:
        """A question of the ledger."""
        since, until = iso(question.since, zone), iso(question.until, zone)
        return cls(meter=question.meter, since=since, figure=question.figure, until=until, shown=question.shown)


class _In(BaseModel):
    """What somebody corrects, and why; who it was is known from the request."""

    meter: str = Field(max_length=200, examples=["E-B1-CT"])
    reason: Reason = Field(examples=["the gateway sent the register of its neighbour"])


class ExclusionIn(_In):
    """Readings of the meter with from <= at < to shall not count."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["exclude"]
    from_: str = Field(alias="from", examples=["2026-11-17T10:00:00+08:00"])
    to: str = Field(examples=["2026-11-17T10:30:00+08:00"])


class EstimateIn(_In):
    """What the meter used in [from, to), in its canonical unit after the multiplier; both on the 15-minute grid."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["estimate"]
    from_: str = Field(alias="from", examples=["2026-11-17T10:00:00+08:00"])
    to: str = Field(examples=["2026-11-17T11:00:00+08:00"])
    quantity: Figure = Field(examples=["42.5"])


class ExchangeIn(_In):
    """Another physical meter (or a reset) from `at` on; what is left out stayed the same."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["exchange"]
    at: str = Field(examples=["2026-11-17T10:30:00+08:00"])
    old_final: Figure = Field(examples=["9987.32"])
    new_initial: Figure = Field(examples=["12.40"])
    multiplier: Figure | None = Field(default=None, examples=["60"])
    register_max: Figure | None = Field(default=None, examples=["999999.99"])


CorrectionIn = Annotated[ExclusionIn | EstimateIn | ExchangeIn, Field(discriminator="kind")]


class UndoIn(BaseModel):
    """Why a correction is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(examples=["the meter was right after all"])

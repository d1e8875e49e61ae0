"""Pieces that many answers are made of. Quantities and money are strings that hold exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from meterbook.domain.interval import Shares
from meterbook.domain.text import Text

T = TypeVar("T")


def plain(value: Decimal) -> str:
    """A decimal in plain notation, never with an exponent; zero has no sign."""
    return format(abs(value) if value == 0 else value, "f")


Exact = Annotated[Decimal, PlainSerializer(plain, return_type=str)]


class Answer(BaseModel):
    """What every answer has in common: unknown fields are a mistake of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Listing(Answer, Generic[T]):
    """One page of a list; `next` is the cursor of the page after it."""

    items: list[T]
    next: str | None = Field(default=None, description="pass as `cursor` to go on; null on the last page")


class Words(Answer):
    """A text in both languages."""

    zh: str = Field(examples=["门诊楼过载"])
    en: str = Field(examples=["Outpatient building overload"])

    @classmethod
    def of(cls, text: Text) -> Words:
        """The words of a text."""
        return cls(zh=text.zh, en=text.en)


class QualityShares(Answer):
    """Shares that add up to 1."""

    measured: Exact = Field(examples=["0.9958"])
    estimated: Exact = Field(examples=["0.0042"])
    missing: Exact = Field(examples=["0"])

    @classmethod
    def of(cls, shares: Shares) -> QualityShares:
        """The shares of an interval, a line or a statement."""
        return cls(measured=shares.measured, estimated=shares.estimated, missing=shares.missing)

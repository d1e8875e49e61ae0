"""scores.yaml: what a department's 100 points are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import Id, Number, Positive, refuse


class Part(Entry):
    """One part of the 100 points."""

    id: Id = Field(description="the part's id")
    points: Positive = Field(description="its points")
    rule: Id = Field(description="how it is judged, such as quota or against_last_year")


class Scores(Entry):
    """The points and where they pass."""

    pass_: Number = Field(Decimal(60), alias="pass", ge=0, le=100, description="below this a month is marked, 0 to 100")
    parts: list[Part] = Field(min_length=1, description="parts that add up to 100 points")

    @model_validator(mode="after")
    def _hundred(self) -> Self:
        total = sum(part.points for part in self.parts)
        if total != 100:
            raise refuse(f"the parts add up to {total} points", "100 points", key="parts")
        return self


class ScoresFile(Entry):
    """scores.yaml."""

    scores: Scores | None = Field(None, description="what 100 points are made of")

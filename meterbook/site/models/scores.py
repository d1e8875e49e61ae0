"""scores.yaml: what a department's 100 points are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from meterbook.domain.instant import DAY
from meterbook.site.models.entry import Entry
from meterbook.site.models.values import Duration, HourRange, Id, Number, Percent, Positive, refuse


class Part(Entry):
    """One part of the 100 points."""

    id: Id = Field(description="the part's id")
    points: Positive = Field(description="its points")
    rule: Id = Field(description="how it is judged, such as quota or against_last_year")
    full_at: Percent | None = Field(None, description='where all points are given, such as "100%"')
    none_at: Percent | None = Field(None, description='where none are, such as "110%"; linear between')
    hours: HourRange = Field((480, 1080), description="working hours on workdays, for after_hours_share")
    within: Duration = Field(DAY, description="in which time an incident is answered in time")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        given = [limit for limit in (self.full_at, self.none_at) if limit is not None]
        if given and len(set(given)) < 2:
            raise refuse("full_at and none_at do not tell points apart", "both, and not the same", key="full_at")
        return self


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

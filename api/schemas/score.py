"""Scores of departments out of 100 points, and the league table of a quarter."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Answer, Exact
from meterbook.domain.score import Reason, Score, Standing


class PartOut(Answer):
    """One part of the 100 points; `got` is null where the rule has nothing to go by, and `reason` says why."""

    id: str = Field(examples=["quota"])
    rule: str = Field(examples=["quota"])
    points: Exact = Field(examples=["40"])
    got: Exact | None = Field(examples=["20.0"])
    measured: Exact | None = Field(description="the ratio it was judged by, where it was one", examples=["1.05"])
    reason: Reason | None


class ScoreOut(Answer):
    """A department's month out of 100, over the parts that could be judged; `passed` is false below a limit."""

    department: str = Field(examples=["radiology"])
    month: str = Field(examples=["2026-10"])
    points: Exact | None = Field(examples=["72.5"])
    passed: bool | None
    parts: list[PartOut]

    @classmethod
    def of(cls, score: Score) -> ScoreOut:
        """A score."""
        return cls(
            department=score.department,
            month=score.month,
            points=score.points,
            passed=score.passed,
            parts=[
                PartOut(
                    id=part.id,
                    rule=part.rule,
                    points=part.points,
                    got=part.got,
                    measured=part.measured,
                    reason=part.reason,
                )
                for part in score.parts
            ],
        )


class StandingOut(Answer):
    """A department in the league table of a quarter; equals share a rank, who has no points has none."""

    rank: int | None = Field(examples=[1])
    department: str = Field(examples=["radiology"])
    points: Exact | None = Field(examples=["72.5"])
    passed: bool | None
    months: list[ScoreOut]

    @classmethod
    def of(cls, standing: Standing) -> StandingOut:
        """A row of the league table."""
        return cls(
            rank=standing.rank,
            department=standing.department,
            points=standing.points,
            passed=standing.passed,
            months=[ScoreOut.of(month) for month in standing.months],
        )

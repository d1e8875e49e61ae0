"""Scores: a department's month out of 100 points, and who stands where after a quarter."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from meterbook.domain.instant import Instant

Reason = Literal[
    "no_quota",
    "quota_unknown",
    "month_runs",
    "not_covered",
    "not_measured",
    "nothing_used",
    "no_incidents",
    "not_built",
]
"""Why a rule says nothing about a month."""


class Answer(NamedTuple):
    """An incident of a department, raised at an instant, and when somebody first answered it; None: nobody has."""

    department: str
    raised: Instant
    answered: Instant | None


@dataclass(frozen=True, slots=True)
class PartScore:
    """One part: `got` of its `points`, to 0.1; None where the rule has nothing to go by, and `reason` says why.

    `measured` is the ratio it was judged by, to 0.0001; None where several utilities were judged together.
    """

    id: str
    rule: str
    points: Decimal
    got: Decimal | None
    measured: Decimal | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Score:
    """A department's month: `points` of 100 over the parts that could be judged, None where none could.

    `passed` is False below the site's limit.
    """

    department: str
    month: str
    points: Decimal | None
    passed: bool | None
    parts: tuple[PartScore, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A department in the league table of a quarter: the mean of its months' points, and its rank, shared by equals.

    Who has no points has no rank.
    """

    department: str
    points: Decimal | None
    passed: bool | None
    rank: int | None
    months: tuple[Score, ...]

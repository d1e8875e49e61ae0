"""Scores: the cases, the points between two limits, working hours, and the league table."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from accounting.keeping import kept
from accounting.test_cases import CASES, opened

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.score import Judge, after_hours, given, league, months_of
from meterbook.accounting.upkeep import Kept
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import HOUR, parse
from meterbook.domain.plans import ScorePart, Scores
from meterbook.domain.score import Answer, PartScore, Score

SCORES = Scores(Decimal(60), ())


def shown(score: Score) -> list[list[object]]:
    return [
        [part.id, *(None if one is None else str(one) for one in (part.got, part.measured)), part.reason]
        for part in score.parts
    ]


def judge(case: Path, expected: dict[str, Any], intervals: Kept) -> Judge:
    site, store = opened(case)
    assert site.scores is not None
    answers = [Answer(row[0], parse(row[1]), row[2] and parse(row[2])) for row in expected.get("answers", [])]
    return Judge(
        Ledger(site, store, kept=intervals),
        site.scores,
        lambda start, end: [one for one in answers if start <= one.raised < end],
    )


@pytest.mark.parametrize("case", sorted(CASES.glob("score-*")), ids=lambda case: case.name)
def test_case(case: Path) -> None:
    expected = yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))
    with kept() as intervals:
        check(expected, judge(case, expected, intervals))


def check(expected: dict[str, Any], by: Judge) -> None:
    now = parse(expected["now"])
    for asked in expected["scores"]:
        (found,) = by.month(asked["month"], now, [asked["department"]])
        points = None if asked["points"] is None else Decimal(asked["points"])
        assert (found.points, found.passed) == (points, asked["passed"])
        assert shown(found) == asked["parts"]
    if "league" in expected:
        table = [
            [one.department, None if one.points is None else str(one.points), one.rank]
            for one in by.quarter(expected["league"]["quarter"], now)
        ]
        assert table == expected["league"]["table"]


@pytest.mark.parametrize(
    ("rule", "limits", "ratios", "points"),
    [
        ("quota", (None, None), ["0.2"], "40.0"),
        ("quota", (None, None), ["1"], "40.0"),
        ("quota", (None, None), ["1.025"], "30.0"),
        ("quota", (None, None), ["1.1"], "0.0"),
        ("quota", (None, None), ["7"], "0.0"),
        ("quota", (None, None), ["1", "1.1"], "20.0"),
        ("quota", ("0.8", "1.2"), ["0.9"], "30.0"),
        ("incidents_answered", (None, None), ["0.75"], "30.0"),
        ("incidents_answered", ("1", "0.5"), ["0.4"], "0.0"),
    ],
)
def test_points_between_two_limits(rule: str, limits: tuple[str | None, ...], ratios: list[str], points: str) -> None:
    full, none = (None if limit is None else Decimal(limit) for limit in limits)
    part = ScorePart("p", Decimal(40), rule, full, none)
    assert str(given(part, [Fraction(ratio) for ratio in ratios])) == points


def test_equals_share_a_rank_and_who_has_no_points_has_none() -> None:
    def score(department: str, month: str, points: str | None) -> Score:
        return Score(department, month, None if points is None else Decimal(points), None, ())

    months = [
        [
            score("a", "2026-07", "50"),
            score("b", "2026-07", "70"),
            score("c", "2026-07", None),
            score("d", "2026-07", "60"),
            score("e", "2026-07", "0.0"),
        ],
        [
            score("a", "2026-08", "70.1"),
            score("b", "2026-08", None),
            score("c", "2026-08", None),
            score("d", "2026-08", "80"),
        ],
    ]
    table = [(one.department, one.points, one.rank, one.passed) for one in league(SCORES, months)]
    assert table == [
        ("b", Decimal("70.0"), 1, True),
        ("d", Decimal("70.0"), 1, True),
        ("a", Decimal("60.1"), 3, True),
        ("e", Decimal("0.0"), 4, False),
        ("c", None, None, None),
    ]


def test_working_hours_follow_the_clock_of_the_wall() -> None:
    """On the Monday after the clocks went forward as on the Friday before: ten hours, from eight on."""
    calendar = Calendar(ZoneInfo("Europe/Berlin"))
    start, end = parse("2026-03-27T00:00:00+01:00"), parse("2026-03-31T00:00:00+02:00")
    changes = after_hours(calendar, (8 * 60, 18 * 60), start, end)
    opens = [at for at, after in changes if not after]
    closes = [at for (at, after), (_, before) in zip(changes[1:], changes, strict=False) if after and not before]
    assert opens == [parse("2026-03-27T08:00:00+01:00"), parse("2026-03-30T08:00:00+02:00")]
    assert [close - open_ for open_, close in zip(opens, closes, strict=True)] == [10 * HOUR] * 2
    assert changes[0] == (start, True)


def test_a_quarter_has_three_months() -> None:
    assert months_of("2026-Q4") == ["2026-10", "2026-11", "2026-12"]
    for wrong in ("2026-Q5", "2026-Q0", "2026Q1", "26-Q1", "2026-Q", "Q1", "2026-Q１"):
        with pytest.raises(ValueError, match=r"no quarter|no month"):
            months_of(wrong)


def test_a_rule_that_is_not_built_is_left_out() -> None:
    case = CASES / "score-after-hours"
    site, store = opened(case)
    parts = (ScorePart("new", Decimal(40), "cleanliness"), ScorePart("hours", Decimal(60), "after_hours_share"))
    (found,) = Judge(Ledger(site, store), Scores(Decimal(60), parts), lambda start, end: ()).month(
        "2026-05", parse("2026-05-03T00:00:00+08:00")
    )
    assert found.parts[0] == PartScore("new", "cleanliness", Decimal(40), None, None, "not_built")
    assert found.points == Decimal("40.3")  # 24.2 of 60

"""`meterbook score`: a month and a quarter from the command line, in both languages."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from meterbook.cli import app

CASE = Path(__file__).parents[1] / "cases" / "accounting" / "score-month-and-quarter"
NOW = "2026-08-01T00:00:00+08:00"


class Desk:
    """`meterbook score` of one site and its data."""

    def __init__(self, folder: Path) -> None:
        self.site = Path(copytree(CASE / "site", folder / "site"))
        self.data = folder / "data"
        self.run("import", str(self.site), str(CASE / "readings.csv"))

    def run(self, *arguments: str, code: int = 0) -> str:
        typed = [*arguments, "--data", str(self.data), "--now", NOW]
        done = CliRunner().invoke(app, typed, env={"COLUMNS": "500", "TERM": "dumb"})
        assert done.exit_code == code, done.output
        return done.output

    def __call__(self, *arguments: str, code: int = 0) -> str:
        return " ".join(self.run("score", str(self.site), *arguments, code=code).split())

    def language(self, language: str) -> None:
        path = self.site / "site.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("currency: CNY", f"currency: CNY\n  language: {language}"), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_month_for_programs(desk: Desk) -> None:
    found = json.loads(desk.run("score", str(desk.site), "2026-07", "--format", "json"))
    assert [(one["department"], one["points"], one["passed"]) for one in found] == [
        ("a", "50.0", False),
        ("b", "100.0", True),
        ("c", None, None),
    ]
    assert found[0]["parts"][0] == {
        "id": "quota",
        "rule": "quota",
        "points": "40",
        "got": "20.0",
        "measured": "1.0500",
        "reason": None,
    }


def test_a_quarter_is_a_league_table(desk: Desk) -> None:
    found = json.loads(desk.run("score", str(desk.site), "2026-Q3", "--format", "json"))
    assert [(one["rank"], one["department"], one["points"], len(one["months"])) for one in found] == [
        (1, "b", "100.0", 1),
        (2, "a", "50.0", 1),
        (None, "c", None, 1),
    ]


def test_people_read_it_in_their_language(desk: Desk) -> None:
    desk.language("en")
    shown = desk("2026-07")
    for words in ("Scores 2026-07", "quota / 40", "below the limit", "no quota", "too few readings", "unknown"):
        assert words in shown
    assert "rank" in desk("2026-Q3")
    path = desk.site / "site.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("language: en", "language: zh"), encoding="utf-8")
    shown = desk("2026-07")
    for words in ("考核得分 2026-07", "不及格", "无定额", "读数不足", "未知"):
        assert words in shown
    assert "名次" in desk("2026-Q3")


def test_what_cannot_be_scored_is_said(desk: Desk) -> None:
    assert "例如 2026-Q3" in desk("2026-Q7", code=2)
    assert "不是月份" in desk("July", code=2)
    (desk.site / "scores.yaml").unlink()
    assert "has no scores.yaml" in desk("2026-07", code=1)

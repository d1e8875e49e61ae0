"""Emissions on statements: told with the statement, and as closed as it is."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner

from meterbook.cli import app

CASE = Path(__file__).parents[1] / "cases" / "accounting" / "emission-factors-change-in-mid-month"
DECEMBER = "2026-12-02T08:00:00+08:00"


class Desk:
    """The case's site and its data."""

    def __init__(self, folder: Path) -> None:
        self.site, self.data = Path(copytree(CASE / "site", folder / "site")), folder / "data"
        self("import", str(CASE / "readings.csv"))

    def __call__(self, command: str, *arguments: str) -> str:
        typed = [command, str(self.site), *arguments, "--data", str(self.data), "--now", DECEMBER]
        done = CliRunner().invoke(app, typed, env={"COLUMNS": "500", "TERM": "dumb"})
        assert done.exit_code == 0, done.output
        return done.output

    def told(self, *arguments: str) -> Any:
        return json.loads(self("statement", "2026-11", "--department", "b", "--format", "json", *arguments))

    def change(self, old: str, new: str) -> None:
        path = self.site / "tariffs.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_statement_says_what_its_use_stands_for(desk: Desk) -> None:
    assert desk.told()["emissions"] == [
        {"utility": "electricity", "quantity": "90.000", "unit": "kWh", "kgco2e": "36.0000", "kgce": "11.0610000"}
    ]
    assert "电: 36.0000 kgCO₂e, 11.0610000 千克标准煤" in desk("statement", "2026-11", "--department", "b")
    english = desk("statement", "2026-10", "--department", "b", "--language", "en")
    assert "Electricity: 505.0000 kgCO₂e\n" in english
    assert "Water" not in english


def test_a_closed_month_keeps_its_factors_and_its_hash(desk: Desk) -> None:
    before = desk.told()
    desk("close", "2026-11", "--by", "wang")
    desk.change('kgco2e: "0.4", kgce: "0.1229"', 'kgco2e: "0.3"')
    assert desk.told() == before | {"state": "closed"}
    assert desk.told("--current")["emissions"][0]["kgco2e"] == "27.0000"
    compared = json.loads(desk("statement", "2026-11", "--compare", "--format", "json"))
    assert (compared["damaged"], compared["changed"]) == ([], [])


def test_without_factors_nothing_is_said(desk: Desk) -> None:
    desk.change("emission_factors:", "# emission_factors:")
    desk.change("  - {utility: electricity, from: 2026-01-01", "#")
    desk.change("  - {utility: electricity, from: 2026-10-16", "#")
    assert desk.told()["emissions"] == []
    assert "kgCO" not in desk("statement", "2026-11")

"""`meterbook stepdown`: a month's charges passed on, by the terms of the month once it is closed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner

from meterbook.cli import app

CASE = Path(__file__).parents[1] / "cases" / "accounting" / "step-down-in-three-stages"
NOVEMBER = "2026-11-02T08:00:00+08:00"


class Desk:
    """The case's site and its data."""

    def __init__(self, folder: Path) -> None:
        self.site, self.data = Path(copytree(CASE / "site", folder / "site")), folder / "data"
        self("import", str(CASE / "readings.csv"), now="2026-12-02T08:00:00+08:00")

    def __call__(self, command: str, *arguments: str, code: int = 0, now: str = NOVEMBER) -> str:
        typed = [command, str(self.site), *arguments, "--data", str(self.data), "--now", now]
        done = CliRunner().invoke(app, typed, env={"COLUMNS": "500", "TERM": "dumb"})
        assert done.exit_code == code, done.output
        return done.output

    def json(self, *arguments: str) -> Any:
        return json.loads(self("stepdown", *arguments, "--format", "json"))

    def change(self, file: str, old: str, new: str) -> None:
        path = self.site / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_figure_says_where_it_comes_from(desk: Desk) -> None:
    found = desk.json("2026-10")
    assert (found["total"], found["unallocated"], found["difference"]) == ("487.01", "7.00", "0")
    wards = next(one for one in found["departments"] if one["department"] == "wards")
    assert wards == {
        "department": "wards", "charged": "200.00", "received": "120.01", "passed_on": "0.00", "cost": "320.01",
    }  # fmt: skip
    to_wards = [
        (one["from"], one["weight"], one["of"], one["amount"]) for one in found["transfers"] if one["to"] == "wards"
    ]
    assert to_wards == [
        ("office", "56", "100", "56.00"), ("laundry", "100", "300", "19.00"), ("laboratory", "3", "4", "45.01"),
    ]  # fmt: skip
    assert found["stages"][0]["among"] == ["laundry", "laboratory", "wards", "outpatient"]


def test_the_table_speaks_both_languages(desk: Desk) -> None:
    chinese = desk("stepdown", "2026-10")
    assert "第 1 级: 行政, 按人数" in chinese
    assert "320.01" in chinese
    english = desk("stepdown", "2026-10", "--language", "en")
    assert "Stage 3: Technical, by weights" in english
    assert "3 / 4" in english


def test_a_ledger_takes_the_transfers_as_csv(desk: Desk, tmp_path: Path) -> None:
    desk("stepdown", "2026-10", "--format", "csv", "--language", "en", "--out", str(tmp_path / "down.csv"))
    with (tmp_path / "down.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert rows[2] == {
        "month": "2026-10", "stage": "1", "from": "office", "from_cost_centre": "9100", "to": "wards",
        "to_cost_centre": "", "by": "headcount", "weight": "56", "of": "100", "amount": "56.00", "currency": "CNY",
    }  # fmt: skip


def test_what_nobody_weighs_stays_and_is_told(desk: Desk) -> None:
    desk.change("site.yaml", "area_m2: 100", "area_m2: 0")
    assert desk.json("2026-10")["kept"] == [{"stage": 2, "department": "laundry", "amount": "57.01"}]
    assert "laundry keeps 57.01: nobody of stage 2 weighs anything" in desk("stepdown", "2026-10", "--language", "en")
    kept = desk("stepdown", "2026-10", "--format", "csv").splitlines()[-1]
    assert kept == "2026-10,2,laundry,,,,area_m2,,,57.01,CNY"


def test_a_closed_month_goes_by_its_record_and_its_terms(desk: Desk) -> None:
    before = desk.json("2026-10")
    desk("close", "2026-10", "--by", "wang")
    desk.change("site.yaml", "area_m2: 100", "area_m2: 0")
    desk.change("allocations.yaml", "among: {wards: 3, outpatient: 1}", "among: {wards: 1, outpatient: 1}")
    desk("import", str(CASE / "later.csv"))
    assert desk.json("2026-10") == before | {"state": "closed"}
    current = desk.json("2026-10", "--current")
    assert current["total"] == "487.03"
    assert [one["amount"] for one in current["kept"]] == ["57.01"]


def test_a_month_without_stages_or_without_a_price_says_what_is_missing(desk: Desk) -> None:
    told = desk("stepdown", "2025-10", "--language", "en", code=1)
    assert "allocations.yaml declares no `step_down` stages for 2025-10" in told
    desk.change("tariffs.yaml", 'utility: water, price: "1.00"', 'utility: water, from: 2026-10-16, price: "1.00"')
    told = desk("stepdown", "2026-10", "--language", "en", code=1)
    assert "a quantity of 2026-10 has no price; add it to tariffs.yaml" in told
    assert "office" in told
    assert "a table is for the screen" in desk("stepdown", "2026-10", "--language", "en", "--out", "x", code=2)

"""`meterbook quota`: standings, top-ups and transfers from the command line, and what is refused in which words."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner

from meterbook.books.database import Books
from meterbook.books.quotas import QuotaEntries
from meterbook.cli import app
from meterbook.domain.instant import iso, parse

CASE = Path(__file__).parents[1] / "cases" / "accounting" / "quota-entries-count-once-approved"
NOW = "2026-04-02T08:00:00+08:00"
MORE = ("--utility", "water", "--amount", "20", "--by", "li", "--reason", " a ward more ")


class Desk:
    """`meterbook quota` of one site and its data."""

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
        return " ".join(self.run("quota", str(self.site), *arguments, code=code).split())

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run("quota", str(self.site), *arguments, "--format", "json"))

    def language(self, language: str) -> None:
        path = self.site / "site.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("currency: CNY", f"currency: CNY\n  language: {language}"), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_top_up_counts_from_its_approval_on(desk: Desk) -> None:
    asked = desk.json("top-up", "--department", "a", *MORE)
    entry = {
        "id": 1,
        "utility": "water",
        "year": 2026,
        "department": "a",
        "source": None,
        "amount": "20",
        "asked_by": "li",
        "reason": "a ward more",
        "at": asked["at"],
        "approval": None,
    }
    assert asked == entry
    assert parse(asked["at"]) >= parse(NOW)
    assert desk.json("show", "--department", "a")[0]["amount"] == "50"
    assert "须由他人批准" in desk("approve", "1", "--by", " Li", code=2)
    approved = desk.json("approve", "1", "--by", "wang")
    assert approved == entry | {"approval": {"by": "wang", "at": approved["approval"]["at"]}}
    assert "已由 wang 批准" in desk("approve", "1", "--by", "chen", code=2)
    assert desk.json("show", "--department", "a") == [
        {
            "department": "a",
            "utility": "water",
            "unit": "m3",
            "year": 2026,
            "at": "2026-04-02T08:00:00+08:00",
            "declared": "50",
            "amount": "70",
            "planned": "17.516",
            "used": "70.000",
            "left": "0.000",
            "warning": None,
            "runs_out": None,
        }
    ]
    assert desk.json("show", "--department", "a", "--month", "2026-03")[0]["amount"] == "50"
    with closing(Books(f"sqlite:///{desk.data / 'books.db'}")) as books:
        (kept,) = QuotaEntries(books).approved(2026)
    assert kept.approval is not None
    assert iso(kept.approval.at, None)[:16] == iso(parse(NOW), None)[:16]


def test_a_transfer_names_both_departments(desk: Desk) -> None:
    desk.language("en")
    said = desk("transfer", "--from", "b", "--to", "a", *MORE)
    assert said == "quota entry 1, b -> a, water 2026: 20; waits for approval by another person"
    assert desk("approve", "1", "--by", "wang") == "quota entry 1, b -> a, water 2026: 20; approved by wang"
    assert [one["amount"] for one in desk.json("show")] == ["70", "30"]
    assert [one["source"] for one in desk.json("list", "--department", "b")] == ["b"]
    listed = desk("list")
    assert "given by" in listed
    assert "a ward more" in listed
    assert "planned so far" in desk("show")


def test_people_read_it_in_chinese(desk: Desk) -> None:
    desk.language("zh")
    assert desk("top-up", "--department", "a", *MORE) == "定额条目 1：a, water 2026: 20; 待他人批准"
    shown = desk("show", "--month", "2026-02")
    for word in ("定额执行 2026-02", "部门", "至今计划", "剩余", "预计用完日期"):
        assert word in shown
    assert "申请人" in desk("list")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("top-up", "--department", "z", *MORE), "--department: there is no department z here"),
        (("top-up", "--department", "a", "--year", "2027", *MORE), "a has no quota of water for 2027"),
        (("top-up", "--department", "a", *MORE, "--amount", "-1"), "应为大于零的数"),
        (("top-up", "--department", "a", *MORE, "--amount", "0.0"), "应为大于零的数"),
        (("top-up", "--department", "a", *MORE, "--reason", " "), "--reason：请填写文字"),
        (("transfer", "--from", "b", "--to", "b", *MORE), "--from: b cannot give to itself"),
        (("transfer", "--from", "b", "--to", "a", *MORE, "--amount", "51"), "--amount: b has 50 of water"),
        (("approve", "7", "--by", "wang"), "没有定额变更 7；"),
        (("show", "--department", "z"), "没有部门 z；"),
        (("show", "--month", "2026-13"), "2026-13 不是月份"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, arguments: tuple[str, ...], told: str) -> None:
    assert told in desk(*arguments, code=2).replace(" │ │ ", " ")
    assert desk.json("list") == []


def test_a_statement_says_what_is_to_be_paid_with_its_quota_lines(desk: Desk) -> None:
    assert "含定额奖惩: 130.00 CNY" in desk.run("statement", str(desk.site), "2026-01", "--department", "a")
    assert "含定额奖惩" not in desk.run("statement", str(desk.site), "2026-03", "--department", "a")


def test_a_closed_month_shows_its_quotas_as_they_stood(desk: Desk) -> None:
    shown = ("quota", str(desk.site), "show", "--month", "2026-01", "--department", "a", "--format", "json")
    before = desk.run(*shown)
    desk.run("close", str(desk.site), "2026-01", "--by", "wang", "--force", "as an example")
    quotas = desk.site / "quotas.yaml"
    quotas.write_text(quotas.read_text(encoding="utf-8").replace("amount: 50", "amount: 7"), encoding="utf-8")
    assert desk.run(*shown) == before
    (today,) = json.loads(desk.run(*shown, "--current"))
    assert (json.loads(before)[0]["declared"], today["declared"]) == ("50", "7")

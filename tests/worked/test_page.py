"""docs/accounting.md: what it says is what the commands print, its sums can be redone, and its commands run."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner
from worked.month import AFTER, CLOSING, DEPARTMENT, Desk, Told, played
from worked.page import PAGES, pages
from worked.sums import Wrong, check, sum_of, sums_in

from meterbook.cli import app
from meterbook.domain.text import Language


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return played(tmp_path_factory.mktemp("month"))


def test_the_pages_are_written_from_what_the_commands_print(told: Told) -> None:
    found = {language: page.read_text(encoding="utf-8") for language, page in PAGES.items()}
    assert found == pages(told), "docs/accounting.md is stale: run `make docs WRITE=1`"


@pytest.mark.parametrize("language", PAGES)
def test_every_sum_on_the_page_can_be_redone(language: Language) -> None:
    found = list(sums_in(PAGES[language].read_text(encoding="utf-8")))
    assert len(found) >= 40
    for written in found:
        check(written)


def test_both_pages_tell_the_same_figures() -> None:
    told = []
    for page in PAGES.values():
        text = page.read_text(encoding="utf-8")
        rows = "".join(line for line in text.splitlines() if line.startswith("|"))
        told.append((list(sums_in(text)), re.findall(r"[\d.]+", rows.replace("0.001 kWh", ""))))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "written",
    [
        "2 × 3 = 7",
        "1 ÷ 3 = 0.333334…",
        "1 ÷ 3 = 0.333333… → 0.34",
        "2.5 × 1 = 2.5 → 2",
        "(1 − 2) × 3 = 3",
        "__import__('os') = 1",
    ],
)
def test_a_wrong_sum_is_found(written: str) -> None:
    with pytest.raises(Wrong):
        check(written)


def test_a_sum_is_written_as_it_is_rounded() -> None:
    assert sum_of("{} × {}", "2.5", "3", "7.5") == "`2.5 × 3 = 7.5`"
    assert sum_of("{} ÷ {}", "-2", "3", "-0.67") == "`(−2) ÷ 3 = −0.666666… → −0.67`"
    assert sum_of("√({}²)", "1.5", "1.5") == "`√(1.5²) = 1.5`"
    with pytest.raises(Wrong):
        sum_of("{} × {}", "2.5", "3", "7.6")


def test_the_commands_on_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = "".join(re.findall(r"```\n(.*?)```", PAGES["en"].read_text(encoding="utf-8"), re.DOTALL))
    typed = [
        shlex.split(line.removeprefix("$ ")) for line in blocks.splitlines() if line.startswith(("meterbook", "$ "))
    ]
    assert len(typed) >= 10
    for _, *arguments in typed:
        now = [] if "--now" in arguments else ["--now", CLOSING]
        done = CliRunner().invoke(app, [*arguments, *now], env={"COLUMNS": "200", "TERM": "dumb"})
        assert done.exit_code == 0, (arguments, done.output)
    assert (tmp_path / "ledger.csv").read_text(encoding="utf-8").count("\n") > 40


def test_a_late_reading_changes_nothing_of_the_closed_month(told: Told) -> None:
    assert told.later == told.closed
    assert {one["state"] for one in told.closed.values()} == {"closed"}
    assert [one["hash"] for one in told.closed.values()] == [one["hash"] for one in told.drawn.values()]
    assert told.comparison["changed"] == ["clinical", "logistics", "unallocated", "wards"]


STATEMENT = {
    "department", "month", "state", "revision", "currency", "lines", "total", "payable", "subtree_total", "quota",
    "quality", "remarks", "hash",
}  # fmt: skip
LINE = {
    "id", "utility", "kind", "meter", "quantity", "unit", "share", "charge", "tariff", "band", "from", "to", "quality",
}  # fmt: skip


def test_statements_have_every_field(told: Told) -> None:
    for one in (*told.drawn.values(), *told.closed.values(), told.parent):
        assert set(one) >= STATEMENT
        assert re.fullmatch("[0-9a-f]{64}", one["hash"])
        for line in one["lines"]:
            assert set(line) >= LINE
            assert set(line["quality"]) == {"measured", "estimated", "missing"}
            assert sum(Decimal(share) for share in line["quality"].values()) == 1
            assert all(line[edge].endswith("+08:00") for edge in ("from", "to"))


def test_there_is_one_for_each_department_with_lines_and_for_what_nobody_carries(told: Told) -> None:
    assert list(told.drawn) == ["laboratory", "logistics", "outpatient", "radiology", "unallocated", "wards"]
    assert (told.parent["lines"], told.parent["total"]) == ([], "0")
    below = ("laboratory", "outpatient", "radiology", "wards")
    assert Decimal(told.parent["subtree_total"]) == sum(Decimal(told.drawn[one]["total"]) for one in below)


def test_lines_are_told_as_their_kind_wants(told: Told) -> None:
    lines = [line for one in told.drawn.values() for line in one["lines"]]
    assert all(Decimal(line["charge"]) or Decimal(line["quantity"] or 0) for line in lines), (
        "lines of zero are left out"
    )
    kw = [line for line in lines if line["kind"] == "demand"]
    assert {line["unit"] for line in kw} == {"kW"}
    assert sum(Decimal(line["quantity"]) for line in kw) == Decimal("984.000")
    assert all(line["quantity"].partition(".")[2].__len__() == 3 for line in kw)
    factor = [line for line in lines if line["kind"] == "power_factor"]
    assert {(line["quantity"], line["unit"]) for line in factor} == {(None, None)}
    assert {line["band"] for line in lines if line["kind"] == "surcharge"} == {"funds", "sewage"}
    assert {line["band"] for line in lines if line["kind"] in ("direct", "shared", "loss")} == {
        "peak",
        "flat",
        "valley",
        None,
    }
    (excess,) = (line for line in lines if line["kind"] == "quota_excess")
    assert (excess["tariff"], excess["meter"], excess["share"]) == (None, None, None)


def test_totals_are_the_sums_of_their_lines(told: Told) -> None:
    for one in told.drawn.values():
        own = [line for line in one["lines"] if not line["kind"].startswith("quota_")]
        assert Decimal(one["total"]) == sum(Decimal(line["charge"]) for line in own)
        assert Decimal(one["payable"]) == sum(Decimal(line["charge"]) for line in one["lines"])
    (standing,) = told.drawn[DEPARTMENT]["quota"]
    assert {
        "department",
        "utility",
        "unit",
        "year",
        "at",
        "declared",
        "amount",
        "planned",
        "used",
        "left",
        "warning",
    } < set(standing)


def test_adjustments_name_component_and_closed_month(told: Told) -> None:
    lines = [line for one in told.adjusted.values() for line in one["lines"]]
    assert {line["kind"] for line in lines} == {"adjustment"}
    assert {(line["from"][:10], line["to"][:10]) for line in lines} == {("2026-10-01", "2026-11-01")}
    assert {line["band"] for line in lines} == {"energy", "sewage"}
    assert sum(Decimal(line["charge"]) for line in lines) == 0, "the site's charge did not change"
    assert AFTER[:7] == told.comparison["booked_in"]

"""`meterbook statement` and `score` as files: what is written, what is refused, and that nothing is half written."""

from __future__ import annotations

import csv
import io
import os
import pty
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import Result
from openpyxl import load_workbook
from pypdf import PdfReader
from typer.testing import CliRunner

from meterbook.cli import app

CASES = Path(__file__).parents[1] / "cases" / "accounting"
NOVEMBER, DECEMBER = "2026-11-02T08:00:00+08:00", "2026-12-02T08:00:00+08:00"


class Desk:
    """One site and its data."""

    def __init__(self, case: str, folder: Path, now: str) -> None:
        self.case, self.now = CASES / case, now
        self.site, self.data = Path(copytree(self.case / "site", folder / "site")), folder / "data"
        self.run("import", str(self.case / "readings.csv"))

    def typed(self, command: str, *rest: str, now: str | None = None) -> list[str]:
        return [command, str(self.site), *rest, "--data", str(self.data), "--now", now or self.now]

    def result(self, *arguments: str, now: str | None = None, **environment: str) -> Result:
        env = {"COLUMNS": "500", "TERM": "dumb", **environment}
        return CliRunner().invoke(app, self.typed(*arguments, now=now), env=env)

    def run(self, *arguments: str, code: int = 0, now: str | None = None, **environment: str) -> str:
        done = self.result(*arguments, now=now, **environment)
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk("closing-late-readings-become-adjustments", tmp_path, NOVEMBER)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One that tests only read."""
    return Desk("closing-late-readings-become-adjustments", tmp_path_factory.mktemp("shared"), NOVEMBER)


@pytest.fixture(scope="module")
def quotas(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk("quota-excess-in-steps", tmp_path_factory.mktemp("quotas"), "2026-04-02T08:00:00+08:00")


def test_the_ending_of_the_file_says_the_format(shared: Desk, tmp_path: Path) -> None:
    leads = {"xlsx": b"PK", "pdf": b"%PDF", "json": b"[\n", "csv": "成本中心".encode()}
    for ending, lead in leads.items():
        out = tmp_path / f"october.{ending}"
        assert f"{out}：2026-10 共 2 份结算单" in shared.run("statement", "2026-10", "--out", str(out))
        assert out.read_bytes().startswith(lead)
    assert sorted(path.name for path in tmp_path.glob("*october*")) == sorted(f"october.{one}" for one in leads)


def test_a_ledger_a_workbook_and_the_statement_say_the_same(quotas: Desk, tmp_path: Path) -> None:
    (quotas.site / "service.yaml").write_text(
        'reports: {accounts: {water: "5001.22", water.quota_excess: "5001.29"}}\n'
    )
    text = quotas.result("statement", "2026-03", "--format", "ledger", "--language", "en").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["account"], row["amount"], row["department"]) for row in rows] == [
        ("5001.22", "80.00", "a"),
        ("5001.29", "34.00", "a"),
        ("5001.29", "-34.00", ""),
    ]
    quotas.run("statement", "2026-03", "--out", str(tmp_path / "march.xlsx"), "--language", "en")
    sheet = load_workbook(tmp_path / "march.xlsx")["Summary"]
    total = {sheet.cell(3, column).value: sheet.cell(5, column).value for column in range(1, sheet.max_column + 1)}
    assert (total["Total CNY"], total["Payable CNY"]) == (80, 114)
    assert sum(Decimal(row["amount"]) for row in rows) == 80


def test_one_department_alone(quotas: Desk) -> None:
    text = quotas.result("statement", "2026-03", "--department", "a", "--format", "ledger").stdout
    assert [row["金额"] for row in csv.DictReader(io.StringIO(text))] == ["80.00", "34.00"]
    workbook = quotas.result("statement", "2026-03", "--department", "a", "--format", "xlsx").stdout_bytes
    assert load_workbook(io.BytesIO(workbook)).sheetnames == ["A"]


def test_the_same_command_writes_the_same_bytes_and_a_closed_month_for_ever(desk: Desk) -> None:
    for format_ in ("xlsx", "pdf"):
        made = [desk.result("statement", "2026-10", "--format", format_).stdout_bytes for _ in range(2)]
        assert made[0] == made[1]
    desk.run("close", "2026-10", "--by", "wang")
    closed = {
        one: desk.result("statement", "2026-10", "--format", one).stdout_bytes for one in ("xlsx", "pdf", "ledger")
    }
    desk.run("import", str(desk.case / "later.csv"), now=DECEMBER)
    for format_, content in closed.items():
        assert desk.result("statement", "2026-10", "--format", format_, now=DECEMBER).stdout_bytes == content
    assert "由 wang 于 2026年11月2日 08:00 结账。" in PdfReader(io.BytesIO(closed["pdf"])).pages[0].extract_text()
    text = desk.result("statement", "2026-11", "--format", "ledger", "--language", "en", now=DECEMBER).stdout
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "adjustment"]
    assert [(row["department"], row["amount"]) for row in rows] == [("a", "8.62"), ("b", "25.88")]
    current = desk.result("statement", "2026-10", "--current", "--format", "xlsx", now=DECEMBER).stdout_bytes
    assert load_workbook(io.BytesIO(current))["汇总"]["A2"].value == "数据截至 2026年12月2日 08:00，结账前可能变动。"


def test_without_a_font_the_package_is_named_and_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "october.pdf"
    out.write_bytes(b"as it was")
    nowhere = {"XDG_DATA_DIRS": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    told = desk.run("statement", "2026-10", "--out", str(out), code=1, **nowhere)
    assert "请安装软件包 fonts-wqy-microhei 或 fonts-noto-cjk" in told
    told = desk.run("statement", "2026-10", "--format", "pdf", "--language", "en", code=1, **nowhere)
    assert told.startswith("No font with Chinese was found in")
    (desk.site / "service.yaml").write_text("reports: {font: fonts/house.ttf}\n")
    told = desk.run("statement", "2026-10", "--out", str(out), code=1)
    assert f"service.yaml 的 `reports.font` 指定了 {desk.site / 'fonts/house.ttf'}，但该文件不存在" in told
    assert out.read_bytes() == b"as it was"
    assert list(tmp_path.glob("*october*")) == [out]


def test_a_workbook_is_not_for_a_terminal(shared: Desk) -> None:
    typed = shared.typed("statement", "2026-10", "--format", "xlsx", "--language", "en")
    screen, keyboard = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "meterbook.cli", *typed], stdout=keyboard, stderr=subprocess.PIPE, timeout=120
        )
    finally:
        os.close(keyboard)
        os.close(screen)
    assert done.returncode == 2
    assert "xlsx is not for a terminal; give --out FILE" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--out", "{}/october.doc"), "does not say in what format; give --format too"),
        (("--out", "{}/october.txt", "--format", "table"), "a table is for the screen"),
        (("--out", "{}", "--format", "xlsx"), "is a directory; name a file in it"),
        (("--out", "{}/nowhere/october.xlsx"), "there is no directory"),
        (("--out", "/dev/full", "--format", "xlsx"), "/dev/full cannot be written: No space left on device"),
        (("--format", "docx"), "docx"),
        (("--department", "c", "--format", "xlsx"), "c is no department"),
    ],
)
def test_what_cannot_be_written_is_refused(shared: Desk, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    typed = [argument.format(tmp_path) for argument in arguments]
    assert told in shared.run("statement", "2026-10", *typed, "--language", "en", code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_is_replaced_and_keeps_its_rights(shared: Desk, tmp_path: Path) -> None:
    out, link = tmp_path / "october.csv", tmp_path / "latest.csv"
    out.write_text("before")
    out.chmod(0o600)
    link.symlink_to(out)
    shared.run("statement", "2026-10", "--out", str(link))
    assert link.is_symlink()
    assert out.read_text(encoding="utf-8").startswith("成本中心")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_statement_on_the_screen_is_in_the_language_that_is_asked_for(shared: Desk) -> None:
    assert "a A: 2026-10, 待结账" in shared.run("statement", "2026-10")
    told = shared.run("statement", "2026-10", "--language", "en")
    assert "a A: 2026-10, provisional" in told
    assert "Water" in told
    assert "Total: 86.25 CNY" in told


def test_scores_as_a_workbook(tmp_path: Path) -> None:
    desk = Desk("score-month-and-quarter", tmp_path, "2026-08-01T00:00:00+08:00")
    desk.run("score", "2026-Q3", "--format", "xlsx", "--out", str(tmp_path / "q3.xlsx"))
    book = load_workbook(tmp_path / "q3.xlsx")
    assert book.sheetnames == ["2026-Q3", "2026-07"]
    league = [[cell.value for cell in row[:5]] for row in book["2026-Q3"].iter_rows(min_row=4)]
    assert league == [[1, None, "B", "b", 100], [2, None, "A", "a", 50], [None, None, "C", "c", "—"]]
    month = desk.result("score", "2026-07", "--format", "xlsx", "--language", "en").stdout_bytes
    sheet = load_workbook(io.BytesIO(month)).active
    assert sheet is not None
    assert sheet["A1"].value == "Case · Scores 2026-07"
    assert sheet["E4"].value == "below the limit"
    assert desk.run("score", "2026-07", "--format", "json", "--out", str(tmp_path / "july.json")).endswith("考核得分")
    assert "a table is for the screen" in desk.run("score", "2026-07", "--out", "x", "--language", "en", code=2)

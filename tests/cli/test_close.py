"""`meterbook close`: from the import to a closed month, what is refused, and a process that dies while it closes."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner

from meterbook.books import audit
from meterbook.books.closings import Closings
from meterbook.books.database import Books
from meterbook.cli import app

CASES = Path(__file__).parents[1] / "cases" / "accounting"
LATE, BLOCKED = CASES / "closing-late-readings-become-adjustments", CASES / "closing-what-stands-in-the-way"
NOVEMBER, DECEMBER = "2026-11-02T08:00:00+08:00", "2026-12-02T08:00:00+08:00"


class Desk:
    """One site and its data."""

    def __init__(self, case: Path, folder: Path) -> None:
        self.case, self.site, self.data = case, Path(copytree(case / "site", folder / "site")), folder / "data"
        self.read("readings.csv")

    def __call__(self, *arguments: str, code: int = 0, now: str = NOVEMBER) -> str:
        command, *rest = arguments
        typed = [command, str(self.site), *rest, "--data", str(self.data), "--now", now]
        done = CliRunner().invoke(app, typed, env={"COLUMNS": "500", "TERM": "dumb"})
        assert done.exit_code == code, done.output
        return done.output

    def read(self, file: str, now: str = DECEMBER) -> None:
        self("import", str(self.case / file), now=now)

    def json(self, *arguments: str, now: str = NOVEMBER) -> Any:
        return json.loads(self(*arguments, "--format", "json", now=now))

    def books(self) -> Books:
        return Books(f"sqlite:///{self.data / 'books.db'}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(LATE, tmp_path)


def test_a_closed_month_stays_and_the_difference_goes_into_the_next(desk: Desk) -> None:
    before = desk.json("statement", "2026-10")
    assert "2026-10 已由 wang 结账：2 份账单" in desk("close", "2026-10", "--by", " wang ")
    closed = desk.json("statement", "2026-10")
    assert [one["state"] for one in closed] == ["closed", "closed"]
    assert [one["hash"] for one in closed] == [one["hash"] for one in before]
    balance = desk.json("balance", "2026-10")
    desk.read("later.csv")
    assert desk.json("statement", "2026-10", now=DECEMBER) == closed
    assert desk.json("balance", "2026-10", now=DECEMBER) == balance
    assert [one["total"] for one in desk.json("statement", "2026-10", "--current", now=DECEMBER)] == ["94.87", "284.63"]
    assert desk.json("balance", "2026-10", "--current", now=DECEMBER)[0]["supplied"] == "110.001"
    lines = [line for one in desk.json("statement", "2026-11", now=DECEMBER) for line in one["lines"]]
    booked = [line for line in lines if line["kind"] == "adjustment"]
    assert [(line["band"], line["charge"], line["from"], line["to"]) for line in booked] == [
        ("energy", charge, "2026-10-01T00:00:00+08:00", "2026-11-01T00:00:00+08:00") for charge in ("8.62", "25.88")
    ]
    assert json.loads(desk("statement", "2026-10", "--department", "a", "--format", "json", now=DECEMBER)) == closed[0]


def test_who_closes_it_again_is_told_who_did(desk: Desk) -> None:
    desk("close", "2026-10", "--by", "wang")
    told = desk("close", "2026-10", "--by", "li", "--force", "again", code=1)
    assert "2026-10 已由 wang 于 2026-11-02T08:00" in told


def test_what_stands_in_the_way_is_said_at_once(tmp_path: Path) -> None:
    desk = Desk(BLOCKED, tmp_path)
    told = desk("close", "2026-10", "--by", "wang", code=1).splitlines()
    assert [line.split(":")[0] for line in told if ": " in line] == [
        "coverage E-LOST",
        "coverage W-MAIN",
        "question W-MAIN",
        "price electricity",
        "opening W-MAIN",
        "imbalance E-MAIN",
    ]
    assert not any("--force" in line for line in told), "a missing price cannot be forced"
    assert desk.json("statement", "2026-10")[0]["state"] == "provisional"
    desk("close", "2026-10", "--by", "wang", "--force", "all the same", code=1)


def test_a_reason_overrides_and_is_kept(tmp_path: Path) -> None:
    desk = Desk(BLOCKED, tmp_path)
    tariffs = desk.site / "tariffs.yaml"
    tariffs.write_text(tariffs.read_text(encoding="utf-8").replace("2026-10-11", "2026-10-01"), encoding="utf-8")
    assert "--force" in desk("close", "2026-10", "--by", "wang", code=1)
    told = desk("close", "2026-10", "--by", "wang", "--force", " the pit was flooded ")
    assert told.count("已越过：") == 5
    with closing(desk.books()) as books:
        (signed,) = Closings(books).signatures()
        with books.read() as connection:
            noted = audit.entries(connection, 1)[0]
    assert (signed.by, signed.reason) == ("wang", "the pit was flooded")
    assert [block.kind for block in signed.overridden] == ["coverage", "coverage", "question", "opening", "imbalance"]
    assert (noted.who, noted.deed, noted.subject) == ("wang", "month closed", "2026-10")
    assert (noted.detail or "").startswith("the pit was flooded; E-LOST is covered to 61.29 %")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("2026-11", "--by", "wang"), 1, "2026-12-01T00:00:00+08:00"),
        (("2026-11", "--by", "wang", "--force", "early"), 1, "2026-12-01T00:00:00+08:00"),
        (("2026-13", "--by", "wang"), 2, "2026-13"),
        (("2026-10", "--by", "  "), 2, "--by"),
        (("2026-10", "--by", "wang", "--force", " "), 2, "--force"),
        (("2026-10",), 2, "--by"),
    ],
)
def test_what_cannot_be_closed_is_refused(desk: Desk, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in desk("close", *arguments, code=code)
    assert desk.json("statement", "2026-10")[0]["state"] == "provisional"


DYING = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from meterbook.cli import app

left = int(sys.argv.pop(1))

@event.listens_for(Engine, "before_cursor_execute")
def before(connection, cursor, statement, parameters, context, many):
    global left
    if any(f"INSERT INTO {table} " in statement for table in ("closings", "statements", "statement_lines", "audit")):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

@event.listens_for(Engine, "commit")
def commit(connection):
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

app()
"""


@pytest.mark.parametrize("moment", range(5))
def test_killed_while_closing_the_month_is_open_or_closed(desk: Desk, tmp_path: Path, moment: int) -> None:
    # A real process dies before the closing, its statements, their lines, the audit entry, and before the commit.
    before = desk.json("statement", "2026-10")
    script = tmp_path / "dying.py"
    script.write_text(DYING, encoding="utf-8")
    where = ["close", str(desk.site), "2026-10", "--by", "wang", "--data", str(desk.data), "--now", NOVEMBER]
    died = subprocess.run([sys.executable, str(script), str(moment), *where], capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr.decode()
    assert desk.json("statement", "2026-10") == before
    desk("close", "2026-10", "--by", "wang")
    assert [one["hash"] for one in desk.json("statement", "2026-10")] == [one["hash"] for one in before]


def test_two_that_close_at_once_close_it_once(desk: Desk) -> None:
    where = ["close", str(desk.site), "2026-10", "--data", str(desk.data), "--now", NOVEMBER]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "meterbook.cli", *where, "--by", name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for name in ("wang", "li")
    ]
    ended = [(one.communicate(timeout=120)[1].decode(), one.returncode) for one in both]
    assert sorted(code for _, code in ended) == [0, 1], ended
    with closing(desk.books()) as books:
        assert len(Closings(books).signatures()) == 1


def test_a_closed_line_is_explained_down_to_its_readings(desk: Desk) -> None:
    desk("close", "2026-10", "--by", "wang")
    (line,) = json.loads(desk("statement", "2026-10", "--department", "a", "--format", "json"))["lines"]
    told = desk.json("explain", line["id"])
    assert told["line"] == line
    assert (told["department"], told["month"], told["state"]) == ("a", "2026-10", "closed")
    assert (told["rule"]["by"], told["rule"]["among"]) == ("headcount", ["a", "b"])
    assert (told["price"]["per_unit"], told["price"]["site_quantity"], told["price"]["site_charge"]) == (
        "3.45",
        "100.000",
        "345.00",
    )
    (meter,) = told["meters"]
    (stretch,) = meter["registers"]
    assert (stretch["opening"]["register"], stretch["closing"]["register"], stretch["multiplier"]) == (
        "0.000",
        "100.000",
        "1",
    )
    assert stretch["closing"]["readings"] == [{"at": "2026-11-01T00:00:00+08:00", "value": "100.0", "quality": "good"}]
    english = desk("explain", line["id"], "--language", "en")
    for piece in (
        f"{line['id']}: a, 2026-10, closed, SHA-256 {told['hash']}",
        "Water, Shared, W, 2026-10-01T00:00:00+08:00 to 2026-11-01T00:00:00+08:00: 25.000 m3, 86.25 CNY",
        "rule: W split by headcount among a, b, from 2026-01-01T00:00:00+08:00; share 0.250000",
        "price: water Consumption, 3.45 each, the site pays 345.00 for 100.000",
        "meter W x 1: 100.000 (0 % measured, 100 % estimated, 0 % missing)",
        "register 0.000 to 100.000 x 1",
        "2026-11-01T00:00:00+08:00, measured: 100.0 at 2026-11-01T00:00:00+08:00 (good)",
    ):
        assert piece in english
    chinese = desk("explain", line["id"])
    for piece in (
        "水，分摊，W，2026-10-01T00:00:00+08:00 至 2026-11-01T00:00:00+08:00：25.000 m3，86.25 CNY",
        "分摊规则：W 按人数分摊给 a, b，自 2026-01-01T00:00:00+08:00 起；占比 0.250000",
        "价格：water 用量，单价 3.45，全院 100.000 计费 345.00",
        "示数 0.000 至 100.000 × 1",
        "2026-11-01T00:00:00+08:00，实测：2026-11-01T00:00:00+08:00 为 100.0（有效）",
    ):
        assert piece in chinese
    assert "no statement line 2026-10:a:x" in desk("explain", "2026-10:a:x", "--language", "en", code=1)
    assert "没有账单行 2026-10:a:x" in desk("explain", "2026-10:a:x", code=1)


def test_closing_speaks_the_language_it_is_asked_for(desk: Desk) -> None:
    told = desk("close", "2026-10", "--by", "wang", "--language", "en")
    assert "2026-10 is closed by wang: 2 statements" in told
    again = desk("close", "2026-10", "--by", "wang", "--language", "en", code=1)
    assert "2026-10 was closed by wang at 2026-11-02T08:00:00" in again

"""A site with mistakes: every command that would compute or write names them, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from cli.test_closed_for_good import MONTH, SITE, Desk

from meterbook.cli import main

SITES = Path(__file__).parents[1] / "cases" / "site"
CASES = [
    "unknown-references",
    "allocated-twice-from-one-day",
    "shares-above-hundred",
    "shares-of-nothing",
    "split-names-somebody-twice",
    "schedule-with-gap",
    "schedule-with-overlap",
    "two-tariffs-from-one-day",
    "cycle-in-formulas",
    "cycle-in-meters",
    "formula-with-code",
]
COMMANDS = [
    "import {site} {folder}/all.csv",
    "statement {site} 2026-12",
    "balance {site} 2026-12",
    "close {site} 2026-12 --by li --force why",
    "correct {site} exclude --meter E-MAIN --at 2026-12-01 --by li --reason why",
    "quota {site} top-up --department a --utility water --year 2026 --amount 1 --by li --reason why",
]
BROKEN = {
    "allocations.yaml": ("to: a}", "to: nobody}", "allocations.yaml:3: allocations[0].to: nobody is no department"),
    "meters.yaml": ("E-AB, parent: E, ", "E-AB, parent: E-AB, ", "goes round in a circle: E-AB -> E-AB"),
    "tariffs.yaml": ('price: "3.45"', "bands: {x: 1}", "schedule: is missing"),
}


class Terminal:
    """What somebody types and sees who makes no use of the exit code 0."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def refused(self, *words: str) -> list[str]:
        """The lines of a command that ends with exit code 1."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        written = self._capsys.readouterr()
        assert ended.value.code == 1, (words, written)
        assert written.out == ""
        return written.err.splitlines()


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    yield Terminal(capsys)
    structlog.reset_defaults()  # its log was that of a captured stderr


def files(folder: Path) -> dict[Path, bytes]:
    """Everything below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_written_for_a_site_with_mistakes(case: str, tmp_path: Path, terminal: Terminal) -> None:
    expected = (SITES / case / "expected.txt").read_text(encoding="utf-8").splitlines()
    wrong = {line for line in expected if ": warning:" not in line}
    assert wrong
    (tmp_path / "all.csv").write_text("meter,timestamp,value\nW-MAIN,2026-12-01T00:00:00+08:00,1\n", encoding="utf-8")
    for command in COMMANDS:
        typed = command.format(site=SITES / case, folder=tmp_path).split()
        assert wrong <= set(terminal.refused(*typed, "--data", str(tmp_path / "data"))), typed
        assert not (tmp_path / "data").exists()


def test_a_file_that_is_spoilt_later_stops_everything_and_changes_nothing(tmp_path: Path, terminal: Terminal) -> None:
    desk = Desk.new(tmp_path)
    desk(f"close {{site}} {MONTH} --by wang {{dated}}")
    before = files(desk.data)
    for name, (old, new, told) in BROKEN.items():
        assert old in SITE[name]
        (desk.site / name).write_text(SITE[name].replace(old, new, 1), encoding="utf-8")
        for command in ("import {site} {folder}/all.csv", f"statement {{site}} {MONTH}", "close {site} 2026-11 --by x"):
            typed = command.format(site=desk.site, folder=tmp_path).split()
            lines = terminal.refused(*typed, "--data", str(desk.data))
            assert [line for line in lines if told in line], lines
        assert files(desk.data) == before
        (desk.site / name).write_text(SITE[name], encoding="utf-8")

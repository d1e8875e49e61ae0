"""October of the example hospital as the commands tell it: from the import to the ledger."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, copytree
from typing import Any

from typer.testing import CliRunner
from worked import readings

from meterbook.cli import app

MONTH, NEXT = "2026-10", "2026-11"
CLOSING, LATE, AFTER = "2026-11-03T09:00:00+08:00", "2026-11-05T10:00:00+08:00", "2026-11-06T09:00:00+08:00"
DEPARTMENT = "radiology"
SPANS = {
    "month": ("--from", "2026-10-01", "--to", "2026-11-01", "--by", "month"),
    "gap": ("--from", "2026-10-20T05:00", "--to", "2026-10-20T11:00", "--by", "hour"),
    "like": ("--from", "2026-10-19T06:00", "--to", "2026-10-19T10:00", "--by", "hour"),
    "silence": ("--from", "2026-10-31T20:00", "--to", "2026-11-01", "--by", "hour"),
    "peak": ("--from", "2026-10-21T10:00", "--to", "2026-10-21T10:15", "--by", "15m"),
}

Answer = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What the commands printed, as they write it for programs.

    Consumption is by meter and span; statements are by department, `drawn` before closing, `closed` after it and
    `later` when late readings have come; `adjusted` is the month after. `parent` is a department with others below.
    """

    used: dict[str, dict[str, list[Answer]]]
    balance: Answer
    drawn: Answer
    parent: Answer
    rest: Answer
    quota_before: Answer
    closing: dict[str, str]
    closed: Answer
    later: Answer
    comparison: Answer
    adjusted: Answer
    ledger: list[dict[str, str]]


class Desk:
    """The hospital in a folder of its own; every command is told the time."""

    def __init__(self, folder: Path) -> None:
        self.site, self._folder = folder / "hospital", folder
        copytree(readings.SITE, self.site)
        copy(Path(__file__).parent / "service.yaml", self.site)
        readings.write(folder)

    def copy(self, name: str) -> Desk:
        """The same desk with everything on it, to do there what can be done once."""
        other = object.__new__(Desk)
        other.site, other._folder = Path(copytree(self.site, self._folder / name)), self._folder
        return other

    def __call__(self, command: str, *rest: str, now: str = CLOSING) -> str:
        """What a command prints; the story has no command that fails."""
        typed = [command, str(self.site), *rest, "--now", now]
        done = CliRunner().invoke(app, typed, env={"COLUMNS": "200", "TERM": "dumb"})
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, command: str, *rest: str, now: str = CLOSING) -> Any:
        return json.loads(self(command, *rest, "--format", "json", now=now))

    def read(self, *files: str, now: str = CLOSING) -> None:
        self("import", *(str(self._folder / file) for file in files), now=now)

    def used(self, span: str) -> dict[str, list[Answer]]:
        return {one["meter"]: one["intervals"] for one in self.json("consumption", *SPANS[span])}

    def statements(self, month: str = MONTH, now: str = CLOSING) -> Answer:
        return {one["department"]: one for one in self.json("statement", month, now=now)}


def played(folder: Path) -> Told:
    """Play the month in an empty folder."""
    desk = Desk(folder)
    desk.read("readings.csv", "kitchen.csv")
    drawn = desk.statements()
    shared = next(line["id"] for line in drawn[DEPARTMENT]["lines"] if line["meter"] == "E-B1-REST")
    (quota,) = desk.json("quota", "show", "--month", "2026-09", "--department", DEPARTMENT)
    used = {span: desk.used(span) for span in SPANS}
    balance = {one["utility"]: one for one in desk.json("balance", MONTH)}
    rest = desk.json("explain", shared)
    closing = {"en": desk.copy("en")("close", MONTH, "--by", "wang", "--language", "en")}
    closing["zh"] = desk("close", MONTH, "--by", "wang")
    closed = desk.statements()
    desk.read("late.csv", now=LATE)
    posted = desk("statement", MONTH, "--format", "ledger", "--language", "en", now=AFTER)
    return Told(
        used=used,
        balance=balance,
        drawn=drawn,
        parent=desk.json("statement", MONTH, "--department", "clinical"),
        rest=rest,
        quota_before=quota,
        closing=closing,
        closed=closed,
        later=desk.statements(now=AFTER),
        comparison=desk.json("statement", MONTH, "--compare", now=AFTER),
        adjusted=desk.statements(NEXT, AFTER),
        ledger=list(csv.DictReader(io.StringIO(posted))),
    )

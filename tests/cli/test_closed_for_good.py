"""A closed month against every command, and each kind of line explained: on a small site that has all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any, get_args

import pytest
from sqlalchemy import text
from typer.main import get_command
from typer.testing import CliRunner

from meterbook.books.database import Books
from meterbook.cli import app
from meterbook.cli.commands import HOMES
from meterbook.domain.statement import LineKind

MONTH, NEXT, NOW = "2026-12", "2027-01", "2027-01-05T08:00:00+08:00"
TABLES = ("closings", "statements", "statement_lines")

SITE = {
    "site.yaml": """
site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY, language: en}
departments: [{id: a, name: A, headcount: 1}, {id: b, name: B, headcount: 2}]
""",
    "devices.yaml": """
connections: [{id: broker, mqtt: {host: 127.0.0.1, port: 1883}}]
devices:
  - id: main
    connection: broker
    every: 15m
    mqtt:
      topic: main
      points:
        active_energy: {value: "$.kwh", kind: counter, quantity: active_energy, unit: kWh}
        reactive_energy: {value: "$.kvarh", kind: counter, quantity: reactive_energy, unit: kvarh}
""",
    "meters.yaml": """
meters:
  - {id: E, utility: electricity, reads: main.active_energy, reactive: [main.reactive_energy], register_max: 999999.99}
  - {id: E-A, parent: E, utility: electricity, entry: manual, register_max: 999999.99}
  - {id: E-AB, parent: E, utility: electricity, entry: manual, register_max: 999999.99}
  - {id: W, utility: water, entry: manual, register_max: 999999.999}
""",
    "allocations.yaml": """
allocations:
  - {meter: E-A, from: 2026-01-01, to: a}
  - {meter: E-AB, from: 2026-01-01, split: {by: headcount, among: [a, b]}}
  - {meter: E, from: 2026-01-01, losses: true, split: {by: consumption, among: [a, b]}}
  - {meter: W, from: 2026-01-01, split: {by: shares, among: {a: 30, b: 70}}}
""",
    "tariffs.yaml": """
tariffs:
  - id: grid
    utility: electricity
    from: 2026-01-01
    estimate: true
    price: "0.60"
    demand: {meter: E, window: 15m, price_per_kw: "38.40"}
    power_factor: {meter: E, standard: "0.85"}
    surcharges: [{id: funds, per_unit: "0.0273"}]
    fixed: [{id: rent, per_month: "99.99"}]
  - {id: water, utility: water, from: 2026-01-01, price: "3.45"}
""",
    "service.yaml": "retention: {other: 1d}\n",
    "quotas.yaml": """
quotas:
  - {department: a, utility: water, year: 2026, amount: 50, excess: [{above: "0%", multiplier: "1.5"}]}
  - {department: b, utility: water, year: 2026, amount: 500}
  - {department: b, utility: electricity, year: 2026, amount: 9000, saving_reward: "0.20"}
""",
}
INSTANTS = ("2026-01-01T00:00", "2026-12-01T00:00", "2026-12-01T00:15", "2026-12-01T00:30", "2027-01-01T00:00")
FIGURES = {
    "main.active_energy": ("0", "5000", "5010", "5025", "6000"),
    "main.reactive_energy": ("0", "100", "101", "102", "900"),
    "E-A": ("0", "2000", "2003", "2006", "2400"),
    "E-AB": ("0", "2500", "2505", "2511", "3000"),
    "W": ("0", "200", "200", "200", "300"),
}


CHANGES = {
    "tariffs.yaml": ("0.60", "0.99"),
    "allocations.yaml": ("{meter: E-A, from: 2026-01-01, to: a}", "{meter: E-A, from: 2026-01-01, to: b}"),
    "site.yaml": ("headcount: 1", "headcount: 9"),
    "quotas.yaml": ("amount: 50,", "amount: 5000,"),
    "meters.yaml": ("reads: main.active_energy,", "reads: main.active_energy, multiplier: 2,"),
}
"""What somebody writes into the site's files instead."""

SIGNED = "--by li --reason why"
READING = [
    "check", "schema", "consumption", "balance", "statement", "stepdown", "explain", "score", "doctor", "device list",
    "device show", "device probe", "correct list", "correct questions", "dispute list", "dispute show", "quota show",
    "quota list", "user list",
]  # fmt: skip
ELSEWHERE = ["demo", "run"]
"""They serve what test_closed_for_good of the API asks."""

WRITING = [
    ("import", "import {site} {folder}/late.csv {dated}", 0),
    ("import", "import {site} {folder}/wrong.csv {dated}", 1),
    ("close", "close {site} 2026-12 --by li {dated}", 1),
    ("close", "close {site} 2026-12 --by li --force again {dated}", 1),
    ("correct exclude", "correct {site} exclude --meter E-A --at 2026-12-01T00:30 {signed} {dated}", 0),
    (
        "correct estimate",
        "correct {site} estimate --meter W --from 2026-12-05 --to 2026-12-06 --quantity 77 {signed} {dated}",
        0,
    ),
    (
        "correct exchange",
        "correct {site} exchange --meter E-AB --at 2026-12-20T08:00 --old-final 2900 --new-initial 0 "
        + SIGNED
        + " {dated}",
        0,
    ),
    ("correct undo", "correct {site} undo 1 {signed} {dated}", 0),
    ("dispute open", "dispute {site} open {line} --by a --comment why {dated}", 0),
    (
        "dispute answer",
        "dispute {site} answer 1 --outcome adjustment --correction 3 --by li --comment why {dated}",
        0,
    ),
    (
        "quota top-up",
        "quota {site} top-up --department a --utility water --year 2026 --amount 900 {signed} {dated}",
        0,
    ),
    (
        "quota transfer",
        "quota {site} transfer --from b --to a --utility water --year 2026 --amount 5 {signed} {dated}",
        0,
    ),
    ("quota approve", "quota {site} approve 1 --by wang {dated}", 0),
    ("user add", "user add wu --role department --department a --site {site} {dated}", 0),
    ("user password", "user password wu --site {site} {dated}", 0),
    ("user token", "user token wu --site {site} {dated}", 0),
    ("user disable", "user disable wu --site {site} {dated}", 0),
    ("books copy", "books copy sqlite:///{folder}/early/books.db sqlite:///{data}/books.db", 1),
    ("store copy", "store copy sqlite:{folder}/early/readings.db sqlite:{data}/readings.db --now {now}", 1),
    ("store retain", "store retain {site} {dated}", 0),
    ("store backup", "store backup {site} {folder}/late --data {data}", 0),
    ("store restore", "store restore {site} {folder}/early --data {data}", 2),
]
"""Each command that writes, how it is typed against the closed month (words hold no spaces), and its exit code.

`early` is a backup from before the closing.
"""


def commands() -> Iterator[str]:
    """Every command there is."""

    def below(name: str, command: Any) -> Iterator[str]:
        for part, inner in getattr(command, "commands", {}).items():
            yield from below(f"{name} {part}", inner)
        if not hasattr(command, "commands"):
            yield name

    root: Any = get_command(app)
    for name in HOMES:
        yield from below(name, root.get_command(None, name))


class Desk:
    """The site and its data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site, self.data = folder, folder / "site", folder / "data"

    @classmethod
    def new(cls, folder: Path) -> Desk:
        """With everything read and nothing closed."""
        desk = cls(folder)
        desk.site.mkdir()
        for name, content in SITE.items():
            (desk.site / name).write_text(content, encoding="utf-8")
        for kind in ("point", "meter"):
            rows = {of: told for of, told in FIGURES.items() if ("." in of) == (kind == "point")}
            desk.write("all.csv", kind, {of: dict(zip(INSTANTS, told, strict=True)) for of, told in rows.items()})
            desk("import {site} {folder}/all.csv {dated}")
        desk("store backup {site} {folder}/early --data {data}")
        return desk

    def write(self, name: str, kind: str, rows: dict[str, dict[str, str]]) -> None:
        """A file of figures by point or meter and local time."""
        lines = [f"{of},{at}:00+08:00,{figure}" for of, told in rows.items() for at, figure in told.items()]
        (self.folder / name).write_text("\n".join([f"{kind},timestamp,value", *lines]), encoding="utf-8")

    def __call__(self, words: str, code: int = 0, **more: str) -> str:
        """What a command prints."""
        dated = f"--data {self.data} --now {NOW}"
        typed = words.format(
            site=self.site, folder=self.folder, data=self.data, now=NOW, dated=dated, signed=SIGNED, **more
        )
        done = CliRunner().invoke(app, typed.split(), env={"COLUMNS": "400"})
        assert done.exit_code == code, (typed, done.output)
        return done.stdout

    def lines(self, month: str) -> list[dict[str, Any]]:
        """Everybody's lines."""
        found = json.loads(self(f"statement {{site}} {month} --format json {{dated}}"))
        return [line for one in found for line in one["lines"]]

    def booked(self) -> list[dict[str, Any]]:
        """The adjustments of the month after."""
        return [line for line in self.lines(NEXT) if line["kind"] == "adjustment"]

    def record(self) -> dict[str, list[str]]:
        """The rows of the closed month in the books."""
        with closing(Books(f"sqlite:///{self.data / 'books.db'}")) as books, books.read() as connection:
            found = {one: connection.execute(text(f"SELECT * FROM {one} WHERE month = '{MONTH}'")) for one in TABLES}
            return {one: [repr(row) for row in rows] for one, rows in found.items()}

    def told(self) -> list[str]:
        """What commands say of the month."""
        forms = [f"statement {{site}} {MONTH} --format {form} {{dated}}" for form in ("json", "csv", "table", "ledger")]
        return [self(line) for line in (*forms, f"balance {{site}} {MONTH} --format json {{dated}}")]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """December closed. Nobody changes it: whoever wants to takes a copy."""
    desk = Desk.new(tmp_path_factory.mktemp("closed"))
    desk(f"close {{site}} {MONTH} --by wang {{dated}}")
    return desk


@pytest.fixture
def desk(closed: Desk, tmp_path: Path) -> Desk:
    return Desk(Path(copytree(closed.folder, tmp_path / "copy")))


def test_no_command_is_left_out() -> None:
    assert {*commands()} == {name for name, *_ in WRITING} | {*READING} | {*ELSEWHERE}


def test_every_command_that_writes_leaves_a_closed_month_alone(desk: Desk) -> None:
    record, told, line = desk.record(), desk.told(), desk.lines(MONTH)[0]["id"]
    assert all(record.values())
    assert desk.booked() == []
    desk.write("late.csv", "meter", {"W": {"2026-12-16T00:00": "251.5", "2027-01-01T00:00": "310"}})
    desk.write("wrong.csv", "point", {"main.active_energy": {"2026-12-31T23:45": "5999", "soon": "1"}})
    for name, typed, code in WRITING:
        desk(typed, code, line=line)
        assert desk.record() == record, name
    assert desk.told() == told
    booked = {(one["utility"], one["band"]) for one in desk.booked()}
    assert ("water", "energy") in booked
    assert ("electricity", "energy") in booked


@pytest.mark.parametrize("name", CHANGES)
def test_other_files_of_the_site_leave_a_closed_month_alone(desk: Desk, name: str) -> None:
    record, told = desk.record(), desk.told()
    file, (old, new) = desk.site / name, CHANGES[name]
    assert old in SITE[name]
    file.write_text(SITE[name].replace(old, new), encoding="utf-8")
    assert desk.told() == told
    assert desk.record() == record
    assert bool(desk.booked()) is (name == "meters.yaml"), (
        "a ratio is evidence, and mended like a reading; rules are not"
    )


def test_each_kind_of_line_is_explained(desk: Desk) -> None:
    desk.write("late.csv", "meter", {"W": {"2027-01-01T00:00": "310"}})
    desk("import {site} {folder}/late.csv {dated}")
    kinds = set()
    for line in (*desk.lines(MONTH), *desk.booked()):
        told = json.loads(desk("explain {site} {line} --format json {dated}", line=line["id"]))
        assert told["line"] == line
        kinds.add(line["kind"])
        for language in ("en", "zh"):
            said = desk(f"explain {{site}} {{line}} --language {language} {{dated}}", line=line["id"])
            assert line["id"] in said
            assert line["charge"] in said
    assert kinds == set(get_args(LineKind))


def test_what_cannot_be_explained_is_said(desk: Desk) -> None:
    for line in (f"{MONTH}:a:000000000000", f"{MONTH}:nobody:1", "2026-13:a:1", "nothing"):
        desk("explain {site} {line} {dated}", 1, line=line)
    desk("explain {site} {dated}", 2)

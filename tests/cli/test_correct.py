"""`meterbook correct`: signed entries from the command line, and what is refused in which words."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from served.world import ROOT, app_of, served
from typer.testing import CliRunner

from meterbook.books import audit
from meterbook.books.corrections import Corrections
from meterbook.books.database import Books
from meterbook.cli import app
from meterbook.domain.correction import Correction, Estimate, Exclusion
from meterbook.domain.instant import HOUR, MINUTE, iso, parse
from meterbook.domain.reading import Reading
from meterbook.readings.sqlite import SqliteStore

HOSPITAL = Path(__file__).parent.parent / "site" / "hospital"
CHINA = ZoneInfo("Asia/Shanghai")
NOW = "2026-11-02T08:00:00+08:00"
START = parse("2026-10-12T10:00:00+08:00")
SIGNED = ("--by", "li", "--reason", "  the gateway sent its neighbour's register ")
SPAN = ("--from", "2026-10-12T10:15", "--to", "2026-10-12T10:45")
EXCHANGE = ("--at", "2026-10-12T10:30:00+08:00", "--old-final", "5200.00", "--new-initial", "12.40")


class Desk:
    """`meterbook correct` of one site and its data, with readings of E-MAIN every quarter of an hour."""

    def __init__(self, folder: Path) -> None:
        self.site = Path(copytree(HOSPITAL, folder / "site"))
        self.data = folder / "data"

    def read(self) -> None:
        self.data.mkdir()
        with closing(SqliteStore(self.data / "readings.db")) as store:
            rows = [Reading("main.active_energy_import", START + n * 15 * MINUTE, 5000.0 + n) for n in range(9)]
            store.append(rows, START + HOUR)

    def __call__(self, *arguments: str, code: int = 0) -> str:
        typed = ["correct", str(self.site), *arguments, "--data", str(self.data), "--now", NOW]
        done = CliRunner().invoke(app, typed, env={"COLUMNS": "500", "TERM": "dumb"})
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())

    def json(self, *arguments: str) -> Any:
        typed = ["correct", str(self.site), *arguments, "--data", str(self.data), "--now", NOW, "--format", "json"]
        done = CliRunner().invoke(app, typed)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def correct(self, kind: str, *arguments: str, meter: str = "E-MAIN", code: int = 0) -> str:
        return self(kind, "--meter", meter, *arguments, *SIGNED, code=code)

    def active(self, meter: str = "E-MAIN") -> tuple[Correction, ...]:
        with closing(Books(f"sqlite:///{self.data / 'books.db'}")) as books:
            return Corrections(books).active().get(meter, ())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.read()
    return made


def test_readings_are_excluded_by_local_time(desk: Desk) -> None:
    said = desk.correct("exclude", *SPAN)
    assert said == "correction 1, E-MAIN: exclude 2026-10-12T10:15:00+08:00 to 2026-10-12T10:45:00+08:00; entered"
    (entry,) = desk.active()
    assert entry.what == Exclusion(START + 15 * MINUTE, START + 45 * MINUTE)
    assert (entry.author, entry.reason) == ("li", "the gateway sent its neighbour's register")
    assert parse(NOW) <= entry.at < parse(NOW) + HOUR, "the clock goes on from --now"
    with closing(Books(f"sqlite:///{desk.data / 'books.db'}")) as books, books.read() as connection:
        (noted,) = audit.entries(connection, 10)
    assert (noted.at, noted.who, noted.deed) == (entry.at, "li", "correction entered: exclude")
    assert (noted.subject, noted.detail) == ("1 E-MAIN", entry.reason)


def test_one_reading_is_excluded(desk: Desk) -> None:
    said = desk.correct("exclude", "--at", "2026-10-12T02:15:00Z")
    assert "exclude 2026-10-12T10:15:00+08:00; entered" in said
    (entry,) = desk.active()
    assert entry.what == Exclusion(START + 15 * MINUTE, START + 15 * MINUTE + 1)


def test_the_same_again_is_in_force_already(desk: Desk) -> None:
    for kind, arguments in (("exclude", SPAN), ("estimate", (*SPAN, "--quantity", "8")), ("exchange", EXCHANGE)):
        first, again = desk.correct(kind, *arguments), desk.correct(kind, *arguments)
        assert again == first.replace("entered", "in force already, entered by li")
    assert len(desk.active()) == 3


def test_answers_for_programs(desk: Desk) -> None:
    figures = ("--multiplier", "60", "--register-max", "99999.9")
    entered = desk.json("exchange", "--meter", "E-MAIN", *EXCHANGE, *figures, *SIGNED)
    assert entered == {
        "id": 1,
        "meter": "E-MAIN",
        "author": "li",
        "reason": "the gateway sent its neighbour's register",
        "entered": iso(desk.active()[0].at, CHINA),
        "undo": None,
        "kind": "exchange",
        "at": "2026-10-12T10:30:00+08:00",
        "old_final": "5200.00",
        "new_initial": "12.40",
        "multiplier": "60",
        "register_max": "99999.9",
    }
    used = desk.json("estimate", "--meter", "E-MAIN", *SPAN, "--quantity", "12.0", *SIGNED)
    assert (used["kind"], used["quantity"]) == ("estimate", "12.0")
    assert (used["from"], used["to"]) == ("2026-10-12T10:15:00+08:00", "2026-10-12T10:45:00+08:00")
    undone = desk.json("undo", "1", "--by", "wu", "--reason", "it was E-B1")
    assert undone["undo"].pop("at").startswith("2026-11-02T08:")
    assert undone == entered | {"undo": {"author": "wu", "reason": "it was E-B1"}}
    listed = desk.json("list")
    assert [one["id"] for one in listed] == [2, 1]
    assert listed[0] == used
    assert listed[1].keys() == entered.keys()


def test_the_list_shows_what_was_undone_and_by_whom(desk: Desk) -> None:
    desk.correct("estimate", *SPAN, "--quantity", "8")
    desk.correct("exclude", "--from", "2026-10-01", "--to", "2026-10-02", meter="E-KITCHEN")
    said = desk("undo", "1", "--by", "wu", "--reason", "it was right")
    assert said == (
        "correction 1, E-MAIN: estimate 2026-10-12T10:15:00+08:00 to 2026-10-12T10:45:00+08:00: 8 kWh; undone"
    )
    listed = desk("list")
    assert listed.index("E-KITCHEN") < listed.index("E-MAIN")
    assert "wu: it was right" in listed
    assert "E-MAIN" not in desk("list", "--meter", "E-KITCHEN")
    assert "E-MAIN" in desk("list", "--meter", "E-MIAN", code=2)
    assert (len(desk.active("E-KITCHEN")), desk.active()) == (1, ())


def test_a_list_of_nothing_makes_no_directory(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.json("list") == []
    assert not desk.data.exists()


def test_an_undo_happens_once_and_to_something(desk: Desk) -> None:
    again = ("undo", "1", "--by", "wu", "--reason", "why not")
    assert "没有更正 1；" in desk(*again, code=2)
    desk.correct("exclude", *SPAN)
    desk(*again)
    assert "correction 1 was undone by wu already: why not" in desk(*again, code=2)


def test_an_exclusion_after_the_last_reading_waits_for_those_that_come(desk: Desk) -> None:
    desk.correct("exclude", "--from", "2026-10-20", "--to", "2026-12-01")
    assert len(desk.active()) == 1


def test_local_times_that_come_twice_or_never_are_refused_with_both_choices(desk: Desk) -> None:
    site = desk.site / "site.yaml"
    site.write_text(site.read_text().replace("Asia/Shanghai", "Europe/Berlin"))
    used = ("--quantity", "1")
    twice = desk.correct("estimate", "--from", "2026-10-25T02:30", "--to", "2026-10-25T05:00", *used, code=2)
    assert "--from 2026-10-25T02:30 在 Europe/Berlin 因调整时钟而出现两次" in twice
    assert "请写 2026-10-25T02:30:00+02:00 或 2026-10-25T02:30:00+01:00" in twice
    never = desk.correct("estimate", "--from", "2026-03-29T01:00", "--to", "2026-03-29T02:30", *used, code=2)
    assert "--to 2026-03-29T02:30 在 Europe/Berlin 因调整时钟而不存在" in never
    assert "请写 2026-03-29T03:30:00+02:00 或 2026-03-29T01:30:00+01:00" in never
    desk.correct("estimate", "--from", "2026-10-25T02:30+01:00", "--to", "2026-10-25T05:00", *used)
    (entry,) = desk.active()
    assert isinstance(entry.what, Estimate)
    assert entry.what.end - entry.what.start == 150 * MINUTE


REFUSED = {
    "unknown meter": ("exclude", "E-MIAN", SPAN, "--meter: there is no meter E-MIAN here; did you mean E-MAIN?"),
    "formula": ("exclude", "E-B1-REST", SPAN, "--meter: E-B1-REST is a formula and has no readings of its own"),
    "backwards": (
        "exclude",
        "E-MAIN",
        ("--from", "2026-10-13", "--to", "2026-10-12"),
        "--to: 2026-10-12T00:00:00+08:00 is not after 2026-10-13T00:00:00+08:00",
    ),
    "between two readings": (
        "exclude",
        "E-MAIN",
        ("--from", "2026-10-12T10:16", "--to", "2026-10-12T10:30"),
        "the nearest: 2026-10-12T10:15:00+08:00 and 2026-10-12T10:30:00+08:00",
    ),
    "no such reading": (
        "exclude",
        "E-MAIN",
        ("--at", "2026-10-12T09:00"),
        "E-MAIN has no reading there that could be excluded; the nearest: 2026-10-12T10:00:00+08:00",
    ),
    "neither": ("exclude", "E-MAIN", ("--from", "2026-10-12"), "请给出 --from 和 --to，或用 --at"),
    "both": ("exclude", "E-MAIN", (*SPAN, "--at", "2026-10-12T10:15"), "请给出 --from 和 --to，或用 --at"),
    "no instant": ("exclude", "E-MAIN", ("--at", "yesterday"), "--at 'yesterday' 不是日期或时刻"),
    "absurd year": ("exclude", "E-MAIN", ("--at", "0001-01-01T00:00"), "应为 1990-01-01 至 2199-12-31 之间的日期"),
    "future": ("exclude", "E-MAIN", ("--from", "2062-10-12", "--to", "2062-10-13"), "--from: instant lies"),
    "off the grid": (
        "estimate",
        "E-MAIN",
        ("--from", "2026-10-12T10:07", "--to", "2026-10-12T11:00", "--quantity", "1"),
        "--from: 2026-10-12T10:07:00+08:00 is not on the 15-minute grid; "
        "expected 2026-10-12T10:00:00+08:00 or 2026-10-12T10:15:00+08:00",
    ),
    "negative": ("estimate", "E-MAIN", (*SPAN, "--quantity", "-1"), "--quantity: -1 is negative, and E-MAIN never"),
    "too fine": ("estimate", "E-MAIN", (*SPAN, "--quantity", "1.005"), "expected a multiple of 0.01"),
    "no figure": ("estimate", "E-MAIN", (*SPAN, "--quantity", "1,5"), "--quantity '1,5' 不是数字"),
    "no number": ("estimate", "E-MAIN", (*SPAN, "--quantity", "NaN"), "--quantity 'NaN' 不是数字"),
    "beyond the register": (
        "exchange",
        "E-MAIN",
        ("--at", "2026-10-12T10:30", "--old-final", "1000000", "--new-initial", "0"),
        "--old-final: 1000000 is beyond the register; expected at most 999999.99",
    ),
    "beyond the new register": (
        "exchange",
        "E-MAIN",
        ("--at", "2026-10-12T10:30", "--old-final", "5000", "--new-initial", "100.5", "--register-max", "99.9"),
        "--new-initial: 100.5 is beyond the register; expected at most 99.9",
    ),
    "no ratio": ("exchange", "E-MAIN", (*EXCHANGE, "--multiplier", "0"), "--multiplier: 0 is not above 0"),
    "no register": ("exchange", "E-MAIN", (*EXCHANGE, "--register-max", "0"), "--register-max: 0 is not above 0"),
    "exchanged already": (
        "exchange",
        "E-B1",
        ("--at", "2026-10-12T10:30:00+08:00", "--old-final", "1", "--new-initial", "1"),
        "--at: E-B1 has an exchange at 2026-10-12T10:30:00+08:00 already",
    ),
    "an exchange to come": (
        "exchange",
        "E-MAIN",
        ("--at", "2026-11-03", "--old-final", "1", "--new-initial", "1"),
        "--at: instant lies",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_entered_is_refused_in_words(desk: Desk, case: str) -> None:
    kind, meter, arguments, words = REFUSED[case]
    assert words in desk.correct(kind, *arguments, meter=meter, code=2)
    assert desk.json("list") == []


def test_an_estimate_covers_the_ones_it_overlaps(desk: Desk) -> None:
    desk.correct("estimate", *SPAN, "--quantity", "8")
    half = ("--from", "2026-10-12T10:30", "--to", "2026-10-12T11:00", "--quantity", "1")
    refused = desk.correct("estimate", *half, code=2)
    assert "overlaps a part of the estimate for 2026-10-12T10:15:00+08:00 to 2026-10-12T10:45:00+08:00" in refused
    desk.correct("estimate", "--from", "2026-10-12T10:00", "--to", "2026-10-12T11:00", "--quantity", "20")
    assert len(desk.active()) == 2


def test_it_works_while_the_service_runs(tmp_path: Path) -> None:
    with served(tmp_path) as world:
        span = ("--from", "2026-11-17T10:15", "--to", "2026-11-17T10:45")
        typed = ["correct", str(ROOT / "config/sites/demo"), "exclude", "--meter", "E-B1-CT", *span, *SIGNED]
        done = CliRunner().invoke(app, [*typed, "--data", str(tmp_path), "--now", "2026-11-18T10:20:00+08:00"])
        assert done.exit_code == 0, done.output
        answer = TestClient(app_of(world.rooms)).get("/api/v1/corrections", headers=world.bearer("eng"))
        assert [(one["meter"], one["author"]) for one in answer.json()["items"]] == [("E-B1-CT", "li")]


@pytest.mark.parametrize("signature", [("--by", " ", "--reason", "x"), ("--by", "li", "--reason", "\n")])
def test_nothing_is_entered_without_a_name_and_a_reason(desk: Desk, signature: tuple[str, ...]) -> None:
    assert "请填写文字" in desk("exclude", "--meter", "E-MAIN", *SPAN, *signature, code=2)
    assert not (desk.data / "books.db").exists()


def test_what_is_signed_shows_in_the_consumption_until_it_is_undone(desk: Desk) -> None:
    def used() -> list[tuple[str, str]]:
        window = ("--from", "2026-10-12T10:00", "--to", "2026-10-12T11:00", "--by", "15m", "--meter", "E-MAIN")
        typed = ["consumption", str(desk.site), *window, "--data", str(desk.data), "--now", NOW, "--format", "json"]
        done = CliRunner().invoke(app, typed)
        assert done.exit_code == 0, done.output
        return [(one["value"], one["estimated"]) for one in json.loads(done.stdout)[0]["intervals"]]

    as_read = [("200.00", "0")] * 4
    assert used() == as_read
    desk.correct("estimate", *SPAN, "--quantity", "600")
    assert used() == [("200.00", "0"), ("300.00", "1"), ("300.00", "1"), ("200.00", "0")]
    desk("undo", "1", "--by", "wu", "--reason", "it was right")
    assert used() == as_read


def test_an_exchange_answers_the_question_that_a_drop_opened(desk: Desk) -> None:
    with closing(SqliteStore(desk.data / "readings.db")) as store:
        low = [Reading("main.active_energy_import", START + (9 + n) * 15 * MINUTE, 3.0 + n) for n in range(4)]
        store.append(low, START + 4 * HOUR)
    (question,) = desk.json("questions")
    assert question == {
        "meter": "E-MAIN",
        "since": "2026-10-12T12:00:00+08:00",
        "figure": question["figure"],
        "until": "2026-10-12T13:00:00+08:00",
        "shown": question["shown"],
    }
    assert (float(question["figure"]), float(question["shown"])) == (5008, 6)
    assert "2026-10-12T12:00:00+08:00" in desk("questions")
    desk.correct("exchange", "--at", "2026-10-12T12:05", "--old-final", "5008.20", "--new-initial", "2.50")
    assert desk.json("questions") == []


def test_where_nothing_was_read_there_is_no_question(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.json("questions") == []
    assert not desk.data.exists()

"""The commands as somebody types them: exit codes, complaints, and answers that programs read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest
import structlog

from meterbook.cli import main

HOSPITAL = Path(__file__).parent.parent / "site" / "hospital"


class Commands:
    """`meterbook` with one data directory, in this process: what is typed, what is written, how it ends."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = data
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str, code: int = 0) -> str:
        self._monkeypatch.setattr(sys, "argv", ["meterbook", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = self._capsys.readouterr()
        assert ended.value.code in ((0, None) if code == 0 else (code,)), written.out + written.err
        return written.out if code == 0 else written.out + written.err

    def json(self, *arguments: str) -> list[dict]:
        return json.loads(self(*arguments, "--format", "json", "--data", str(self.data)))


@pytest.fixture
def meterbook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Commands]:
    yield Commands(tmp_path / "data", capsys, monkeypatch)
    structlog.reset_defaults()  # its log was that of a captured stderr


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(copytree(HOSPITAL, tmp_path / "site"))


def readings(tmp_path: Path, *rows: str, heading: str = "point,timestamp,value") -> str:
    file = tmp_path / "readings.csv"
    file.write_text("\n".join([heading, *rows, ""]))
    return str(file)


def test_check_answers_with_its_exit_code(meterbook: Commands, site: Path) -> None:
    assert "fine" in meterbook("check", str(site))
    (site / "meters.yaml").write_text((site / "meters.yaml").read_text().replace("parent: E-MAIN", "parent: E-MIAN", 1))
    complaint = meterbook("check", str(site), code=1)
    assert "meters.yaml" in complaint
    assert "E-MAIN" in complaint
    told = json.loads(meterbook("check", str(site), "--format", "json", code=1))
    assert {"file", "line", "key", "message", "expected", "nearest"} <= told["errors"][0].keys()


def test_from_import_to_statement(meterbook: Commands, site: Path, tmp_path: Path) -> None:
    register = [f"main.active_energy_import,2026-10-{day:02}T00:00:00+08:00,{5000 + day}.00" for day in range(1, 32)]
    register.append("main.active_energy_import,2026-11-01T00:00:00+08:00,5032.00")
    file = readings(tmp_path, *register)
    data = ("--data", str(meterbook.data))
    assert "32 taken" in meterbook("import", str(site), file, *data, "--now", "2026-11-02T08:00:00+08:00")
    assert "32 repeated" in meterbook("import", str(site), file, *data)
    window = ("--from", "2026-10-01", "--to", "2026-11-01")
    (month,) = meterbook.json("consumption", str(site), *window, "--by", "month", "--meter", "E-MAIN")
    assert month["unit"] == "kWh"
    (whole,) = month["intervals"]
    assert (whole["start"], whole["end"]) == ("2026-10-01T00:00:00+08:00", "2026-11-01T00:00:00+08:00")
    assert Decimal(whole["value"]) == 31 * 200
    (days,) = meterbook.json("consumption", str(site), *window, "--by", "day", "--meter", "E-MAIN")
    assert len(days["intervals"]) == 31
    assert sum(Decimal(day["value"]) for day in days["intervals"]) == 31 * 200
    now = ("--now", "2026-11-02T08:00:00+08:00")
    balances = {one["utility"]: one for one in meterbook.json("balance", str(site), "2026-10", *now)}
    assert Decimal(balances["electricity"]["supplied"]) == 31 * 200
    assert Decimal(balances["electricity"]["difference"]) == 0
    # The sub-meters said nothing: what nobody can be charged for stays visible.
    (statement,) = meterbook.json("statement", str(site), "2026-10", *now)
    assert (statement["department"], statement["state"]) == ("unallocated", "provisional")
    assert sum(Decimal(line["charge"]) for line in statement["lines"]) == Decimal(statement["total"])
    assert meterbook("statement", str(site), "2026-10", "--format", "csv", *data, *now).startswith("成本中心,部门")


def test_a_balance_says_what_accuracy_classes_explain(meterbook: Commands) -> None:
    case = Path(__file__).parent.parent / "cases" / "accounting" / "imbalance-and-accuracy-classes"
    data, now = ("--data", str(meterbook.data)), ("--now", "2026-12-01T00:00:00Z")
    meterbook("import", str(case / "site"), str(case / "readings.csv"), *data, *now)
    table = meterbook("balance", str(case / "site"), "2026-10", *data, *now)
    shown = [line.replace("│", " ").split() for line in table[table.index("parents and their children") :].splitlines()]
    rows = {cells[0]: cells[1:4] for cells in shown if cells and cells[0] in {"P", "Q", "R", "S"}}
    assert rows["P"] == ["10.000", "13.237", "explained"]
    assert rows["Q"][:2] == ["200.000", "5.000"]
    assert (rows["R"], rows["S"]) == (["10.000"], [])


def test_import_reports_what_it_refuses(meterbook: Commands, site: Path, tmp_path: Path) -> None:
    now = ("--now", "2026-10-02T00:00:00+08:00", "--data", str(meterbook.data))
    file = readings(
        tmp_path,
        "main.active_energy_import,2026-10-01T00:00:00+08:00,5000.00",
        "main.active_energy_import,2026-10-01T00:15:00,5001.00",
        "main.active_energy_import,2026-10-01T00:30:00+08:00,NaN",
        "main.nothing,2026-10-01T00:30:00+08:00,1",
        "main.active_energy_import,2027-10-01T00:30:00+08:00,1",
    )
    told = meterbook("import", str(site), file, *now, code=1)
    assert "1 taken" in told
    assert "4 refused" in told
    assert "line 3" in told
    nothing = readings(tmp_path, "main.nothing,2026-10-01T00:30:00+08:00,1")
    meterbook("import", str(site), nothing, *now, code=2)
    (tmp_path / "readings.csv").write_text("what is this\n")
    meterbook("import", str(site), nothing, *now, code=2)


def test_a_dry_run_keeps_nothing(meterbook: Commands, site: Path, tmp_path: Path) -> None:
    file = readings(tmp_path, "E-KITCHEN,2026-10-01T00:00:00+08:00,5000.0", heading="meter,timestamp,value")
    assert "1 readable" in meterbook("import", str(site), file, "--dry-run", "--data", str(meterbook.data))
    assert not meterbook.data.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("consumption", "SITE", "--from", "2026-10-01", "--to", "2026-10-02", "--meter", "E-MIAN"),
        ("consumption", "SITE", "--from", "2026-10-02", "--to", "2026-10-01"),
        ("consumption", "SITE", "--from", "yesterday", "--to", "2026-10-01"),
        ("consumption", "SITE", "--from", "0001-01-01", "--to", "2026-10-01"),
        ("balance", "SITE", "2026-13"),
        ("balance", "SITE", "9999-12"),
        ("statement", "SITE", "2026-10", "--department", "radiologie"),
        ("statement", "SITE", "2026-10", "--now", "2026-10-01T00:00:00"),
        ("run", "SITE", "--only", "everything"),
        ("import", "SITE", "none.csv", "--zone", "Mars/Olympus"),
        ("import", "SITE", "none.csv"),
        ("run", "SITE", "--data", "/proc/meterbook"),
        ("user", "add", "li", "--role", "department", "--site", "SITE"),
        ("device", "show", "nothing"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_code_2(meterbook: Commands, site: Path, arguments: tuple[str, ...]) -> None:
    placed = [str(site) if argument == "SITE" else argument for argument in arguments]
    assert meterbook(*placed, code=2).strip()


def test_a_question_makes_no_directory(meterbook: Commands, site: Path) -> None:
    done = meterbook("statement", str(site), "2026-10", "--data", str(meterbook.data), "--format", "json")
    assert json.loads(done) == []
    assert not meterbook.data.exists()


def test_commands_on_a_broken_site_say_every_mistake(meterbook: Commands, site: Path) -> None:
    text = (site / "meters.yaml").read_text().replace("parent: E-MAIN", "parent: NONE").replace("W-MAIN,", "W-MIAN,", 1)
    (site / "meters.yaml").write_text(text)
    told = meterbook("statement", str(site), "2026-10", code=1)
    assert told.count("meters.yaml:") >= 2


def test_users_and_tokens(meterbook: Commands, site: Path) -> None:
    data = ("--data", str(meterbook.data))
    assert "password" in meterbook("user", "add", "li", "--role", "crew", *data)
    meterbook("user", "add", "li", "--role", "crew", *data, code=2)
    meterbook("user", "add", "hu", "--role", "department", "--department", "radiologie", "--site", str(site), code=2)
    meterbook("user", "add", "wu", "--role", "department", "--department", "radiology", "--site", str(site), *data)
    assert meterbook("user", "token", "li", *data).startswith("mb_")
    listed = meterbook("user", "list", *data)
    assert "radiology" in listed
    assert "mb_" not in listed
    assert "shut out" in meterbook("user", "disable", "li", *data)
    assert "disabled" in meterbook("user", "list", *data)


def test_profiles_are_listed_and_shown(meterbook: Commands) -> None:
    assert "eastron-sdm630" in meterbook("device", "list")
    assert "active_energy_import" in meterbook("device", "show", "eastron-sdm630")


def test_schemas_are_written_for_editors(meterbook: Commands, tmp_path: Path) -> None:
    meterbook("schema", str(tmp_path / "schemas"))
    written = {file.name for file in (tmp_path / "schemas").iterdir()}
    assert "meters.yaml.schema.json" in written

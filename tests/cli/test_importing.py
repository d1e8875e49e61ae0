"""`import` as somebody types it: several files and formats, what it reports, and a disk that takes no more."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from openpyxl import Workbook
from peers import influxdb
from peers.commands import Done, typed

from meterbook.books import arrivals, quarantine
from meterbook.books.database import Books
from meterbook.domain.instant import MINUTE, iso, parse
from meterbook.readings.sqlite import SqliteStore

HOSPITAL = Path(__file__).parent.parent / "site" / "hospital"
NOW = "2026-11-01T00:00:00+08:00"
BEGIN = parse("2026-01-01T00:00:00+08:00")
POINT = "main.active_energy_import"


def meterbook(tmp_path: Path, *arguments: object, site: Path = HOSPITAL) -> Done:
    return typed("import", site, *arguments, "--data", tmp_path / "data", "--now", NOW)


def wide(path: Path, rows: int) -> Path:
    lines = [f"{iso(BEGIN + number * MINUTE)},{number}.5\n" for number in range(rows)]
    path.write_text(f"timestamp,{POINT}\n{''.join(lines)}", encoding="utf-8")
    return path


def test_files_of_every_kind_in_one_report(tmp_path: Path) -> None:
    book, readings = Workbook(), tmp_path / "抄表.xlsx"
    book.active.append(["meter", "timestamp", "value"])
    book.active.append(["E-KITCHEN", "13.10.2026 08:00", 5000.5])
    book.active.append(["E-KITCHEN", "soon", 5001])
    book.save(readings)
    (tmp_path / "notes.txt").write_text("what is this\n")
    files = [wide(tmp_path / "wide.csv", 3), readings, tmp_path / "notes.txt", tmp_path / "none.csv"]
    done = meterbook(tmp_path, *files, "--zone", "Asia/Shanghai", "--format", "json")
    assert done.code == 1
    first, second, third, fourth = json.loads(done.out)["files"]
    assert (first["accepted"], first["refusals"], first["unreadable"]) == (3, 0, None)
    assert (second["accepted"], second["refusals"]) == (1, 1)
    assert second["refused"][0]["line"] == 3
    assert "'soon' is no date and time" in second["refused"][0]["reason"]
    assert "the first row is 'what is this'" in third["unreadable"]
    assert "No such file" in fourth["unreadable"]
    again = meterbook(tmp_path, files[0], readings, "--zone", "Asia/Shanghai")
    assert again.code == 1
    assert "wide.csv: 0 taken, 3 repeated, 0 in conflict, 0 refused" in again.out
    assert "line 3: 'soon'" in again.out


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        ("meter;timestamp;value\nE-KITCHEN;03.04.2026 08:00;1,5\n", ("--dates", "dmy", "--decimal", "comma"), 0),
        ("meter;timestamp;value\nE-KITCHEN;03.04.2026 08:00;1,5\n", ("--decimal", "comma"), 2),
        ("meter;timestamp;value\nE-KITCHEN;2026年4月3日 08:00;1\n", ("--encoding", "gb18030"), 0),
        ("meter;timestamp;value\nE-KITCHEN;2026年4月3日 08:00;1\n", (), 2),
    ],
)
def test_what_is_declared_decides(tmp_path: Path, content: str, options: tuple[str, ...], code: int) -> None:
    (tmp_path / "readings.csv").write_text(content, encoding="gb18030")
    zone = ("--zone", "Asia/Shanghai")
    assert meterbook(tmp_path, tmp_path / "readings.csv", "--dry-run", *zone, *options).code == code


def test_many_refused_rows_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("point,timestamp,value\n" + "x,y,z\n" * 10_050)
    done = meterbook(tmp_path, path, "--dry-run")
    assert done.code == 2
    assert "0 readable, 0 repeated, 0 in conflict, 10050 refused" in done.out
    assert "and 10030 more; --format json lists the first 10000" in done.out
    told = json.loads(meterbook(tmp_path, path, "--dry-run", "--format", "json").out)["files"][0]
    assert (told["refusals"], len(told["refused"])) == (10_050, 10_000)


def test_a_disk_that_takes_no_more_ends_it_and_says_how_far_it_came(tmp_path: Path) -> None:
    file = wide(tmp_path / "wide.csv", 100_000)

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

    command = [sys.executable, "-m", "meterbook.cli", "import", HOSPITAL, file, "--data", tmp_path / "data"]
    done = subprocess.run([*command, "--now", NOW], capture_output=True, text=True, timeout=60, preexec_fn=small_disk)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "nothing was kept" in done.stderr
    assert "import again" in done.stderr
    told = int(done.stdout.split(": ")[1].split(" taken")[0])
    store = SqliteStore(tmp_path / "data" / "readings.db")
    try:
        kept = len(store.read(POINT, BEGIN, parse(NOW)))
    finally:
        store.close()
    assert 0 < told == kept < 100_000, "what was reported is on disk, and nothing else"
    rest = meterbook(tmp_path, file)
    assert f"{100_000 - kept} taken, {kept} repeated" in rest.out


def test_what_a_server_never_takes_costs_no_other_row(tmp_path: Path) -> None:
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    with influxdb.InfluxDB(tmp_path / "influxdb") as server:
        address = server.new_database()
        old = f'ALTER RETENTION POLICY "autogen" ON "{address.database}" DURATION 1040w SHARD DURATION 52w'
        server.query(old)
        site = tmp_path / "site"
        shutil.copytree(HOSPITAL, site)
        chosen = f"{{influxdb: {{url: '{address.url}', database: {address.database}}}}}"
        (site / "service.yaml").write_text(f"storage: {{readings: {chosen}}}\n")
        rows = [f"{POINT},{iso(BEGIN + number * MINUTE)},{number}\n" for number in range(999)]
        rows[500:500] = [f"{POINT},2001-01-01T00:00:00Z,5\n", f"{POINT},soon,5\n"]
        file = tmp_path / "rows.csv"
        file.write_text(f"point,timestamp,value\n{''.join(rows)}")
        done = meterbook(tmp_path, file, "--format", "json", site=site)
        (report,) = json.loads(done.out)["files"]
        assert (done.code, report["accepted"], report["refusals"]) == (1, 999, 2)
        refused = {row["line"]: row["reason"] for row in report["refused"]}
        assert refused.keys() == {502, 503}
        assert "beyond retention policy" in refused[502]
        again = meterbook(tmp_path, file, site=site)
        assert "0 taken, 999 repeated, 0 in conflict, 2 refused" in again.out
        server.stop()
        away = meterbook(tmp_path, file, site=site)
        assert away.code == 2
        assert "storage.readings.influxdb.url" in away.err
    with closing(Books(f"sqlite:///{tmp_path}/data/books.db")) as books, books.read() as connection:
        assert arrivals.last(connection) == 2
        assert {row.subject for row in quarantine.latest(connection, 10)} == {
            "rows.csv, line 502",
            "rows.csv, line 503",
        }

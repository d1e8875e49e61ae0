"""A process that dies while it closes a month: the month is closed, or it is open and can be closed.

Nothing is told to die at a certain line. A real process is killed: at any moment from the time it is ready to the time
it would have ended, or as soon as it touches the file of the books.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from peers.postgres import MISSING, Postgres
from peers.waiting import eventually
from sqlalchemy import text
from typer.testing import CliRunner

from meterbook.books.database import Books
from meterbook.cli import app

NOW = "2026-12-02T08:00:00+08:00"
FULL = 100
DEPARTMENTS = [f"d{number}" for number in range(1, 101)]
YEAR = 2009

SITE = {
    "site.yaml": "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY, language: en}\ndepartments:\n"
    + "".join(f"  - {{id: {id_}, name: D, headcount: {heads}}}\n" for heads, id_ in enumerate(DEPARTMENTS, 1)),
    "meters.yaml": "meters: [{id: W, utility: water, entry: manual, register_max: 99999999.999}]\n",
    "allocations.yaml": f"allocations: [{{meter: W, from: {YEAR}-01-01, split: {{by: headcount, among: ["
    + ", ".join(DEPARTMENTS)
    + "]}}]\n",
    "tariffs.yaml": f"tariffs: [{{id: t, utility: water, from: {YEAR}-01-01, price: '3.45', "
    "surcharges: [{id: sewage, per_unit: '1.70'}]}]\n",
}

READY = """
import sys
import meterbook.cli.close, meterbook.wiring
from meterbook.cli import app
print("ready", flush=True)
app()
"""


class Desk:
    """A site with its books in a file or on a server, and `count` months that are over.

    No two of them touch, so none waits for the adjustments of another.
    """

    def __init__(self, folder: Path, server: str | None, count: int) -> None:
        self.folder, self.file = folder, folder / "data" / "books.db"
        self.url = server or f"sqlite:///{self.file}"
        (folder / "site").mkdir()
        for name, content in SITE.items():
            (folder / "site" / name).write_text(content, encoding="utf-8")
        if server:
            (folder / "site" / "service.yaml").write_text("storage: {books: 'env:BOOKS'}\n", encoding="utf-8")
        months = [f"{YEAR + number // 12}-{number % 12 + 1:02}" for number in range(2 * count)]
        rows = [f"W,{month}-01T00:00:00+08:00,{number * 1000}.5\n" for number, month in enumerate(months)]
        (folder / "readings.csv").write_text("meter,timestamp,value\n" + "".join(rows), encoding="utf-8")
        self("import", str(folder / "readings.csv"))
        self.months = months[::2]

    def arguments(self, command: str, *rest: str) -> list[str]:
        return [command, str(self.folder / "site"), *rest, "--data", str(self.folder / "data"), "--now", NOW]

    def __call__(self, command: str, *rest: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, self.arguments(command, *rest), env={"BOOKS": self.url})
        assert done.exit_code == code, done.output
        return done.stdout

    def told(self, month: str) -> list[tuple[str, str, str]]:
        """Of each statement of a month: whose it is, its state, its hash."""
        found = json.loads(self("statement", month, "--format", "json"))
        return [(one["department"], one["state"], one["hash"]) for one in found]

    def closing(self, month: str) -> subprocess.Popen[bytes]:
        """A process that is about to close a month."""
        typed = [sys.executable, "-c", READY, *self.arguments("close", month, "--by", "wang")]
        process = subprocess.Popen(typed, stdout=subprocess.PIPE, env={**os.environ, "BOOKS": self.url})
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def kept(self, month: str) -> tuple[int, ...]:
        """How many rows the books have of a month: its closing, statements, lines, entry in the audit trail."""
        of = {"closings": "month", "statements": "month", "statement_lines": "month", "audit": "subject"}
        with closing(Books(self.url)) as books, books.read() as connection:
            if not self.url.startswith("sqlite"):  # what the server was told, it may still be doing
                eventually(lambda: connection.execute(text(ALONE)).scalar_one())
            return tuple(
                connection.execute(text(f"SELECT count(*) FROM {table} WHERE {column} = :month"), {"month": month})
                .scalar_one()
                for table, column in of.items()
            )  # fmt: skip


ALONE = "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()"


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, counts: Callable[[int], int]) -> Iterator[Desk]:
    count = 1 + counts(FULL)
    if request.param == "sqlite":
        yield Desk(tmp_path, None, count)
    elif MISSING:
        pytest.skip(MISSING)
    else:
        with Postgres() as server, server.database() as url:
            yield Desk(tmp_path, url, count)


def test_killed_at_any_moment(desk: Desk, counts: Callable[[int], int]) -> None:
    rng, (first, *months) = random.Random(desk.url.split(":")[0]), desk.months
    with desk.closing(first) as undisturbed:
        begun = time.monotonic()
        assert undisturbed.wait(60) == 0
        lasts, whole = time.monotonic() - begun, desk.kept(first)
    assert whole == (1, len(DEPARTMENTS), 2 * len(DEPARTMENTS), 1)
    assert len(months) == counts(FULL)
    for number, month in enumerate(months):
        before = desk.told(month)
        assert {state for _, state, _ in before} == {"provisional"}
        with desk.closing(month) as process:
            if number % 2 == 0 and desk.file.exists():
                touched(desk.file, process)
                time.sleep(rng.uniform(0, 0.003))
            else:
                time.sleep(rng.uniform(0, lasts))
            process.kill()
        kept = desk.kept(month)
        assert kept in (whole, (0, 0, 0, 0)), month
        if kept != whole:
            assert desk.told(month) == before
            desk("close", month, "--by", "wang")
        assert desk.kept(month) == whole
        assert desk.told(month) == [(party, "closed", digest) for party, _, digest in before]


def touched(file: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process writes to a SQLite file, or ends."""
    log = file.with_name(file.name + "-wal")

    def size() -> int:
        return log.stat().st_size if log.exists() else 0

    before = size()
    while process.poll() is None and size() == before:
        pass

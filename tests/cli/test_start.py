"""Commands start quickly because each takes in only what it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import typer
from house.sources import ROOT
from typer.testing import CliRunner

from meterbook.cli import app
from meterbook.cli.commands import HOMES

DEMO = ROOT / "config/sites/demo"
LOADED = """
import sys
from meterbook.cli import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    sys.exit(end.code or print(*{name.split(".")[0] for name in sys.modules}, file=sys.stderr))
"""
SLOW = {"alembic", "amqtt", "fastapi", "fpdf", "influxdb_client", "pint", "uvicorn"}


@pytest.mark.parametrize("home", sorted(set(HOMES.values())))
def test_every_command_of_a_module_is_found_by_its_name(home: str) -> None:
    part = typer.Typer()
    import_module(f"meterbook.cli.{home}").add_to(part)
    part.callback()(lambda: None)
    assert set(typer.main.get_group(part).commands) == {name for name in HOMES if HOMES[name] == home}


def test_help_lists_all_of_them_in_their_order() -> None:
    done = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    listed = done.output.partition("Commands:")[2].splitlines()[1:]
    assert [line.split()[0] for line in listed] == list(HOMES)


@pytest.mark.parametrize(
    ("command", "also"),
    [(f"check {DEMO}", {"pymodbus", "sqlalchemy"}), ("device list", set())],
    ids=["check", "device"],
)
def test_a_command_takes_in_only_what_it_needs(command: str, also: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *command.split()], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert {"meterbook", "typer"} <= set(done.stderr.split())
    assert (SLOW | also).isdisjoint(done.stderr.split())

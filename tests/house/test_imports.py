"""Imports point one way, and a library whose API moves lives in one file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.sources import PACKAGES, ROOT, modules, project

ONE_FILE = {
    "pymodbus": "collectors/modbus/source.py",
    "paho": "collectors/mqtt/client.py",
    "influxdb_client": "meterbook/readings/influx.py",
    "grafana_api": None,
}


def layers() -> list[str]:
    """The modules that the import contract names, from the top."""
    contract = next(found for found in project()["tool"]["importlinter"]["contracts"] if found["id"] == "layers")
    return [name.strip() for row in contract["layers"] for name in row.split("|")]


def imported(path: Path) -> Iterator[str]:
    """Dotted names a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_every_module_is_on_a_layer() -> None:
    # A module on no layer may import what it likes: the contract is silent about it.
    known = layers()
    homeless = [
        name
        for name in modules()
        if name != "meterbook" and not any(name == layer or name.startswith(f"{layer}.") for layer in known)
    ]
    assert not homeless, f"on no layer of the import contract in pyproject.toml: {homeless}"


def test_the_contract_covers_every_package() -> None:
    assert project()["tool"]["importlinter"]["root_packages"] == list(PACKAGES)


def test_imports_point_one_way() -> None:
    lint = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


@pytest.mark.parametrize("library", ONE_FILE)
def test_a_library_lives_in_one_file(library: str) -> None:
    users = {
        str(path)
        for path in modules().values()
        if not str(path).startswith("meterbook/demo/") and any(name.split(".")[0] == library for name in imported(path))
    }
    home = ONE_FILE[library]
    assert users <= {home} if home else len(users) <= 1, f"{library} is imported in {sorted(users)}"

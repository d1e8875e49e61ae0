"""The rules of tests/conftest.py themselves: counts are scaled, and a required part may not be skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from house.sources import ROOT

CASES = """
import pytest

def test_skips():
    pytest.skip("no broker")

@pytest.mark.xfail(strict=True)
def test_fails_as_expected():
    assert False

def test_counts(counts):
    assert (counts(2000), counts(7)) == {expected}
"""


def run(folder: Path, expected: tuple[int, int], **environment: str) -> str:
    shutil.copy(ROOT / "tests/conftest.py", folder)
    (folder / "test_cases.py").write_text(CASES.format(expected=expected))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("METERBOOK_")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-ra",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(folder),
    ]
    return subprocess.run(command, env=clean | environment, cwd=folder, capture_output=True, text=True).stdout


def test_a_skip_is_told_with_its_reason(tmp_path: Path) -> None:
    told = run(tmp_path, (20, 1))
    assert "1 passed, 1 skipped, 1 xfailed" in told
    assert "no broker" in told


def test_a_skip_fails_where_every_part_is_promised(tmp_path: Path) -> None:
    told = run(tmp_path, (20, 1), METERBOOK_REQUIRE="1")
    assert "1 failed, 1 passed, 1 xfailed" in told
    assert "no broker" in told


def test_proofs_run_in_full_when_asked(tmp_path: Path) -> None:
    assert "1 passed" in run(tmp_path, (2000, 7), METERBOOK_PROVE="1")

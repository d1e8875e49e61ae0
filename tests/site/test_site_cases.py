"""Every broken site directory under tests/cases/site gives exactly its complaints, one a line in expected.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterbook.site.load import load
from meterbook.site.problem import as_text, errors

CASES = sorted(path for path in (Path(__file__).parents[1] / "cases" / "site").iterdir() if path.is_dir())


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 27


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    loaded = load(case)
    assert as_text(loaded.problems) + "\n" == (case / "expected.txt").read_text(encoding="utf-8")
    assert (loaded.site is None) == bool(errors(loaded.problems))

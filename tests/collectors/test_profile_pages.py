"""Every profile has its page, and what the sample of the page shows is what comes out of the profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from house.sources import ROOT

from collectors.modbus.decode import decode
from meterbook.domain.profile import Profile
from meterbook.site.profiles import load_profile

FILES = sorted((ROOT / "config/profiles").glob("*.yaml"))
each_profile = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def rows(page: str, heading: str) -> Iterator[dict[str, str]]:
    """The rows of the table under a heading, by the names of its columns."""
    lines = re.findall(r"^\| (.*) \|$", page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0], re.MULTILINE)
    header, _, *cells = [[cell.strip(" `") for cell in line.split(" | ")] for line in lines]
    yield from (dict(zip(header, row, strict=True)) for row in cells)


def words(shown: str) -> list[int]:
    return [int(word, 16) for word in shown.split()]


def page_of(path: Path) -> str:
    return (ROOT / f"docs/collectors/profiles/{path.stem}.md").read_text(encoding="utf-8")


def loaded(path: Path) -> Profile:
    profile, problems = load_profile(path)
    assert profile is not None, problems
    return profile


@each_profile
def test_the_sample_of_a_page_is_read_as_it_says(path: Path) -> None:
    profile, shown = loaded(path), list(rows(page_of(path), "Sample"))
    registers = {register.point: register for register in profile.registers}
    assert {row["point"] for row in shown} == set(registers), "points without a sample"
    for row in shown:
        register, scaling = registers[row["point"]], words(row.get("scale register", ""))
        found = decode(
            register, words(row["registers"]), profile.word_order, profile.byte_order, scaling[0] if scaling else None
        )
        assert found == (None if row["value"] == "not available" else Decimal(row["value"])), row
        assert row["unit"] == register.spec.unit


@each_profile
def test_the_points_of_a_page_stand_where_the_profile_reads_them(path: Path) -> None:
    shown = [(row["point"], row["table"], int(row["address"]), row["type"]) for row in rows(page_of(path), "Points")]
    assert shown == [(one.point, one.table, one.address, one.type) for one in loaded(path).registers]

"""`meterbook statement SITE MONTH --compare`: what would change is shown before it is booked."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.test_close import DECEMBER, LATE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(LATE, tmp_path)


def test_the_difference_of_a_late_reading_is_shown_before_it_is_booked(desk: Desk) -> None:
    desk("close", "2026-10", "--by", "wang")
    same = desk("statement", "2026-10", "--compare", "--language", "en")
    assert same.splitlines() == [
        "by its own rules 2026-10 comes to what was charged",
        "computed again, every statement is the same, byte for byte",
    ]
    desk.read("later.csv")
    found = desk.json("statement", "2026-10", "--compare", now=DECEMBER)
    assert (found["month"], found["booked_in"], found["damaged"], found["changed"]) == (
        "2026-10",
        "2026-11",
        [],
        ["a", "b"],
    )
    assert [(one["department"], one["component"], one["difference"]) for one in found["items"]] == [
        ("a", "energy", {"quantity": "2.500", "charge": "8.62"}),
        ("b", "energy", {"quantity": "7.501", "charge": "25.88"}),
    ]
    table = desk("statement", "2026-10", "--compare", "--language", "en", now=DECEMBER)
    rows = [" ".join(line.replace("│", " ").split()) for line in table.splitlines()]
    assert "a Water Consumption 86.25 94.87 8.62 94.87 0.00" in rows
    assert "b Total 258.75 284.63 25.88 284.63 0.00" in rows
    assert "the difference of due and charged is booked in 2026-11, as long as that is open" in rows
    assert "computed again, these statements are others: a, b" in rows
    chinese = desk("statement", "2026-10", "--compare", "--department", "a", now=DECEMBER)
    assert "应计与已计的差额计入 2026-11（该月结账前）" in chinese
    assert "258.75" not in chinese


def test_other_prices_are_shown_and_not_booked(desk: Desk) -> None:
    desk("close", "2026-10", "--by", "wang")
    tariffs = desk.site / "tariffs.yaml"
    tariffs.write_text(tariffs.read_text(encoding="utf-8").replace("3.45", "3.50"), encoding="utf-8")
    found = desk.json("statement", "2026-10", "--compare")
    assert [(one["difference"]["charge"], one["rerating"]["charge"]) for one in found["items"]] == [
        ("0.00", "1.25"),
        ("0.00", "3.75"),
    ]
    told = desk("statement", "2026-10", "--compare", "--language", "en")
    assert "what today's rules and prices would change is not booked: a closed month keeps its own" in told
    assert desk.json("statement", "2026-11") == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("2026-10", "--compare", "--language", "en"), 1, "2026-10 is not closed; nothing was charged"),
        (("2026-10", "--compare"), 1, "2026-10 尚未结账"),
        (("2026-10", "--compare", "--format", "csv"), 2, "--format 只用 json 或不写"),
    ],
)
def test_what_cannot_be_compared_is_said(desk: Desk, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in desk("statement", *arguments, code=code)

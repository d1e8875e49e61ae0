"""The file of computed intervals: what accounting asks of it, and what happens to a file that is not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterbook.domain.kept import MonthKept, Standing
from meterbook.readings.fault import StoreError
from meterbook.readings.intervals import IntervalFile, forget

MAY, JUNE, JULY = (MonthKept(f"2026-0{month}", "c", b"h", bytes([month])) for month in (5, 6, 7))

NOT_KEPT = Standing("", None, 0, 0)


def put(file: IntervalFile, register: str, *months: MonthKept) -> bool:
    """Keep a register anew."""
    return file.replace(register, f"{register}.energy", file.standing(register), "b", "", months)


@pytest.fixture
def file(tmp_path: Path) -> IntervalFile:
    return IntervalFile(tmp_path / "intervals.db")


def test_what_was_put_is_found_by_month(file: IntervalFile) -> None:
    assert file.standing("M") == NOT_KEPT
    assert put(file, "M", MAY, JUNE, JULY)
    assert file.standing("M") == Standing("b", None, 0, 1)
    assert file.months("M", "2026-06", "2026-07") == [JUNE, JULY]
    assert file.outline("M") == [month._replace(content=b"") for month in (MAY, JUNE, JULY)]
    assert file.months("N", "2026-06", "2026-07") == []


def test_months_from_the_first_on_give_way(file: IntervalFile) -> None:
    put(file, "M", MAY, JUNE, JULY)
    other = JUNE._replace(content=b"other")
    assert file.replace("M", "p", file.standing("M"), "b", "2026-06", [other])
    assert file.months("M", "2026-01", "2026-12") == [MAY, other]


def test_news_make_stale_and_a_later_computation_clears_it(file: IntervalFile) -> None:
    for register in ("M", "N"):
        put(file, register)
    file.note(7, 500, {"N.energy": 300, "unknown": 1})
    file.note(8, None, {"M.energy": 900})
    assert file.followed() == 8
    assert file.standing("M") == Standing("b", 500, 2, 1)
    assert file.standing("N") == Standing("b", 300, 2, 1)
    seen = file.standing("N")
    assert file.replace("N", "N.energy", seen, "b", "", [])
    assert file.standing("N") == Standing("b", None, 2, 2)


def test_news_that_come_during_a_computation_stay(file: IntervalFile) -> None:
    put(file, "M")
    seen = file.standing("M")
    file.note(1, 100, {})
    assert file.replace("M", "p", seen, "b", "2026-05", [MAY])
    assert file.standing("M") == Standing("b", 100, 1, 2)


def test_news_that_come_during_the_first_computation_stay(file: IntervalFile) -> None:
    file.note(7, 0, {})
    seen = file.standing("M")
    assert seen == Standing("", None, 7, 0)
    file.note(8, None, {"M.energy": 100})
    assert file.replace("M", "M.energy", seen, "b", "", [MAY])
    assert file.standing("M").stale is not None


def test_who_computed_from_an_older_state_changes_nothing(file: IntervalFile, tmp_path: Path) -> None:
    other = IntervalFile(tmp_path / "intervals.db")
    put(file, "M", MAY)
    seen = other.standing("M")
    assert file.replace("M", "p", seen, "b", "2026-05", [MAY, JUNE])
    assert not other.replace("M", "p", seen, "b", "2026-05", [JULY])
    assert not other.replace("M", "p", NOT_KEPT, "b", "2026-05", [JULY])
    assert other.months("M", "2026-01", "2026-12") == [MAY, JUNE]
    other.close()


def test_a_file_of_another_version_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "intervals.db"
    first = IntervalFile(path)
    put(first, "M", MAY)
    first._connection.execute("PRAGMA user_version = 999")
    first.close()
    assert IntervalFile(path).standing("M") == NOT_KEPT


def test_a_file_that_is_none_is_named_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "intervals.db"
    path.write_bytes(b"no database at all" * 99)
    with pytest.raises(StoreError, match=r"intervals\.db: .*can be deleted"):
        IntervalFile(path)
    forget(tmp_path)
    IntervalFile(path).close()

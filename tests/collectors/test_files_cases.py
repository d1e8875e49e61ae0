"""Every folder of tests/cases/import: a file, how it is imported, and what becomes of each row."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from openpyxl import Workbook
from peers.small import small_site, water

from collectors.files import NotReadable, rows
from meterbook.domain.instant import parse
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Quality, Reading, Refusal
from meterbook.domain.text import Text

CASES = Path(__file__).parent.parent / "cases" / "import"
NOW = parse("2026-11-01T00:00:00Z")
SITE = small_site(
    [water("w1", "t")],
    Meter("W-MAIN", "water", Text.same("W-MAIN"), reads="w1.volume"),
    Meter("W-HAND", "water", Text.same("W-HAND"), reads="W-HAND", manual=True),
    Meter("W-REST", "water", Text.same("W-REST")),
    Meter("w1.volume_flow", "water", Text.same("a meter that is called as a point"), reads="w1.volume"),
)


def written(case: dict[str, Any], folder: Path) -> Path:
    """The file of a case; a workbook is written by openpyxl, a peer that is not ours."""
    if "csv" in case:
        path = folder / "readings.csv"
        path.write_bytes(case["csv"].encode(case.get("written_in", "utf-8")))
        return path
    path, book = folder / "readings.xlsx", Workbook()
    book.remove(book.active)
    for name, content in case["workbook"].items():
        sheet = book.create_sheet(name)
        for row in content:
            sheet.append(row)
    for name in case.get("hidden", []):
        book[name].sheet_state = "hidden"
    for cell, code in case.get("formats", {}).items():
        book.worksheets[0][cell].number_format = code
    for cells in case.get("merged", []):
        book.worksheets[0].merge_cells(cells)
    book.save(path)
    return path


def imported(case: dict[str, Any], folder: Path) -> tuple[list[Reading | Refusal], str | None]:
    options = dict(case.get("options", {}))
    zone, dates = options.pop("zone", None), options.pop("dates", None)
    found: list[Reading | Refusal] = []
    try:
        for row in rows(written(case, folder), SITE, ZoneInfo(zone) if zone else None, dates, NOW, **options):
            found.append(row)
    except NotReadable as error:
        return found, str(error)
    return found, None


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path) -> None:
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    expected = case["expected"]
    found, unreadable = imported(case, tmp_path)
    assert [row for row in found if isinstance(row, Reading)] == [
        Reading(point, parse(at), value, Quality[quality[0].upper() if quality else "GOOD"])
        for point, at, value, *quality in expected.get("readings", [])
    ]
    refused = [row for row in found if isinstance(row, Refusal)]
    assert [row.subject for row in refused] == [f"line {line}" for line, _ in expected.get("refused", [])]
    for row, (_, reason) in zip(refused, expected.get("refused", []), strict=True):
        assert reason in row.reason
    assert (unreadable is None) == ("unreadable" not in expected), unreadable
    assert expected.get("unreadable", "") in (unreadable or "")

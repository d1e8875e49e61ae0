"""The sheet of docs/hand-readings.md is imported as it stands, as CSV and as a workbook."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from house.sources import ROOT
from openpyxl import Workbook
from served.world import hospital

from collectors.files import rows
from meterbook.domain.instant import parse
from meterbook.domain.reading import Reading

PAGE = (ROOT / "docs/hand-readings.md").read_text(encoding="utf-8")
SHEET = re.findall(r"^```csv\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]


def as_csv(folder: Path) -> Path:
    path = folder / "抄表-10月.csv"
    path.write_text(SHEET, encoding="utf-8-sig")
    return path


def as_workbook(folder: Path) -> Path:
    path, book = folder / "抄表-10月.xlsx", Workbook()
    for meter, stamp, value in csv.reader(StringIO(SHEET)):
        book.active.append([meter, stamp, float(value) if value != "value" else value])
    book.save(path)
    return path


@pytest.mark.parametrize("written", [as_csv, as_workbook])
def test_every_row_of_the_sheet_is_a_reading(written: Callable[[Path], Path], tmp_path: Path) -> None:
    found = list(rows(written(tmp_path), hospital(), ZoneInfo("Asia/Shanghai"), None, parse("2026-11-01T00:00:00Z")))
    assert found == [
        Reading("E-KITCHEN", parse("2026-10-01T08:05:00+08:00"), 15230.4),
        Reading("E-KITCHEN", parse("2026-10-31T08:00:00+08:00"), 15981.9),
        Reading("b1-water.volume", parse("2026-10-31T08:20:00+08:00"), 1204.118),
    ]

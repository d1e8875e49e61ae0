"""The samples of docs/collectors/files.md are imported as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from house.sources import ROOT

from collectors.files import rows
from meterbook.domain.instant import parse
from meterbook.domain.reading import Reading
from meterbook.site.load import load

PAGE = (ROOT / "docs/collectors/files.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"^```csv\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_there_are_samples() -> None:
    assert len(SAMPLES) == 3


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_row_of_a_sample_is_a_reading(sample: str, tmp_path: Path) -> None:
    site = load(ROOT / "config/sites/demo").site
    assert site is not None
    path = tmp_path / "sample.csv"
    path.write_text(sample, encoding="utf-8")
    found = list(rows(path, site, ZoneInfo("Asia/Shanghai"), None, parse("2026-11-01T00:00:00Z")))
    assert len(found) >= 2
    assert [row for row in found if not isinstance(row, Reading)] == []

"""`--from`, `--to` and `--at`: what is an instant, and what only looks like one."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from meterbook.cli.options import boundary
from meterbook.cli.usage import Wrong
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import parse

SHANGHAI = Calendar(ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-01", "2026-10-01T00:00:00+08:00"),
        ("2026-10-01T08:15", "2026-10-01T08:15:00+08:00"),
        ("2026-10-01 08:15:30", "2026-10-01T08:15:30+08:00"),
        ("2026-10-01T08:15Z", "2026-10-01T16:15:00+08:00"),
        ("2026-10-31T24:00", "2026-11-01T00:00:00+08:00"),
    ],
)
def test_days_and_instants(text: str, instant: str) -> None:
    assert boundary(text, "--from", SHANGHAI) == parse(instant)


@pytest.mark.parametrize("text", ["2026-10-01+08:00", "2026-10-01x08:00", "2026-W40T08:00", "2026-10-01T24:15", "now"])
def test_what_only_looks_like_an_instant(text: str) -> None:
    with pytest.raises(Wrong, match="is no day or instant"):
        boundary(text, "--from", SHANGHAI)

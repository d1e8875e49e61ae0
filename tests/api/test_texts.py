"""What pages say to whom, where figures alone would mislead."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from served.world import NOW, World, app_of

from meterbook.domain.incident import Evidence
from meterbook.domain.instant import HOUR, MINUTE
from meterbook.domain.text import Text


def text_of(world: World, who: str, path: str, language: str = "en") -> str:
    """The words of a page, without its marks."""
    client = TestClient(app_of(world.rooms), cookies={"meterbook_language": language})
    answer = client.get(path, headers=world.bearer(who))
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


@pytest.fixture
def silent(world: World) -> World:
    """A water meter that has said nothing for a quarter of an hour; it was raised after three minutes."""
    world.raise_incident(
        "b2-water",
        rule="silent",
        name=Text("水表失联", "Water meter silent"),
        device="b2-water",
        since=NOW - 15 * MINUTE,
        raised=NOW - 12 * MINUTE,
        evidence=Evidence(None, 180.0, 180.0, "s"),
    )
    return world


@pytest.mark.parametrize(
    ("language", "silence", "span", "later"),
    [
        ("en", "silent since 18 Nov 2026, 10:05, limit 3 min", "15 min", "1 h 15 min"),
        ("zh", "自 2026年11月18日 10:05 起无数据，限值 3 分钟", "15 分钟", "1 小时 15 分"),
    ],
)
@pytest.mark.parametrize("path", ["/incidents", "/", "/live/incidents", "/incidents/4"])
def test_silence_goes_on_while_one_looks(
    silent: World, path: str, language: str, silence: str, span: str, later: str
) -> None:
    for shown in (span, later):
        page = text_of(silent, "eng", path, language)
        assert silence in page
        assert shown in page
        silent.clock.now += HOUR
    assert not re.search(r"\b3 (min|分钟) (/|limit|限值)", page), "the duration at which it was raised is no news"


@pytest.mark.parametrize(("language", "figures"), [("en", "12.6 °C limit 12.0 °C"), ("zh", "12.6 °C 限值 12.0 °C")])
@pytest.mark.parametrize("path", ["/incidents", "/incidents/1"])
def test_a_limit_is_called_one(shared: World, path: str, language: str, figures: str) -> None:
    assert figures in text_of(shared, "eng", path, language)


def test_departments_are_not_told_of_files(shared: World) -> None:
    empty = "/departments/radiology?month=2026-08"
    assert "allocations.yaml" in text_of(shared, "eng", empty)
    told = text_of(shared, "ray", empty)
    assert "Nothing is charged to this department in this month." in told
    assert ".yaml" not in told

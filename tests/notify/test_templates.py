"""The words of a message."""

from __future__ import annotations

from dataclasses import replace

import pytest
from notify.faults import HOT
from pipeline.plant import plant

from meterbook.domain.incident import Evidence, State
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from meterbook.domain.rule import OWNER, Severity
from meterbook.domain.text import Language, Text
from meterbook.notify.templates import HEADLINE, headline, text

SITE = plant()


def test_a_fault_in_english() -> None:
    assert text(SITE, HOT, "en", "https://m.example/incidents/7").splitlines() == [
        "[HIGH] Chiller supply t… · Energy centre",
        "Fault: Chiller supply too warm",
        "Where: Campus › Energy centre",
        "Asset: A-2020-0007",
        "Device: Chiller-1 (chiller-1)",
        "Since: 2026-10-20 08:00:00 +0800 (10 min)",
        "Value: 12.75 °C (limit 12 °C)",
        "Likely cause: Too little cooling water",
        "First action: Look at the cooling tower",
        "Owner: Electricians",
        "Details: https://m.example/incidents/7",
    ]


def test_a_fault_in_chinese() -> None:
    assert text(SITE, HOT, "zh", None).splitlines() == [
        "【重要】冷机出水温度过高 · 动力中心",
        "事件：冷机出水温度过高",
        "位置：院区 › 动力中心",
        "资产：A-2020-0007",
        "设备：chiller-1 号 (chiller-1)",
        "开始：2026-10-20 08:00:00 +0800 (10 分钟)",
        "数值：12.75 °C（限值 12 °C）",
        "可能原因：冷却水不足",
        "先做：查看冷却塔",
        "负责：电工班",
    ]


def test_a_recovery_says_so_first_and_how_long_it_took() -> None:
    cleared = replace(HOT, state=State.CLEARED, cleared=HOT.since + HOUR + 5 * MINUTE)
    lines = text(SITE, cleared, "en", None).splitlines()
    assert lines[0] == "[OK] Chiller supply too… · Energy centre"
    assert "Since: 2026-10-20 08:00:00 +0800 (1 h 5 min)" in lines


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("length", [1, 10, 20, 30, 60])
def test_the_headline_always_fits_and_says_all_three(language: Language, severity: Severity, length: int) -> None:
    incident = replace(HOT, name=Text.same("W" * length), severity=severity)
    line = headline(SITE, incident, language)
    assert len(line) <= HEADLINE
    assert severity in line.lower() or language == "zh"
    assert "W" * min(length, 12) in line
    assert ("Energy ce" if language == "en" else "动力中心") in line


def test_unknown_is_left_out() -> None:
    bare = replace(HOT, space=None, device=None, cause=None, action=None, evidence=Evidence(None, None, None, "none"))
    lines = text(SITE, bare, "en", None).splitlines()
    assert lines[0].endswith(" · chiller-1.su…")
    assert [line.partition(":")[0] for line in lines[1:]] == ["Fault", "Since", "Owner"]


def test_a_value_without_limit_or_unit() -> None:
    count = replace(HOT, evidence=Evidence("p", 3.0, None, "1"))
    assert "Value: 3" in text(SITE, count, "en", None).splitlines()


def test_the_owner_of_the_department_stands_for_the_team_owner() -> None:
    owned = replace(HOT, team=OWNER)
    assert "Owner: Director Zhao" in text(SITE, owned, "en", None)
    assert "Owner: owner" in text(SITE, replace(owned, department=None), "en", None)


def test_what_the_site_no_longer_knows_is_named_by_its_id() -> None:
    gone = replace(HOT, space="old-wing", device="old-chiller", meter="E-OLD", team="old-team")
    told = text(SITE, gone, "en", None)
    assert told.splitlines()[0].endswith(" · old-wing")
    assert "Where: old-wing" in told
    assert "Device: old-chiller" in told
    assert "Meter: E-OLD" in told
    assert "Owner: old-team" in told


@pytest.mark.parametrize(
    ("lasted", "said"),
    [
        (0, ""),
        (SECOND // 2, ""),
        (45 * SECOND, " (45 s)"),
        (HOUR, " (1 h)"),
        (DAY + 5 * SECOND, " (1 d)"),
        (2 * DAY + 3 * HOUR + 59 * MINUTE, " (2 d 3 h)"),
    ],
)
def test_durations_in_their_two_largest_units(lasted: Instant, said: str) -> None:
    told = text(SITE, replace(HOT, raised=HOT.since + lasted), "en", None)
    assert f"Since: 2026-10-20 08:00:00 +0800{said}\n" in told

"""Figures and instants as people read them."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, parse
from meterbook.i18n import translator
from meterbook.i18n.formats import Formats

ZH = Formats("zh", ZoneInfo("Asia/Shanghai"), "CNY")
EN = Formats("en", ZoneInfo("Asia/Shanghai"), "CNY")
AT = parse("2026-11-17T16:05:09Z")


def test_unknown_is_a_dash_and_never_zero() -> None:
    assert {EN.number(None), EN.exact(None), EN.money(None), EN.percent(None), EN.moment(None)} == {"—"}
    assert EN.number(Decimal(0)) == "0"


@pytest.mark.parametrize(
    ("value", "text"), [("12345.6", "12,346"), ("123.45", "123.4"), ("1.005", "1.00"), ("-2500", "-2,500")]
)
def test_figures_show_what_matters(value: str, text: str) -> None:
    assert EN.number(Decimal(value)) == text


def test_exact_figures_keep_every_decimal() -> None:
    assert EN.exact(Decimal("9987.320")) == "9,987.320"
    assert EN.exact(Decimal(200)) == "200"


def test_money_and_shares() -> None:
    assert ZH.money(Decimal("27111.15")) == "¥27,111.15"
    assert EN.money(Decimal("27111.15")) == "CN¥27,111.15"
    assert EN.percent(Decimal("0.004")) == "0.4%"
    assert EN.percent(Decimal("0.25"), sign=True) == "+25%"
    assert EN.percent(Decimal("-0.25"), sign=True) == "-25%"


def test_instants_are_told_in_the_zone_of_the_site() -> None:
    assert EN.moment(AT) == "18 Nov 2026, 00:05"
    assert ZH.moment(AT) == "2026年11月18日 00:05"
    assert EN.time(AT) == "00:05:09"
    assert ZH.month("2026-11") == "2026年11月"
    assert EN.month("2026-11") == "November 2026"


@pytest.mark.parametrize(
    ("length", "zh", "en"),
    [
        (12 * SECOND, "12 秒", "12 s"),
        (25 * MINUTE, "25 分钟", "25 min"),
        (3 * HOUR + 5 * MINUTE, "3 小时 5 分", "3 h 5 min"),
        (2 * DAY + 7 * HOUR, "2 天 7 小时", "2 d 7 h"),
        (-SECOND, "0 秒", "0 s"),
    ],
)
def test_durations(length: int, zh: str, en: str) -> None:
    assert (ZH.span(length), EN.span(length)) == (zh, en)


def test_a_message_without_chinese_stays_english() -> None:
    assert translator("zh").gettext("never said") == "never said"
    assert translator("en").ngettext("one", "many", 2) == "many"
    assert translator("zh").ngettext("one", "many", 2) == "many"

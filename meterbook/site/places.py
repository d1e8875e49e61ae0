"""Time zones, currencies and countries: which there are, and which one is meant by a name that is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.numbers import get_territory_currencies, list_currencies
from holidays import list_supported_countries

from meterbook.site.problem import nearest

_ZONES = {
    **dict.fromkeys(
        ("Asia/Beijing", "Asia/Peking", "Asia/Guangzhou", "Asia/Shenzhen", "Asia/Chengdu", "Asia/Nanjing",
         "Beijing", "China Standard Time", "China", "UTC+8", "UTC+08:00", "GMT+8", "GMT+08:00"),
        "Asia/Shanghai",
    ),
    **dict.fromkeys(("Asia/Delhi", "Asia/Mumbai", "Asia/Bangalore"), "Asia/Kolkata"),
    **dict.fromkeys(("Europe/Munich", "Europe/Frankfurt", "Europe/Hamburg"), "Europe/Berlin"),
    **dict.fromkeys(("America/Boston", "America/Washington"), "America/New_York"),
    **dict.fromkeys(("America/San_Francisco", "America/Seattle"), "America/Los_Angeles"),
}  # fmt: skip
"""Names people write for zones that have another."""

_CURRENCIES = {"RMB": "CNY", "Yuan": "CNY", "CHY": "CNY", "Euro": "EUR", "Dollar": "USD", "Pound": "GBP", "STG": "GBP"}


@cache
def zones() -> frozenset[str]:
    """Every IANA time zone this machine knows."""
    return frozenset(available_timezones())


@cache
def currencies() -> frozenset[str]:
    """Every ISO 4217 currency, those that are no longer in use too."""
    return frozenset(list_currencies())


@cache
def countries() -> frozenset[str]:
    """Codes of the countries whose holidays are known."""
    return frozenset(list_supported_countries())


def nearest_zone(name: str) -> str | None:
    """The zone that is meant by a name, such as Asia/Shanghai by Asia/Beijing; zones named for offsets never are."""
    cities = (zone for zone in zones() if zone == "UTC" or ("/" in zone and not zone.startswith("Etc/")))
    return _meant(name, cities, _ZONES)


def nearest_currency(name: str) -> str | None:
    """The currency that is meant by a name, such as CNY by RMB; only those in use are."""
    in_use = {code for territory in Locale("en").territories for code in get_territory_currencies(str(territory))}
    return _meant(name, in_use, _CURRENCIES)


def nearest_country(name: str) -> str | None:
    """The code of the country that is meant by a name in English or Chinese, such as CN by China."""
    names = {word: code for language in ("en", "zh") for code, word in Locale(language).territories.items()}
    return _meant(name, countries(), {word: code for word, code in names.items() if code in countries()})


def _meant(name: str, known: Iterable[str], others: Mapping[str, str]) -> str | None:
    found = nearest(name, [*known, *others])
    return None if found is None else others.get(found, found)

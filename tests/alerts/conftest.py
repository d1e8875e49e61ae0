"""Small sites, written as plain mappings, and series in a short notation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterbook.domain.allocation import Allocation
from meterbook.domain.calendar import Calendar
from meterbook.domain.device import Device, MqttConnection, MqttPoint, MqttTopic, Point, PointSpec
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.organisation import Department, Person, Space, Team
from meterbook.domain.quantity import UNITS
from meterbook.domain.reading import Quality, Series
from meterbook.domain.rule import Condition, FaultState, Limit, NightFlow, NoData, Rule, Severity, Stuck
from meterbook.domain.site import Site
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

LENGTHS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def span(text: str) -> Instant:
    """Microseconds of `90s`, `1d2h` or `-30s`."""
    sign = -1 if text.startswith("-") else 1
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    assert parts, f"{text!r} is no span"
    return sign * sum(int(Decimal(number) * LENGTHS[unit]) for number, unit in parts)


def values(text: str) -> list[tuple[float, int] | None]:
    """Values of `1 2!x3 5+0.5x4 (1 2)x3 _x2`: repeated, rising from 5, missing; `!` is bad, `~` estimated."""
    text = re.sub(r"\(([^)]*)\)x(\d+)", lambda group: " ".join([group[1]] * int(group[2])), text)
    return [value for word in text.split() for value in _repeated(word)]


def _repeated(word: str) -> list[tuple[float, int] | None]:
    body, _, count = word.partition("x")
    if body == "_":
        return [None] * int(count or 1)
    quality = Quality.BAD if body.endswith("!") else Quality.ESTIMATED if body.endswith("~") else Quality.GOOD
    parts = re.fullmatch(r"(-?[\d.]+)(?:([+-][\d.]+))?", body.rstrip("!~"))
    assert parts, f"{word!r} is no value"
    first, rise = Decimal(parts[1]), Decimal(parts[2] or 0)
    return [(float(first + rise * step), quality) for step in range(int(count or 1))]


def series(text: str, every: Instant, begin: Instant) -> Series:
    """Readings every so often from `begin` on."""
    rows = [(begin + step * every, *value) for step, value in enumerate(values(text)) if value is not None]
    return Series.of(rows)


def _device(name: str, given: Mapping[str, Any]) -> Device:
    points = tuple(
        MqttPoint(
            PointSpec(point, quantity, "counter" if quantity == "volume" else "gauge", UNITS[quantity]), "$.v", None
        )
        for point, quantity in given["points"].items()
    )
    return Device(
        name,
        given.get("connection", "broker"),
        span(given.get("every", "1m")),
        mqtt=MqttTopic(name, points),
        space=given.get("space"),
    )


def _meter(name: str, given: Mapping[str, Any], begin: Instant) -> Meter:
    exchanges = tuple(
        Installation(begin + span(entry["at"]), Decimal(entry["old"]), Decimal(entry["new"]), Register())
        for entry in given.get("installations", ())
    )
    multipliers = given.get("multiplier", {})
    dated = [(begin + span(at), Decimal(value)) for at, value in multipliers.items()]
    return Meter(
        name,
        given.get("utility", "water"),
        Text.same(name),
        reads=given["reads"],
        space=given.get("space"),
        multiplier=Timeline.of(dated) if dated else Timeline.always(Decimal(1)),
        installations=exchanges,
        pulse=Decimal(given["pulse"]) if "pulse" in given else None,
        manual=given.get("manual", False),
    )


def _threshold(given: Mapping[str, Any], key: str) -> Decimal | None:
    return Decimal(str(given[key])) if key in given else None


def _condition(given: Mapping[str, Any], site: Mapping[str, Any]) -> Condition:
    if given["kind"] == "limit":
        return Limit(
            points=tuple((point, given.get("meter")) for point in given["points"]),
            above=_threshold(given, "above"),
            below=_threshold(given, "below"),
            clear_below=_threshold(given, "clear_below"),
            clear_above=_threshold(given, "clear_above"),
            hold=span(given.get("for", "0s")),
            keep_firing=span(given.get("keep_firing_for", "0s")),
        )
    if given["kind"] == "no_data":
        return NoData(tuple(given.get("devices", site["devices"])), Decimal(given.get("after", 3)))
    if given["kind"] == "state":
        bits = sum(1 << bit for bit in given.get("bits", []))
        times = (span(given.get(key, "0s")) for key in ("for", "keep_firing_for"))
        return FaultState(tuple(given["points"]), frozenset(given.get("values", [])), bits, *times)
    if given["kind"] == "stuck":
        return Stuck(tuple(given["points"]), Decimal(str(given.get("within", 0))), span(given["for"]))
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in given.get("window", "02:00-04:00").split("-"))
    return NightFlow(tuple(given.get("meters", site["meters"])), (start, end), given.get("nights", 2))


def _rule(given: Mapping[str, Any], site: Mapping[str, Any]) -> Rule:
    name = given.get("id", "rule")
    return Rule(
        name,
        given["kind"],
        Text("规则", "Rule"),
        _condition(given, site),
        Severity.HIGH,
        given.get("team", "plumbers"),
        cause=Text("原因", "Cause"),
        action=Text("措施", "Action"),
        enabled=given.get("enabled", True),
    )


def build(given: Mapping[str, Any], begin: Instant = 0) -> Site:
    """A site from a mapping with `devices`, `meters`, `rules`, `allocations` and `zone`."""
    devices = {name: _device(name, each) for name, each in given.get("devices", {}).items()}
    points = {
        f"{device.id}.{name}": Point(f"{device.id}.{name}", device.id, spec, device.space)
        for device in devices.values()
        for name, spec in device.specs.items()
    }
    meters = {name: _meter(name, each, begin) for name, each in given.get("meters", {}).items()}
    by_hand = PointSpec("volume", "volume", "counter", "m3")
    points |= {meter.id: Point(meter.id, None, by_hand, meter.space) for meter in meters.values() if meter.manual}
    rules = [_rule(each, {"devices": devices, "meters": meters}) for each in given.get("rules", ())]
    connections = {device.connection for device in devices.values()}
    return Site(
        id="site",
        name=Text.same("Site"),
        calendar=Calendar(ZoneInfo(given.get("zone", "Asia/Shanghai"))),
        currency="CNY",
        language="en",
        spaces={name: Space(name, Text.same(name)) for name in ("plant", "b1")},
        departments={
            "hospital": Department("hospital", Text.same("hospital"), owner="wang"),
            "surgery": Department("surgery", Text.same("surgery"), parent="hospital", owner="li"),
            "ward": Department("ward", Text.same("ward"), parent="surgery"),
        },
        people={
            "wang": Person("wang", Text.same("Wang"), ("log:wang",)),
            "li": Person("li", Text.same("Li"), ("log:li", "mail:li@example.org")),
        },
        teams={"plumbers": Team("plumbers", Text.same("Plumbers"), ("log:", "log:", "wecom:plumbers"))},
        connections={name: MqttConnection(name, "127.0.0.1", 1883) for name in connections},
        devices=devices,
        points=points,
        meters=meters,
        allocations=tuple(
            Allocation(
                each["meter"], begin + span(each.get("from", "0s")), each.get("to"), None, each.get("losses", False)
            )
            for each in given.get("allocations", ())
        ),
        rules={rule.id: rule for rule in rules},
    )


@pytest.fixture(scope="session")
def site_of() -> Callable[..., Site]:
    """`site_of(mapping, begin)`: a small site."""
    return build


@pytest.fixture(scope="session")
def series_of() -> Callable[[str, Instant, Instant], Series]:
    """`series_of("20x3 25", every, begin)`: readings in the short notation."""
    return series


@pytest.fixture(scope="session")
def span_of() -> Callable[[str], Instant]:
    """`span_of("1d2h")` in microseconds."""
    return span

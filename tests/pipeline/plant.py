"""A plant with one chiller that may run hot, and one water meter that may fall silent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterbook.domain.calendar import Calendar
from meterbook.domain.device import Device, MqttConnection, MqttPoint, MqttTopic, Point, PointSpec
from meterbook.domain.instant import MINUTE, SECOND, Instant, parse
from meterbook.domain.organisation import Department, Person, Space, Team
from meterbook.domain.reading import Reading, Sample
from meterbook.domain.rule import Limit, NoData, Rule, Severity
from meterbook.domain.site import Site
from meterbook.domain.text import Text

NOW: Instant = parse("2026-10-20T08:00:00+08:00")
HOT = "chiller-1.supply_temperature"
VOLUME = "plant-water.volume"

_RULES = (
    Rule(
        "chiller-hot",
        "limit",
        Text("冷机出水温度过高", "Chiller supply too warm"),
        Limit(((HOT, None),), Decimal(12), None, Decimal(10), None, hold=2 * MINUTE),
        Severity.HIGH,
        "electricians",
        Text("冷却水不足", "Too little cooling water"),
        Text("查看冷却塔", "Look at the cooling tower"),
    ),
    Rule(
        "meters-silent",
        "no_data",
        Text("设备无数据", "Device is silent"),
        NoData(("plant-water",), Decimal(3)),
        Severity.MEDIUM,
        "electricians",
    ),
)


def _device(name: str, point: PointSpec, asset: str | None = None) -> Device:
    topic = MqttTopic(name, (MqttPoint(point, "$.v", "$.t"),))
    return Device(name, "broker", MINUTE, mqtt=topic, space="plant", asset=asset, name=Text(f"{name} 号", name.title()))


def plant(notify: tuple[str, ...] = ("log:",)) -> Site:
    """The plant; its electricians are told at `notify`."""
    devices = [
        _device("chiller-1", PointSpec("supply_temperature", "temperature", "gauge", "degC"), "A-2020-0007"),
        _device("plant-water", PointSpec("volume", "volume", "counter", "L", Decimal("0.001"))),
    ]
    points = [
        Point(f"{device.id}.{name}", device.id, spec, "plant")
        for device in devices
        for name, spec in device.specs.items()
    ]
    return Site(
        "plant",
        Text("工厂", "Plant"),
        Calendar(ZoneInfo("Asia/Shanghai")),
        "CNY",
        "zh",
        {
            "campus": Space("campus", Text("院区", "Campus")),
            "plant": Space("plant", Text("动力中心", "Energy centre"), "campus"),
        },
        {"logistics": Department("logistics", Text("后勤", "Logistics"), owner="zhao")},
        {"zhao": Person("zhao", Text("赵主任", "Director Zhao"))},
        {"electricians": Team("electricians", Text("电工班", "Electricians"), notify)},
        {"broker": MqttConnection("broker", "127.0.0.1", 1883)},
        {device.id: device for device in devices},
        {point.id: point for point in points},
        {},
        rules={rule.id: rule for rule in _RULES},
    )


def without_rules(site: Site) -> Site:
    return replace(site, rules={})


def temperature(minutes: float, value: float) -> Reading:
    return Reading(HOT, NOW + int(minutes * MINUTE), value)


def litres(seconds: float, value: float | int | str) -> Sample:
    return Sample("plant-water", "volume", value, NOW + int(seconds * SECOND), NOW)

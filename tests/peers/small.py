"""A small site with devices of every kind that collectors speak to."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from meterbook.domain.calendar import Calendar
from meterbook.domain.device import (
    Connection,
    Device,
    ModbusConnection,
    MqttConnection,
    MqttPoint,
    MqttTopic,
    Point,
    PointSpec,
)
from meterbook.domain.meter import Meter
from meterbook.domain.profile import Profile, Register
from meterbook.domain.site import Site
from meterbook.domain.text import Text

SECOND = 1_000_000


def water(device: str, topic: str, at: str | None = "$.ts") -> Device:
    points = (
        MqttPoint(PointSpec("volume", "volume", "counter", "m3"), "$.volume_m3", at),
        MqttPoint(PointSpec("volume_flow", "volume_flow", "gauge", "L/h", Decimal("0.001")), "$.flow", at),
    )
    return Device(device, "broker", 60 * SECOND, mqtt=MqttTopic(topic, points))


def register(name: str, address: int, type_: str = "float32", **more: object) -> Register:
    spec = PointSpec(name, "active_power", "gauge", "kW")
    return Register(spec, more.pop("table", "input"), address, type_, **more)  # type: ignore[arg-type]


def profile(*registers: Register, **more: object) -> Profile:
    return Profile("small", Text.same("small"), registers, (), **more)  # type: ignore[arg-type]


def slave(device: str, unit: int, of: Profile, every: int = SECOND) -> Device:
    return Device(device, "bus", every, unit=unit, profile=of)


def small_site(devices: list[Device], *meters: Meter, connections: list[Connection] | None = None) -> Site:
    points = [
        Point(f"{device.id}.{name}", device.id, spec, None) for device in devices for name, spec in device.specs.items()
    ]
    by_hand = [
        Point(meter.id, None, PointSpec(meter.id, "volume", "counter", "m3"), None) for meter in meters if meter.manual
    ]
    joined = connections or [MqttConnection("broker", "127.0.0.1", 1883), ModbusConnection("bus", "tcp", "::1", 1)]
    return Site(
        "small",
        Text.same("small"),
        Calendar(ZoneInfo("Europe/Berlin")),
        "EUR",
        "en",
        {},
        {},
        {},
        {},
        {connection.id: connection for connection in joined},
        {device.id: device for device in devices},
        {point.id: point for point in (*points, *by_hand)},
        {meter.id: meter for meter in meters},
    )

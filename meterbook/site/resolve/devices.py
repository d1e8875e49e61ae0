"""What is wired up, and the points it offers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from meterbook.domain.device import (
    Connection,
    Device,
    ModbusConnection,
    MqttConnection,
    MqttTopic,
    Point,
    PointSpec,
    Tls,
)
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.site import models, mqtt
from meterbook.site.draft import Draft


def connections(draft: Draft) -> dict[str, Connection]:
    """Brokers and buses by id."""
    return {one.id: _connection(one, draft.directory) for one in draft.devices.connections}


def _connection(one: models.devices.Connection, directory: Path) -> Connection:
    if one.mqtt is not None:
        broker = one.mqtt
        password = secret_place(broker.password, directory)
        tls = _tls(broker.tls, directory) if broker.tls else None
        return MqttConnection(
            one.id,
            broker.host,
            broker.port,
            broker.username,
            password,
            broker.client_id,
            broker.version,
            tls,
            broker.share,
        )
    if one.modbus is None:
        raise ValueError(f"connection {one.id} is of no kind")
    return _bus(one.id, one.modbus)


def _bus(id_: str, bus: models.devices.Modbus) -> ModbusConnection:
    serial = bus.transport == "rtu"
    return ModbusConnection(
        id=id_,
        transport=bus.transport,
        host=(bus.serial_port if serial else bus.host) or "",
        port=0 if serial else bus.port,
        turnaround=bus.turnaround,
        timeout=bus.timeout,
        baud=bus.baud,
        parity=bus.parity,
        stop_bits=bus.stop_bits,
    )


def _tls(tls: models.devices.Tls, directory: Path) -> Tls:
    ca, certificate, key = (
        None if name is None else str(directory / name) for name in (tls.ca, tls.certificate, tls.key)
    )
    return Tls(ca, certificate, key)


def secret_place(reference: str | None, directory: Path) -> str | None:
    """A reference to a secret; a relative `file:` is looked for in the site directory."""
    if reference is None or not reference.startswith("file:"):
        return reference
    return f"file:{directory / reference.removeprefix('file:')}"


def devices(draft: Draft) -> dict[str, Device]:
    """The devices by id."""
    return {one.id: _device(one, draft) for one in draft.devices.devices}


def _device(one: models.devices.Device, draft: Draft) -> Device:
    return Device(
        id=one.id,
        connection=one.connection,
        every=one.every,
        unit=one.unit,
        profile=draft.profiles.get(one.profile) if one.profile else None,
        mqtt=_topic(one, draft),
        space=one.space,
        asset=one.asset,
        responsible=one.responsible,
        name=one.name,
        pause=one.pause,
    )


def _topic(one: models.devices.Device, draft: Draft) -> MqttTopic | None:
    if one.mqtt is None:
        return None
    named = {"{device}": one.id, "{space}": one.space or ""}
    topic = one.mqtt.topic
    for part, name in named.items():
        topic = topic.replace(part, name)
    zone = ZoneInfo(one.mqtt.zone) if one.mqtt.zone else None
    found = mqtt.points(one.mqtt, draft.problems) or ()
    return MqttTopic(topic, found, one.mqtt.decoder, one.mqtt.codec, zone)


def points(draft: Draft, wired: Mapping[str, Device]) -> dict[str, Point]:
    """Every point of every device, and one for each meter that is read by hand, under the meter's id."""
    found = {
        f"{device.id}.{name}": Point(f"{device.id}.{name}", device.id, spec, device.space)
        for device in wired.values()
        for name, spec in device.specs.items()
    }
    for meter in draft.meters.meters:
        if meter.entry == "manual":
            quantity = UTILITIES[meter.utility][0]
            found[meter.id] = Point(
                meter.id, None, PointSpec(meter.id, quantity, "counter", UNITS[quantity]), meter.space
            )
    return found

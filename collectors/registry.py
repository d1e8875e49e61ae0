"""Which collector speaks to which kind of connection."""

from __future__ import annotations

from collections.abc import Callable

from collectors.modbus.bus import ModbusCollector
from collectors.mqtt.source import MqttCollector
from collectors.port import Collector, Intake
from meterbook.domain.device import Connection, MqttConnection
from meterbook.domain.instant import Clock
from meterbook.domain.site import Site

Secret = Callable[[str], str]
"""Finds the secret behind `env:NAME` or `file:PATH`; raises ValueError where there is none."""


def build(site: Site, intake: Intake, clock: Clock, secret: Secret) -> list[Collector]:
    """A collector, not yet started, for every connection that has devices; ValueError names a bad topic or path."""
    in_use = {device.connection for device in site.devices.values()}
    return [
        _collector(connection, site, intake, clock, secret)
        for connection in site.connections.values()
        if connection.id in in_use
    ]


def client_id(site: Site, connection: Connection) -> str:
    """Names the session at the broker of a connection that gives no id of its own."""
    return f"meterbook-{site.id}-{connection.id}"


def _collector(connection: Connection, site: Site, intake: Intake, clock: Clock, secret: Secret) -> Collector:
    devices = [device for device in site.devices.values() if device.connection == connection.id]
    if isinstance(connection, MqttConnection):
        return MqttCollector(connection, devices, intake, clock, secret, client_id(site, connection))
    return ModbusCollector(connection, devices, intake, clock)

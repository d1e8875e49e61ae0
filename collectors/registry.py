"""Which collector speaks to which kind of connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collectors.modbus.bus import ModbusCollector
from collectors.mqtt.source import MqttCollector
from collectors.port import Collector, Intake
from meterbook.domain.device import Connection, MqttConnection
from meterbook.domain.instant import Clock
from meterbook.domain.site import Site

Secret = Callable[[str], str]
"""Finds the secret behind `env:NAME` or `file:PATH`; raises ValueError where there is none."""


def build(site: Site, intake: Intake, clock: Clock, secret: Secret, memory: Path | None = None) -> list[Collector]:
    """A collector, not yet started, for every connection that has devices; ValueError names a bad topic or path.

    `memory` is a directory, made when it is needed, for what collectors have to know after the process has ended.
    """
    in_use = {device.connection for device in site.devices.values()}
    return [
        _collector(connection, site, intake, clock, secret, memory)
        for connection in site.connections.values()
        if connection.id in in_use
    ]


def client_id(site: Site, connection: Connection) -> str:
    """Names the session at the broker of a connection that gives no id of its own."""
    return f"meterbook-{site.id}-{connection.id}"


def _collector(
    connection: Connection, site: Site, intake: Intake, clock: Clock, secret: Secret, memory: Path | None
) -> Collector:
    devices = [device for device in site.devices.values() if device.connection == connection.id]
    if isinstance(connection, MqttConnection):
        return MqttCollector(connection, devices, intake, clock, secret, client_id(site, connection), memory)
    return ModbusCollector(connection, devices, intake, clock)

"""What the simulated hospital needs around it: a broker, gateways and the radio of its water meters."""

from __future__ import annotations

import secrets
from pathlib import Path

from meterbook.demo.broker import DemoBroker, write_passwords
from meterbook.demo.field import Gateway, Publisher, Slave
from meterbook.demo.hospital import Hospital
from meterbook.demo.logins import private
from meterbook.demo.loop import LoopThread
from meterbook.demo.ports import HOST, free_port
from meterbook.domain.device import ModbusConnection, MqttConnection
from meterbook.domain.instant import Clock
from meterbook.domain.site import Site

_METERS = "water-meters"


class Stage:
    """The field of a demo on this machine, on the ports of the site where they are free. A context manager.

    `overrides` says, by connection id, what differs from the site's files.
    """

    def __init__(self, site: Site, directory: Path) -> None:
        self._site = site
        self._ports = {connection.id: free_port(connection.port) for connection in site.connections.values()}
        self._password = secrets.token_urlsafe(32)
        self._users, self._secret = directory / "broker-users", directory / "broker-password"
        self._loop = LoopThread()
        self._broker = DemoBroker(self._users)
        self._gateways: list[Gateway] = []
        self._publisher: Publisher | None = None

    @property
    def overrides(self) -> dict[str, dict[str, str | int]]:
        """Host and port of every connection, and where the service finds the broker's password."""
        found: dict[str, dict[str, str | int]] = {}
        for connection in self._site.connections.values():
            found[connection.id] = {"host": HOST, "port": self._ports[connection.id]}
            if isinstance(connection, MqttConnection):
                found[connection.id]["password"] = f"file:{self._secret.resolve()}"
        return found

    def __enter__(self) -> Stage:
        self._loop.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._publisher is not None:
            self._publisher.stop()
        for gateway in self._gateways:
            self._loop.call(gateway.stop())
        self._loop.call(self._broker.stop())
        self._loop.__exit__()

    def open(self, hospital: Hospital, clock: Clock) -> None:
        """Start the broker and the gateways, and with them everything that answers when asked."""
        for connection in self._site.connections.values():
            if isinstance(connection, ModbusConnection):
                self._open_gateway(connection, hospital, clock)
            else:
                self._open_broker(connection)

    def speak(self, hospital: Hospital, clock: Clock) -> None:
        """Start everything that speaks unasked."""
        for connection in self._site.connections.values():
            if isinstance(connection, MqttConnection):
                devices = [device for device in self._site.devices.values() if device.connection == connection.id]
                self._publisher = Publisher(devices, hospital, self._site.calendar, clock)
                self._publisher.start(self._ports[connection.id], _METERS, self._password)

    def _open_broker(self, connection: MqttConnection) -> None:
        service_password = secrets.token_urlsafe(32)
        private(self._secret, service_password.encode())
        write_passwords(self._users, {connection.username or "meterbook": service_password, _METERS: self._password})
        self._loop.call(self._broker.start(self._ports[connection.id]))

    def _open_gateway(self, connection: ModbusConnection, hospital: Hospital, clock: Clock) -> None:
        slaves = {
            device.unit: Slave(device, hospital, clock)
            for device in self._site.devices.values()
            if device.connection == connection.id and device.unit is not None
        }
        gateway = Gateway(slaves, rtu=connection.transport == "rtu-over-tcp")
        self._loop.call(gateway.start(self._ports[connection.id]))
        self._gateways.append(gateway)

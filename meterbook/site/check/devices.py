"""devices.yaml: connections and what answers on them."""

from __future__ import annotations

from meterbook.site.check import amounts, publishing
from meterbook.site.check.graph import by_id, once
from meterbook.site.draft import Draft
from meterbook.site.models.devices import Connection, Device
from meterbook.site.problem import nearest


def check(draft: Draft) -> None:
    """Check devices.yaml."""
    once(draft, draft.devices.connections)
    once(draft, draft.devices.devices)
    connections = by_id(draft.devices.connections)
    for connection in draft.devices.connections:
        if connection.mqtt is not None:
            publishing.broker(draft, connection.mqtt)
    _apart(draft)
    for device in draft.devices.devices:
        draft.refer(device.where("connection"), "connection", device.connection)
        draft.refer(device.where("space"), "space", device.space)
        draft.refer(device.where("profile"), "profile", device.profile)
        _responsible(draft, device)
        if device.connection in connections:
            _fits(draft, device, connections[device.connection])
            publishing.device(draft, device, connections[device.connection])
    amounts.check(draft, connections)


def _apart(draft: Draft) -> None:
    """Check that each bus has one connection: on one line, questions of two would hear each other's answers."""
    first: dict[str, str] = {}
    for connection in draft.devices.connections:
        if (bus := connection.modbus) is None:
            continue
        place = bus.serial_port or f"{(bus.host or '').lower()}:{bus.port}"
        if first.setdefault(place, connection.id) != connection.id:
            found = f"{connection.id} leads to {place}, as {first[place]} does"
            draft.problems.append(
                connection.where("modbus").problem(found, f"its devices on {first[place]}: one bus is one queue")
            )


def _responsible(draft: Draft, device: Device) -> None:
    who = device.responsible
    if who is not None and not draft.known("team", who) and not draft.known("person", who):
        names = (draft.names["team"] or frozenset()) | (draft.names["person"] or frozenset())
        where = device.where("responsible")
        draft.problems.append(
            where.problem(f"{who} is no team or person", "the id of a team or person", nearest(who, names))
        )


def _fits(draft: Draft, device: Device, connection: Connection) -> None:
    if device.mqtt is not None and connection.mqtt is None:
        found = f"{connection.id} is no broker, and the device is described by a topic"
        draft.problems.append(device.where("connection").problem(found, "a connection with mqtt"))
    if device.profile is not None and connection.modbus is None:
        found = f"{connection.id} is no Modbus connection, and the device is described by a profile"
        draft.problems.append(device.where("connection").problem(found, "a connection with modbus"))
    elif device.profile is not None and device.unit is None and not device.wrote("unit"):
        draft.problems.append(device.where("unit").problem("is missing", "the device's Modbus unit, 0 to 255"))

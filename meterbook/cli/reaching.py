"""Whether each connection of a site can be reached: brokers, gateways and serial lines."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping

from collectors.mqtt.greet import greet
from collectors.registry import client_id
from meterbook.domain.device import ModbusConnection, MqttConnection
from meterbook.domain.site import Site
from meterbook.i18n import Translator, mark
from meterbook.readings.influx_setup import Finding

PATIENCE = 5.0
"""Seconds that each step towards a connection may take."""


def reach(site: Site, secret: Callable[[str], str], words: Translator) -> Iterator[Finding]:
    """What stands between the site and each of its connections, with the next step, in the language of `words`."""
    for connection in site.connections.values():
        if isinstance(connection, MqttConnection):
            yield _broker(connection, client_id(site, connection), secret, words)
        elif connection.transport == "rtu":
            yield _serial_line(connection, words)
        else:
            yield _gateway(connection, words)


def _broker(connection: MqttConnection, name: str, secret: Callable[[str], str], words: Translator) -> Finding:
    subject = words.gettext("broker %(id)s") % {"id": connection.id}
    found = greet(connection, name, secret, PATIENCE)
    if found is None:
        welcome = words.gettext("%(where)s says welcome")
        return Finding(subject, True, welcome % {"where": f"{connection.host}:{connection.port}"})
    return Finding(subject, False, _told(words, found.reason, found.facts, found.step))


def _gateway(connection: ModbusConnection, words: Translator) -> Finding:
    subject = words.gettext("gateway %(id)s") % {"id": connection.id}
    try:
        socket.create_connection((connection.host, connection.port), PATIENCE).close()
    except (OSError, UnicodeError) as error:
        facts = {"where": connection.place, "error": getattr(error, "strerror", None) or str(error)}
        step = mark("start the gateway, or mend host and port in devices.yaml")
        return Finding(subject, False, _told(words, mark("nothing answers at %(where)s: %(error)s"), facts, step))
    return Finding(subject, True, words.gettext("%(where)s answers") % {"where": connection.place})


def _serial_line(connection: ModbusConnection, words: Translator) -> Finding:
    subject = words.gettext("serial line %(id)s") % {"id": connection.id}
    place = connection.host
    facts = {"where": place}
    try:
        is_device = stat.S_ISCHR(os.stat(place).st_mode)
    except OSError as error:
        facts["error"] = error.strerror or str(error)
        step = mark("plug the adapter in, or mend serial_port in devices.yaml")
        return Finding(subject, False, _told(words, mark("there is no %(where)s: %(error)s"), facts, step))
    if not is_device:
        step = mark("mend serial_port in devices.yaml")
        return Finding(subject, False, _told(words, mark("%(where)s is no serial line"), facts, step))
    if not os.access(place, os.R_OK | os.W_OK):
        step = mark("let the user who runs Meterbook use it; most systems have a group dialout for that")
        return Finding(subject, False, _told(words, mark("%(where)s may not be read and written"), facts, step))
    return Finding(subject, True, words.gettext("%(where)s can be read and written") % facts)


def _told(words: Translator, reason: str, facts: Mapping[str, str], step: str) -> str:
    """A reason and the next step."""
    return words.gettext("%(reason)s; %(step)s") % {
        "reason": words.gettext(reason) % facts,
        "step": words.gettext(step),
    }

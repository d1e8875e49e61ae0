"""Whether each connection of a site can be reached: brokers, gateways and serial lines."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Callable, Iterator, Mapping

from collectors.mqtt.greet import ask, greet
from collectors.registry import client_id
from meterbook.domain.device import ModbusConnection, MqttConnection
from meterbook.domain.site import Site
from meterbook.i18n import Translator, mark
from meterbook.readings.influx_setup import Finding

PATIENCE = 5.0
"""Seconds that each step towards a connection may take."""

DROPPED, UPTIME = "$SYS/broker/publish/messages/dropped", "$SYS/broker/uptime"
"""Where Mosquitto says how many messages it has dropped because a queue was full, and for how long it has run."""

_MEND_GATEWAY = mark("start the gateway, or mend host and port in devices.yaml")


def reach(site: Site, secret: Callable[[str], str], words: Translator) -> Iterator[Finding]:
    """What stands between the site and each of its connections, with the next step, in the language of `words`."""
    for connection in site.connections.values():
        if isinstance(connection, MqttConnection):
            name = client_id(site, connection)
            found = _broker(connection, name, secret, words)
            yield found
            if found.fine:
                yield from _queues(connection, name, secret, words)
        elif connection.transport == "rtu":
            yield _serial_line(connection, words)
        else:
            yield _gateway(connection, words)


def _broker(connection: MqttConnection, name: str, secret: Callable[[str], str], words: Translator) -> Finding:
    subject = words.gettext("broker %(id)s") % {"id": connection.id}
    missing = _missing_secret(connection, name, secret)
    if missing is not None:
        step = mark("mend password, client_id or tls in devices.yaml, or what they name")
        return Finding(subject, False, _told(words, *missing, step))
    found = greet(connection, name, secret, PATIENCE)
    if found is None:
        welcome = words.gettext("%(where)s says welcome")
        return Finding(subject, True, welcome % {"where": f"{connection.host}:{connection.port}"})
    return Finding(subject, False, _told(words, found.reason, found.facts, found.step))


def _queues(
    connection: MqttConnection, name: str, secret: Callable[[str], str], words: Translator
) -> Iterator[Finding]:
    """Whether a broker has dropped messages, as Mosquitto counts them; nothing where it does not tell (trap 51)."""
    try:
        told = ask(connection, name, secret, PATIENCE, (DROPPED, UPTIME))
    except (OSError, ValueError):  # it said welcome a moment ago
        return
    dropped, uptime = (re.match("[0-9]{1,15}", told.get(topic, "")) for topic in (DROPPED, UPTIME))
    if dropped is None:
        return
    subject = words.gettext("queues of %(id)s") % {"id": connection.id}
    facts = {"count": f"{int(dropped[0]):,}", "hours": f"{int(uptime[0]) // 3600:,}" if uptime else "?"}
    if int(dropped[0]) == 0:
        fine = mark("the broker has dropped no message since it started (%(hours)s h)")
        yield Finding(subject, True, words.gettext(fine) % facts)
        return
    reason = mark("the broker has dropped %(count)s messages of its subscribers since it started (%(hours)s h)")
    step = mark(
        "give its queues room (max_queued_messages 0 and max_queued_bytes in mosquitto.conf), and clear sessions that "
        "nobody fetches"
    )
    yield Finding(subject, False, _told(words, reason, facts, step))


def _missing_secret(
    connection: MqttConnection, name: str, secret: Callable[[str], str]
) -> tuple[str, Mapping[str, str]] | None:
    """Why a secret that a login needs is not there, with the facts."""
    named = (connection.client_id or name, connection.password or "")
    for reference in (one for one in named if one.startswith(("env:", "file:"))):
        kind, _, place = reference.partition(":")
        try:
            secret(reference)
        except ValueError as error:
            if kind == "env":
                return mark("the environment variable %(place)s is not set"), {"place": place}
            told = getattr(error.__cause__, "strerror", None) or str(error)
            return mark("the file %(place)s cannot be read: %(error)s"), {"place": place, "error": told}
    return None


def _gateway(connection: ModbusConnection, words: Translator) -> Finding:
    subject = words.gettext("gateway %(id)s") % {"id": connection.id}
    try:
        socket.create_connection((connection.host, connection.port), PATIENCE).close()
    except UnicodeError:
        facts = {"host": repr(connection.host)}
        return Finding(subject, False, _told(words, mark("%(host)s is no name of a host"), facts, _MEND_GATEWAY))
    except OSError as error:
        facts = {"where": connection.place, "error": getattr(error, "strerror", None) or str(error)}
        told = _told(words, mark("nothing answers at %(where)s: %(error)s"), facts, _MEND_GATEWAY)
        return Finding(subject, False, told)
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

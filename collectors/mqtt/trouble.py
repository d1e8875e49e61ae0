"""Why there is no session with a broker, in words a person can act on."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from meterbook.i18n import mark


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason with the facts it names, and the next step. Both are English messages that have a Chinese."""

    reason: str
    facts: Mapping[str, str]
    step: str

    def __str__(self) -> str:
        """The reason in English."""
        return self.reason % self.facts


class NoHost(OSError):
    """What is written as the host cannot be one."""


class BrokenOff(ssl.SSLError):
    """The peer ended the connection while encryption was agreed on."""


_EXPIRED, _NOT_YET = 10, 9
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_OTHER_HOST = (62, 64)
"""Codes of OpenSSL for what is wrong with a certificate that is verified."""

_RENEW = mark("renew the broker's certificate, or set the clock of this machine")
_NAME_AUTHORITY = mark("write the authority that signed it as tls.ca in devices.yaml")
_NAME_HOST = mark("write as host in devices.yaml what the certificate names")
_MEND_OURS = mark("renew tls.certificate and tls.key in devices.yaml; the broker has to trust who signed it")
_OTHER_PORT = mark("write the port on which the broker speaks TLS, or take tls out of devices.yaml")
_SEE_BROKER = mark("see the log of the broker")
_START = mark("start the broker, or mend host and port in devices.yaml")
_LOGIN = mark("mend username and password in devices.yaml or the environment, or the users of the broker")
_CLIENT_ID = mark("mend client_id in devices.yaml, or which ids the broker admits")
_VERSION = mark("write the other version (3.1.1 or 5) in devices.yaml")

_NO_TLS = ("wrong version", "record layer", "eof")
"""What it looks like where the peer does not know encryption."""

_BY_ANSWER = {0x84: _VERSION, 0x85: _CLIENT_ID, 0x86: _LOGIN, 0x87: _LOGIN, 0x8C: _LOGIN}
"""The next step by what a broker answers to CONNECT, as version 5 numbers it."""


def unreached(error: OSError, where: str) -> Trouble:
    """There is no connection, or none that is encrypted as it should be."""
    facts = {"where": where, "error": plain(error)}
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(mark("the certificate of %(where)s is not trusted: %(error)s"), facts, _by_verdict(error))
    if isinstance(error, NoHost):
        return Trouble(mark("%(host)s is no name of a host"), {"host": repr(str(error))}, _START)
    if isinstance(error, BrokenOff):
        reason = mark("no encrypted connection to %(where)s: the handshake was broken off: %(error)s")
        return Trouble(reason, facts, _OTHER_PORT)
    if isinstance(error, ssl.SSLError):
        return Trouble(mark("no encrypted connection to %(where)s: %(error)s"), facts, _by_alert(facts["error"]))
    return Trouble(mark("nothing answers at %(where)s: %(error)s"), facts, _START)


def refused(answer: int, told: str) -> Trouble:
    """The broker says no to CONNECT, by the number of its answer and in its words."""
    step = _BY_ANSWER.get(answer, _SEE_BROKER)
    return Trouble(mark("the broker refuses the connection: %(error)s"), {"error": told}, step)


def speechless(where: str) -> Trouble:
    """Something is there and says nothing."""
    return Trouble(mark("no MQTT broker answers at %(where)s"), {"where": where}, _START)


def no_mqtt(where: str, told: str) -> Trouble:
    """Something is there and says what no broker says."""
    return Trouble(mark("%(where)s speaks no MQTT: %(error)s"), {"where": where, "error": told}, _START)


def wants_encryption(where: str) -> Trouble:
    """The broker hears nobody who speaks in clear."""
    step = mark("write `tls: {}` in devices.yaml, with ca where the machine does not know who signed its certificate")
    return Trouble(mark("%(where)s expects an encrypted connection"), {"where": where}, step)


def unprepared(error: ValueError) -> Trouble:
    """A secret or a certificate of ours is missing."""
    step = mark("mend password, client_id or tls in devices.yaml, or what they name")
    return Trouble(mark("a secret or a file is missing: %(error)s"), {"error": str(error)}, step)


def plain(error: Exception) -> str:
    """The error in words, without its number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and (reason := getattr(error, "reason", None)):
        return str(reason).replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)


def _by_verdict(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return _RENEW
    if error.verify_code in _OTHER_HOST:
        return _NAME_HOST
    return _NAME_AUTHORITY if error.verify_code in _UNKNOWN_AUTHORITY else _SEE_BROKER


def _by_alert(told: str) -> str:
    if "alert" in told:
        return _MEND_OURS
    return _OTHER_PORT if any(sign in told for sign in _NO_TLS) else _SEE_BROKER

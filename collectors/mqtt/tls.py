"""Connections to a broker, in clear or encrypted."""

from __future__ import annotations

import selectors
import socket
import ssl
from contextlib import suppress

from collectors.mqtt.trouble import BrokenOff, NoHost, plain
from meterbook.domain.device import MqttConnection, Tls

VERDICT_PATIENCE = 0.5
"""Seconds a peer has to object to the certificate it was shown, or misses."""


def context(tls: Tls) -> ssl.SSLContext:
    """What an encrypted connection is made with, read anew so that renewed files count; ValueError names a bad one."""
    made = _with_authorities(tls.ca)
    if tls.certificate is not None:
        try:
            made.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ValueError) as error:
            reason = f"the certificate {tls.certificate} with the key {tls.key} cannot be used: {plain(error)}"
            raise ValueError(reason) from error
    return made


def connected(connection: MqttConnection, encryption: ssl.SSLContext | None, patience: float) -> socket.socket:
    """A connection to the broker, `encryption` agreed on where there is one; raises OSError.

    `patience` is in seconds and holds for each step.
    """
    try:
        link = socket.create_connection((connection.host, connection.port), patience)
    except UnicodeError as error:
        raise NoHost(connection.host) from error
    try:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if encryption is None:
            return link
        return encrypted(link, encryption, connection.host)
    except BaseException:
        link.close()
        raise


def encrypted(link: socket.socket, made: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """The same connection, encrypted; raises OSError.

    In TLS 1.3 the peer judges the certificate it was shown, or not shown, after the handshake. Its verdict is heard
    here, before anything is written: a write that fails would hide it.
    """
    try:
        wrapped = made.wrap_socket(link, server_hostname=host)
    except (ConnectionError, TimeoutError) as error:
        raise BrokenOff(ssl.SSL_ERROR_EOF, plain(error)) from error
    if wrapped.version() == "TLSv1.3":
        try:
            _hear_verdict(wrapped)
        except BaseException:
            wrapped.close()
            raise
    return wrapped


def _hear_verdict(link: ssl.SSLSocket) -> None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(link, selectors.EVENT_READ)
        waiting.select(VERDICT_PATIENCE)
    link.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        link.recv(1)  # a broker says nothing of its own before CONNECT


def _with_authorities(path: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ValueError(f"the authorities in {path} cannot be used: {plain(error)}") from error

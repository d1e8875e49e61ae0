"""Encrypted connections, and what to say when there is none."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress

from meterbook.domain.device import Tls

VERDICT_PATIENCE = 0.5
"""Seconds a peer has to object to the certificate it was shown."""


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


def encrypted(link: socket.socket, made: ssl.SSLContext, host: str, *, shown: bool) -> ssl.SSLSocket:
    """The same connection, encrypted; raises OSError.

    In TLS 1.3 the peer judges the certificate it was `shown` after the handshake. Its verdict is heard here, before
    anything is written: a write that fails would hide it.
    """
    wrapped = made.wrap_socket(link, server_hostname=host)
    if shown and wrapped.version() == "TLSv1.3":
        try:
            _hear_verdict(wrapped)
        except BaseException:
            wrapped.close()
            raise
    return wrapped


def _hear_verdict(link: ssl.SSLSocket) -> None:
    select.select([link], [], [], VERDICT_PATIENCE)
    link.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        link.recv(1)  # a broker says nothing of its own before CONNECT


def why(error: OSError, where: str) -> str:
    """Why there is no connection, in words a person can act on."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no encrypted connection to {where}: {plain(error)}"
    return f"nothing answers at {where}: {plain(error)}"


def _with_authorities(path: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ValueError(f"the authorities in {path} cannot be used: {plain(error)}") from error


def plain(error: Exception) -> str:
    """The error in words, without its number."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)

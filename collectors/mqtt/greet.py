"""Hello to a broker, beside the session that may be running: what stands between, if anything does."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing

from collectors.mqtt import tls, trouble
from collectors.mqtt.client import Client, Reason, guest
from collectors.mqtt.doorbell import Doorbell
from collectors.mqtt.packets import Malformed
from collectors.mqtt.stream import Stream
from collectors.mqtt.trouble import Trouble
from meterbook.domain.device import MqttConnection

_TURN = 0.2  # seconds between two looks at the clock


def greet(connection: MqttConnection, client_id: str, secret: Callable[[str], str], patience: float) -> Trouble | None:
    """Log in and leave; None where the broker says welcome.

    The session is clean and its id `<client id>-doctor`, so it disturbs nobody and leaves nothing behind. `client_id`
    is meant where the connection has none of its own; `patience` is in seconds and holds for each step.
    """
    where = f"{connection.host}:{connection.port}"
    made = _Greeting(connection, patience)
    try:
        answer = made.exchange(connection.client_id or client_id, secret)
    except Malformed as error:
        found = trouble.no_mqtt(where, str(error))
    except OSError as error:
        found = trouble.unreached(error, where)
    except ValueError as error:
        return trouble.unprepared(error)
    else:
        if answer is not None:
            return trouble.refused(answer.value, str(answer)) if answer.is_failure else None
        found = trouble.speechless(where)
    if made.opened and connection.tls is None and _speaks_tls(connection, patience):
        return trouble.wants_encryption(where)
    return found


class _Greeting:
    """CONNECT and the answer to it."""

    def __init__(self, connection: MqttConnection, patience: float) -> None:
        self.opened = False
        self._connection = connection
        self._patience = patience
        self._answer: Reason | None = None

    def exchange(self, client_id: str, secret: Callable[[str], str]) -> Reason | None:
        """What the broker says, None where it does not; raises OSError, Malformed and ValueError."""
        encryption = None if self._connection.tls is None else tls.context(self._connection.tls)
        client = guest(self._connection, client_id, secret, lambda: self._open(encryption))
        client.on_connect = self._on_connect
        try:
            client.enter()
            self._listen(client)
            if self._answer is not None and not self._answer.is_failure:
                client.disconnect()
        finally:
            if self.opened:
                self._stream.close()
        return self._answer

    def _open(self, encryption: ssl.SSLContext | None) -> Stream:
        self._stream = Stream(tls.connected(self._connection, encryption, self._patience))
        self.opened = True
        return self._stream

    def _listen(self, client: Client) -> None:
        deadline = time.monotonic() + self._patience
        with closing(Doorbell()) as bell:
            bell.watch(self._stream.fileno())
            while time.monotonic() < deadline:
                bell.wait(_TURN, to_write=self._stream.unsent)
                self._stream.flush()
                self._stream.fill()
                while self._stream.has_other:
                    if client.hear() is not None or self._answer is not None:
                        return

    def _on_connect(self, _client: object, _userdata: object, _flags: object, reason: Reason, _more: object) -> None:
        self._answer = reason


def _speaks_tls(connection: MqttConnection, patience: float) -> bool:
    """Whether the broker agrees on encryption, with whomever; nothing is said to it."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((connection.host, connection.port), patience) as link,
            anybody.wrap_socket(link),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False

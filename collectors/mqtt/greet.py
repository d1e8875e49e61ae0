"""Hello to a broker, beside the session that may be running: what stands between, if anything does."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from collectors.mqtt import tls, trouble
from collectors.mqtt.client import Client, Reason, guest
from collectors.mqtt.doorbell import Doorbell
from collectors.mqtt.packets import Malformed
from collectors.mqtt.stream import Stream
from collectors.mqtt.trouble import Trouble
from meterbook.domain.device import MqttConnection

_TURN = 0.2  # seconds between two looks at the clock
_KEPT = 1.0  # seconds for what is kept on a topic, once it is subscribed to


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


def ask(
    connection: MqttConnection, client_id: str, secret: Callable[[str], str], patience: float, topics: Sequence[str]
) -> Mapping[str, str]:
    """What a broker that says welcome keeps on some topics, by topic; those it does not know or tell are missing.

    The session is as that of `greet`. Raises OSError, Malformed and ValueError.
    """
    made = _Greeting(connection, patience, topics)
    made.exchange(connection.client_id or client_id, secret)
    return made.told


class _Greeting:
    """CONNECT and the answer to it, and what is kept on some topics."""

    def __init__(self, connection: MqttConnection, patience: float, topics: Sequence[str] = ()) -> None:
        self.opened = False
        self.told: dict[str, str] = {}
        self._connection = connection
        self._patience = patience
        self._topics = topics
        self._answer: Reason | None = None
        self._deadline = 0.0

    def exchange(self, client_id: str, secret: Callable[[str], str]) -> Reason | None:
        """What the broker says, None where it does not; raises OSError, Malformed and ValueError."""
        encryption = None if self._connection.tls is None else tls.context(self._connection.tls)
        client = guest(self._connection, client_id, secret, lambda: self._open(encryption))
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
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
        self._deadline = time.monotonic() + self._patience
        with closing(Doorbell()) as bell:
            bell.watch(self._stream.fileno())
            while time.monotonic() < self._deadline and not self._is_told:
                bell.wait(_TURN, to_write=self._stream.unsent)
                self._stream.flush()
                self._stream.fill()
                if not self._heard(client) or client.tend() is not None:
                    return

    def _heard(self, client: Client) -> bool:
        """Takes what has come; whether more may."""
        while not self._is_told:
            if burst := self._stream.take(properties=self._connection.version == "5"):
                self.told |= {one.topic.decode(errors="replace"): one.payload.decode(errors="replace") for one in burst}
            elif not self._stream.has_other:
                return True
            elif client.hear() is not None:
                return False
        return True

    @property
    def _is_told(self) -> bool:
        if self._answer is None:
            return False
        return self._answer.is_failure or len(self.told) >= len(self._topics)

    def _on_connect(self, client: Any, _userdata: object, _flags: object, reason: Reason, _more: object) -> None:
        self._answer = reason
        if self._topics and not reason.is_failure:
            client.listen(self._topics)

    def _on_subscribe(
        self, _client: object, _userdata: object, _id: int, reasons: Sequence[Reason], _more: object
    ) -> None:
        # What is kept on a topic follows at once, where anything is, and never where all of them are refused.
        kept = 0.0 if all(reason.is_failure for reason in reasons) else _KEPT
        self._deadline = min(self._deadline, time.monotonic() + kept)


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

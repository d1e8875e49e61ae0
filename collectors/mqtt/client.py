"""An MQTT client on a stream of ours. The only file that knows paho."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collectors.mqtt.stream import Stream
from meterbook.domain.device import MqttConnection

KEEPALIVE = 30
"""Seconds after which a silent broker counts as gone."""

SESSION_EXPIRY = 30 * 24 * 3600
"""Seconds a broker of version 5 keeps a session that is away; those of 3.1.1 keep it for ever."""

Reason = ReasonCode
"""What a broker answers: `is_failure`, `value` as in version 5, and its name as text."""


class Client(paho.Client):
    """Says hello, subscribes, keeps alive and ends; who reads messages and acknowledges them does so on the stream."""

    def __init__(self, name: str, connection: MqttConnection, link: Callable[[], Stream], *, lasting: bool) -> None:
        """A `lasting` session outlives its connections at the broker, under the client id `name`."""
        self._five = connection.version == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            clean_session=None if self._five else not lasting,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        self._lasting = lasting
        self._place = connection.host, connection.port
        self._link = link

    def enter(self) -> None:
        """Connect and say hello; raises OSError when nobody answers."""
        host, port = self._place
        if not self._five:
            self.connect(host, port, keepalive=KEEPALIVE)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY if self._lasting else 0
        self.connect(host, port, keepalive=KEEPALIVE, clean_start=not self._lasting, properties=properties)

    def listen(self, topics: Sequence[str], identifier: int | None = None) -> int | None:
        """Ask for topics at QoS 1; the id by which the answer is known.

        In version 5 every message bears the identifiers of the subscriptions it came by.
        """
        if self._five:
            # Retained messages come with a new subscription only, not with every connection.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            if identifier is not None:
                properties.SubscriptionIdentifier = identifier
            return self.subscribe([(topic, options) for topic in topics], properties=properties)[1]
        return self.subscribe([(topic, 1) for topic in topics])[1]

    def leave(self, topics: Sequence[str]) -> None:
        """Ask for topics no longer; a broker takes it well where it knows of none."""
        self.unsubscribe(list(topics))

    def hear(self) -> str | None:
        """Takes one packet that is no message from the stream; why the connection ends, if it does."""
        outcome = self.loop_read()
        if outcome == MQTTErrorCode.MQTT_ERR_SUCCESS and self.socket() is not None:
            return None
        return paho.error_string(outcome or MQTTErrorCode.MQTT_ERR_CONN_LOST)

    def tend(self) -> str | None:
        """Writes what waits and keeps the connection alive; why it ends, if it does."""
        if self.want_write():
            self.loop_write()
        outcome = self.loop_misc()
        return None if outcome == MQTTErrorCode.MQTT_ERR_SUCCESS else paho.error_string(outcome)

    def _create_socket(self) -> Stream:  # type: ignore[override]  # paho names the arguments otherwise
        return self._link()


def prepared(
    connection: MqttConnection, client_id: str, secret: Callable[[str], str], link: Callable[[], Stream]
) -> Client:
    """A client with the login of a connection, in a lasting session; ValueError where a secret is missing."""
    return _with_login(Client(_found(client_id, secret), connection, link, lasting=True), connection, secret)


def guest(
    connection: MqttConnection, client_id: str, secret: Callable[[str], str], link: Callable[[], Stream]
) -> Client:
    """The same beside a session that may be running: under another id, and nothing remains of it."""
    name = f"{_found(client_id, secret)}-doctor"
    return _with_login(Client(name, connection, link, lasting=False), connection, secret)


def _found(client_id: str, secret: Callable[[str], str]) -> str:
    return secret(client_id) if client_id.startswith(("env:", "file:")) else client_id


def _with_login(client: Client, connection: MqttConnection, secret: Callable[[str], str]) -> Client:
    if connection.username is not None:
        password = None if connection.password is None else secret(connection.password)
        client.username_pw_set(connection.username, password)
    return client

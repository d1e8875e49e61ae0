"""A session with an MQTT broker that acknowledges only what is on disk. The only file that knows paho.

paho opens and keeps the session; the messages themselves, and their acknowledgements, go past it in bursts (`stream`,
`packets`).
"""

from __future__ import annotations

import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from paho.mqtt.client import Client, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collectors.excerpt import excerpt
from collectors.health import Health
from collectors.mqtt import tls
from collectors.mqtt.decode import decode
from collectors.mqtt.decoders import entries
from collectors.mqtt.message import Decoded, Message
from collectors.mqtt.packets import Malformed, Publish, acknowledgements
from collectors.mqtt.stream import Stream
from collectors.mqtt.topics import Routes
from collectors.port import Delivery, Intake, Status
from meterbook.domain.device import Device, MqttConnection
from meterbook.domain.instant import Clock
from meterbook.domain.reading import Receipt, Refusal
from meterbook.telemetry import log

KEEPALIVE = 30
"""Seconds after which a silent broker counts as gone."""

CONNECT_PATIENCE = 5.0
"""Seconds that reaching a broker, and agreeing on encryption, may take."""

INTAKE_PATIENCE = 1.0
"""Seconds a burst waits for room in the intake before the connection is dropped, so that it is sent again."""

RECONNECT_PAUSE = (0.5, 8.0)
"""Seconds between sessions: the first pause, and the longest before jitter."""

WELCOME_PATIENCE = 5.0
"""Seconds a broker has to answer CONNECT; what speaks no MQTT may never do."""

SESSION_EXPIRY = 30 * 24 * 3600
"""Seconds a broker of version 5 keeps a session that is away; those of 3.1.1 keep it for ever."""

TOPICS_PER_SUBSCRIBE = 500

_TURN = 0.2  # seconds the network loop waits at most, and with it a stop

_log = log("collectors.mqtt")


class MqttCollector:
    """One broker and the devices that publish on it, in a persistent session at QoS 1.

    The network loop runs in a thread of ours instead of paho's own, which ends for good on any exception while
    `is_connected()` stays true; here a session that ends, for whatever reason, is followed by the next.
    """

    def __init__(
        self,
        connection: MqttConnection,
        devices: Sequence[Device],
        intake: Intake,
        clock: Clock,
        secret: Callable[[str], str],
        client_id: str,
    ) -> None:
        """`client_id` names the session at the broker (the connection's own comes first); ValueError: a bad topic."""
        self.connection = connection
        self.intake = intake
        self.clock = clock
        self.health = Health(connection.id, clock)
        read = entries(devices)
        group = f"$share/{connection.share}/" if connection.share else ""
        self.topics = sorted({f"{group}{topic}" for topic, _ in read})
        self.routes = Routes(read)
        self._client_id = connection.client_id or client_id
        self._secret = secret
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{connection.id}", daemon=True)

    def start(self) -> None:
        """Begin to receive, in a thread of its own. A collector is started once."""
        self._thread.start()

    def stop(self) -> None:
        """End the session and wait for the thread; what was not acknowledged will be sent again."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def status(self) -> Status:
        """How the session is; a refused login or subscription is named in its reason."""
        return self.health.status()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            session: _Session | None = None
            try:
                session = _Session(self)
                reason = session.run(self._client, self._stopping)
            except Exception as error:  # noqa: BLE001  the thread outlives whatever happens to one session
                reason = str(error) if isinstance(error, ValueError) else f"session failed: {error!r}"
            if self._stopping.is_set():
                return
            self.health.down(reason)
            failures = 0 if session is not None and session.subscribed else failures + 1
            first, longest = RECONNECT_PAUSE
            pause = min(first * 2 ** min(failures, 10), longest)
            self._stopping.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311  jitter is no secret

    def _client(self, session: _Session) -> _Client:
        """A client for one session; ValueError where a secret or a certificate is missing."""
        connection, name = self.connection, self._client_id
        if name.startswith(("env:", "file:")):
            name = self._secret(name)
        encryption = None if connection.tls is None else tls.context(connection.tls)
        client = _Client(name, connection, lambda: session.open(connection, encryption))
        if connection.username is not None:
            password = None if connection.password is None else self._secret(connection.password)
            client.username_pw_set(connection.username, password)
        return client


class _Client(Client):
    """paho's client on a stream of ours, in a session that outlives its connections."""

    def __init__(self, name: str, connection: MqttConnection, link: Callable[[], Stream]) -> None:
        self._five = connection.version == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            clean_session=None if self._five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        self._link = link

    def enter(self, host: str, port: int) -> None:
        """Connect and say hello; raises OSError when nobody answers."""
        if not self._five:
            self.connect(host, port, keepalive=KEEPALIVE)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY
        self.connect(host, port, keepalive=KEEPALIVE, clean_start=False, properties=properties)

    def listen(self, topics: Sequence[str]) -> int | None:
        """Ask for topics at QoS 1; the id by which the answer is known."""
        if self._five:
            # Retained messages come with a new subscription only, not with every connection.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            return self.subscribe([(topic, options) for topic in topics])[1]
        return self.subscribe([(topic, 1) for topic in topics])[1]

    def _create_socket(self) -> Stream:  # type: ignore[override]  # paho names the arguments otherwise
        return self._link()


class _Session:
    """One connection to the broker, from CONNECT to its end.

    Message ids mean something within one connection only: what is committed after its end is not acknowledged, comes
    again in the next, and is then a repetition.
    """

    def __init__(self, collector: MqttCollector) -> None:
        self.subscribed = False
        self._collector = collector
        self._source = collector.connection.id
        self._where = f"{collector.connection.host}:{collector.connection.port}"
        self._properties = collector.connection.version == "5"
        self._refused: str | None = None
        self._asked: dict[int, Sequence[str]] = {}
        self._welcome = False
        self._dropped = False
        self._committed: deque[list[int]] = deque()
        self._asleep = False
        self._wake, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)

    def open(self, connection: MqttConnection, encryption: ssl.SSLContext | None) -> Stream:
        """A connection to the broker; raises OSError."""
        link = socket.create_connection((connection.host, connection.port), CONNECT_PATIENCE)
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if encryption is not None:
                shown = connection.tls is not None and connection.tls.certificate is not None
                link = tls.encrypted(link, encryption, connection.host, shown=shown)
        except BaseException:
            link.close()
            raise
        self._stream = Stream(link)
        return self._stream

    def run(self, make: Callable[[_Session], _Client], stopping: threading.Event) -> str:
        """Receives until the connection ends, and says why it did."""
        client: _Client | None = None
        try:
            client = make(self)
            client.on_connect = self._on_connect
            client.on_subscribe = self._on_subscribe
            client.on_disconnect = self._on_disconnect
            client.enter(self._collector.connection.host, self._collector.connection.port)
            return self._receive(client, stopping)
        except Malformed as error:
            return f"{self._where} speaks no MQTT: {error}"
        except OSError as error:
            return f"connection lost: {tls.plain(error)}" if self._welcome else tls.why(error, self._where)
        finally:
            self._dropped = True
            link = client.socket() if client is not None else None
            if link is not None:
                link.close()
            self._wake.close()
            self._alarm.close()

    def _receive(self, client: _Client, stopping: threading.Event) -> str:
        deadline = time.monotonic() + WELCOME_PATIENCE
        more = False
        while not stopping.is_set():
            if not self._welcome and time.monotonic() > deadline:
                return f"no MQTT broker answers at {self._where}"
            if client.socket() is None:
                raise self._stream.fault or ConnectionResetError("closed at once")
            self._wait(client, more)
            more = self._stream.fill()
            outcome = self._read(client)
            if self._dropped or outcome != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return self._refused or f"connection lost: {error_string(outcome)}"
        self._acknowledge()
        client.disconnect()
        return "stopped"

    def _wait(self, client: _Client, more: bool) -> None:
        """Acknowledges what was committed, and waits until there is something to read, to write or to acknowledge."""
        self._asleep = True
        self._acknowledge()
        stream = self._stream
        outgoing = [stream.fileno()] if stream.unsent or client.want_write() else []
        awaited = [stream.fileno(), self._wake.fileno()]
        ready, _, _ = select.select(awaited, outgoing, [], 0.0 if more else _TURN)
        self._asleep = False
        if self._wake.fileno() in ready:
            self._wake.recv(4096)
        stream.flush()

    def _read(self, client: _Client) -> MQTTErrorCode:
        """Takes what has arrived: messages in bursts, everything else through paho, in the order it came."""
        while not self._dropped:
            burst = self._stream.take(properties=self._properties)
            if burst:
                self._hand_over(burst, client)
            elif self._stream.has_other:
                outcome = client.loop_read()
                if outcome != MQTTErrorCode.MQTT_ERR_SUCCESS or client.socket() is None:
                    return outcome or MQTTErrorCode.MQTT_ERR_CONN_LOST
            else:
                break
        if client.want_write():
            client.loop_write()
        return client.loop_misc()

    def _hand_over(self, burst: Sequence[Publish], client: _Client) -> None:
        """Decodes a burst and offers it in one piece; where there is no room, the connection is dropped."""
        try:
            out = self._decoded(burst)
            mids = [message.mid for message in burst if message.mid is not None]
            done, failed = (partial(self._done, mids), self._drop) if mids else (None, None)
            kept = self._collector.intake.offer(
                Delivery(self._source, out.samples, out.refusals, done, failed), INTAKE_PATIENCE
            )
            for reply in out.replies:
                client.publish(reply.topic, reply.payload, qos=0)
        except Exception as error:  # noqa: BLE001  an exception would end the session for every device (trap 28)
            _log.error("messages not handed over", source=self._source, error=repr(error))
            kept = False
        if not kept:
            self._drop()

    def _decoded(self, burst: Sequence[Publish]) -> Decoded:
        out = Decoded()
        source, find, received = self._source, self._collector.routes.find, self._collector.clock()
        for topic, payload, _, retained, again in burst:
            try:
                name = topic.decode()
            except UnicodeDecodeError:
                reason = "the topic is not UTF-8"
                out.refusals.append(Refusal(source, "topic", reason, excerpt(payload), received))
                continue
            decode(Message(source, name, payload, received, retained, again), find(name), out)
        return out

    def _acknowledge(self) -> None:
        """Acknowledges what was committed since; on this thread, since the writer's has better to do."""
        mids: list[int] = []
        while self._committed:
            mids += self._committed.popleft()
        if mids:
            self._stream.send(acknowledgements(mids))

    def _done(self, mids: list[int], _receipt: Receipt) -> None:
        """A burst is on disk. Its acknowledgement waits for the network thread, which is woken when it sleeps."""
        self._committed.append(mids)
        if self._asleep:
            self._asleep = False
            self._rouse()

    def _drop(self, _error: Exception | None = None) -> None:
        """Ends the connection: the broker sends again in the next what this one did not acknowledge."""
        if not self._dropped:
            self._refused = "readings could not be stored; the connection was dropped so that they are sent again"
            self._dropped = True
            self._rouse()

    def _rouse(self) -> None:
        # The session may have ended, or so many wake it that the pair is full.
        with suppress(OSError):
            self._alarm.send(b"\0")

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = f"the broker refuses the connection: {reason}"
            return
        self._welcome = True
        topics = self._collector.topics
        for start in range(0, len(topics), TOPICS_PER_SUBSCRIBE):
            asked = topics[start : start + TOPICS_PER_SUBSCRIBE]
            mid = client.listen(asked)
            if mid is not None:
                self._asked[mid] = asked

    def _on_subscribe(
        self, _client: Client, _userdata: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        asked = self._asked.pop(mid, [])
        refused = [topic for topic, reason in zip(asked, reasons, strict=False) if reason.is_failure]
        if refused:
            more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
            self._refused = f"the broker refuses the subscription to {refused[0]}{more}"
            self._collector.health.down(self._refused)
        elif not self._asked and self._refused is None:
            self.subscribed = True
            self._collector.health.up()

    def _on_disconnect(self, _client: Client, _userdata: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._refused = f"the broker ends the connection: {reason}"

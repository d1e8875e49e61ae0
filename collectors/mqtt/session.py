"""One connection to a broker: bursts of messages in, and out again the acknowledgement of those on disk.

paho opens and keeps the session (`client`); the messages themselves, and their acknowledgements, go past it in bursts
(`stream`, `packets`).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import Any

from collectors.excerpt import excerpt
from collectors.health import Health
from collectors.mqtt import tls, trouble
from collectors.mqtt.arrivals import Arrivals
from collectors.mqtt.client import Client, Reason
from collectors.mqtt.decode import decode
from collectors.mqtt.doorbell import Doorbell
from collectors.mqtt.message import Decoded, Decoder, Message
from collectors.mqtt.packets import Malformed, Publish, acknowledgements
from collectors.mqtt.stream import Stream
from collectors.mqtt.subscriptions import Copies, Subscriptions
from collectors.mqtt.topics import filters_of, group_of, unshared
from collectors.port import Delivery, Intake
from meterbook.domain.device import MqttConnection
from meterbook.domain.instant import Clock
from meterbook.domain.reading import Receipt, Refusal, Sample
from meterbook.telemetry import log

CONNECT_PATIENCE = 5.0
"""Seconds that reaching a broker, and agreeing on encryption, may take."""

INTAKE_PATIENCE = 1.0
"""Seconds a burst waits for room in the intake before the connection is dropped, so that it is sent again."""

WELCOME_PATIENCE = 5.0
"""Seconds a broker has to answer CONNECT; what speaks no MQTT may never do."""

TOPICS_PER_PACKET = 500
"""Topics that one SUBSCRIBE or UNSUBSCRIBE names."""

STRAYS = 1_000
"""Topics that no subscription of ours asked for, which one session asks the broker to keep to itself."""

COPY = "a second copy, by a subscription of an earlier configuration, which is ended"

_TURN = 0.2  # seconds the network loop waits at most, and with it a stop

_log = log("collectors.mqtt")


class Session:
    """One connection to the broker, from CONNECT to its end.

    Message ids mean something within one connection only: what is committed after its end is not acknowledged, comes
    again in the next, and is then a repetition.
    """

    def __init__(
        self,
        connection: MqttConnection,
        subscriptions: Subscriptions[Decoder],
        deltas: Set[tuple[str, str]],
        arrivals: Arrivals,
        intake: Intake,
        clock: Clock,
        health: Health,
    ) -> None:
        """`deltas` are the points, by device and name, of which each reading is an amount."""
        self.subscribed = False
        self._connection = connection
        self._subscriptions = subscriptions
        self._groups = {group_of(topic) for topic in subscriptions.filters} | {""}
        self._deltas = deltas
        self._arrivals = arrivals
        self._copies = Copies()
        self._ours = set(subscriptions.filters)
        self._intake = intake
        self._clock = clock
        self._health = health
        self._source = connection.id
        self._where = f"{connection.host}:{connection.port}"
        self._properties = self._identified = connection.version == "5"
        self._refused: str | None = None
        self._asked: dict[int, Sequence[str]] = {}
        self._welcome = False
        self._dropped = False
        self._strays: set[str] = set()
        self._lasting: list[int] = []
        self._owed: set[int] = set()
        self._committed: deque[Sequence[int]] = deque()
        self._asleep = False
        self._bell = Doorbell()

    def open(self, encryption: ssl.SSLContext | None) -> Stream:
        """A connection to the broker; raises OSError."""
        self._stream = Stream(tls.connected(self._connection, encryption, CONNECT_PATIENCE))
        return self._stream

    def run(self, make: Callable[[Session], Client], stopping: threading.Event) -> str:
        """Receives until the connection ends, and says why it did."""
        client: Client | None = None
        try:
            client = make(self)
            client.on_connect = self._on_connect
            client.on_subscribe = self._on_subscribe
            client.on_disconnect = self._on_disconnect
            client.enter()
            return self._receive(client, stopping)
        except Malformed as error:
            return str(trouble.no_mqtt(self._where, str(error)))
        except OSError as error:
            lost = f"connection lost: {trouble.plain(error)}"
            return lost if self._welcome else str(trouble.unreached(error, self._where))
        finally:
            self._dropped = True
            self._bell.close()
            link = client.socket() if client is not None else None
            if link is not None:
                link.close()

    def _receive(self, client: Client, stopping: threading.Event) -> str:
        deadline = time.monotonic() + WELCOME_PATIENCE
        more = False
        if client.socket() is not None:
            self._bell.watch(self._stream.fileno())
        while not stopping.is_set():
            if not self._welcome and time.monotonic() > deadline:
                return str(trouble.speechless(self._where))
            if client.socket() is None:
                raise self._stream.fault or ConnectionResetError("closed at once")
            self._wait(client, more)
            more = self._stream.fill()
            ended = self._read(client)
            if self._dropped or ended:
                return self._refused or f"connection lost: {ended}"
        self._acknowledge()
        client.disconnect()
        return "stopped"

    def _wait(self, client: Client, more: bool) -> None:
        """Acknowledges what was committed, and waits until there is something to read, to write or to acknowledge."""
        self._asleep = True
        # After the flag: what is committed from here on rings.
        self._acknowledge()
        self._bell.wait(0.0 if more else _TURN, to_write=self._stream.unsent or client.want_write())
        self._asleep = False
        self._stream.flush()

    def _read(self, client: Client) -> str | None:
        """Takes what has arrived, in the order it came: messages in bursts, all else through paho; why it ends."""
        while not self._dropped:
            burst = self._stream.take(properties=self._properties)
            if burst:
                self._hand_over(burst, client)
            elif not self._stream.has_other:
                break
            elif (ended := client.hear()) is not None:
                return ended
        return client.tend()

    def _hand_over(self, burst: Sequence[Publish], client: Client) -> None:
        """Decodes a burst and offers it in one piece; where there is no room, the connection is dropped."""
        try:
            out, strays = self._decoded(burst)
            if self._lasting:
                self._arrivals.keep(self._lasting)
                self._lasting.clear()
            # What an impatient broker repeats within a connection is acknowledged once: its id may soon mean another.
            mids = [mid for mid in dict.fromkeys(one.mid for one in burst) if mid is not None and mid not in self._owed]
            self._owed.update(mids)
            done, failed = (partial(self._done, mids), self._drop) if mids else (None, None)
            kept = self._intake.offer(Delivery(self._source, out.samples, out.refusals, done, failed), INTAKE_PATIENCE)
            for reply in out.replies:
                client.publish(reply.topic, reply.payload, qos=0)
            for topic in strays:
                self._turn_away(topic, client)
        except Exception as error:  # noqa: BLE001  an exception would end the session for every device (trap 28)
            _log.error("messages not handed over", source=self._source, error=repr(error))
            kept = False
        if not kept:
            self._drop()

    def _decoded(self, burst: Sequence[Publish]) -> tuple[Decoded, set[str]]:
        """What came of a burst, and the topics in it that no device publishes on."""
        out, strays = Decoded(), set()
        source, now = self._source, self._clock()
        for one in burst:
            received = self._arrivals.at(one, now)
            try:
                name = one.topic.decode()
            except UnicodeDecodeError:
                reason = "the topic is not UTF-8"
                out.refusals.append(Refusal(source, "topic", reason, excerpt(one.payload), received))
                continue
            decoders, ours = self._meant(name, one)
            if not ours:
                strays.add(name)
            message = Message(source, name, one.payload, received, one.retained, one.again, one.size)
            if self._identified and self._copies.has(one, ours=ours):
                out.refuse(message, name, COPY)
            else:
                before = len(out.samples)
                decode(message, decoders, out)
                if self._deltas and one.mid is not None and self._is_undated(out.samples[before:]):
                    self._lasting.append(one.mid)
        return out, strays

    def _is_undated(self, samples: Sequence[Sample]) -> bool:
        """Whether an amount among some samples has no instant of its own: with another arrival it counts twice."""
        return any(one.at is None and (one.device, one.point) in self._deltas for one in samples)

    def _meant(self, topic: str, one: Publish) -> tuple[Sequence[Decoder], bool]:
        """What reads a message, and whether it came by a subscription of ours; by another it may have waited for us."""
        found = self._subscriptions.find_by(topic, one.subscriptions) if self._identified else ()
        if found:
            return found, True
        found = self._subscriptions.find(topic)
        return found, bool(found) and not self._identified

    def _turn_away(self, topic: str, client: Client) -> None:
        """Ends what an earlier configuration subscribed to: every filter that can match a topic and is not ours."""
        if topic in self._strays or len(self._strays) >= STRAYS:
            return
        self._strays.add(topic)
        told = [f"{group}{one}" for group in sorted(self._groups) for one in filters_of(topic)]
        self._leave(client, [one for one in told if one not in self._ours])

    def _leave(self, client: Client, topics: Sequence[str]) -> None:
        for start in range(0, len(topics), TOPICS_PER_PACKET):
            client.leave(topics[start : start + TOPICS_PER_PACKET])

    def _acknowledge(self) -> None:
        """Acknowledges what was committed since; on this thread, since the writer's has better to do."""
        mids: list[int] = []
        while self._committed:
            mids += self._committed.popleft()
        if mids:
            self._owed.difference_update(mids)
            self._stream.send(acknowledgements(mids))
            self._arrivals.acknowledged(mids, time.monotonic())

    def _done(self, mids: Sequence[int], _receipt: Receipt) -> None:
        """A burst is on disk. Its acknowledgement waits for the network thread, which is woken when it sleeps."""
        self._committed.append(mids)
        if self._asleep:
            self._asleep = False
            self._bell.ring()

    def _drop(self, _error: Exception | None = None) -> None:
        """Ends the connection: the broker sends again in the next what this one did not acknowledge."""
        if not self._dropped:
            self._refused = "readings could not be stored; the connection was dropped so that they are sent again"
            self._dropped = True
            self._bell.ring()

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Reason, properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(trouble.refused(reason.value, str(reason)))
            return
        self._welcome = True
        # The session may be older than a group in it; the broker would deliver for both.
        self._leave(client, unshared(self._subscriptions.filters))
        self._identified = self._properties and getattr(properties, "SubscriptionIdentifierAvailable", 1) != 0
        if self._identified:
            for identifier, topics in self._subscriptions.identified.items():
                self._listen(client, topics, identifier)
        else:
            self._leave(client, self._subscriptions.covered)
            covered = set(self._subscriptions.covered)
            self._listen(client, [one for one in self._subscriptions.filters if one not in covered])

    def _listen(self, client: Client, topics: Sequence[str], identifier: int | None = None) -> None:
        for start in range(0, len(topics), TOPICS_PER_PACKET):
            asked = topics[start : start + TOPICS_PER_PACKET]
            mid = client.listen(asked, identifier)
            if mid is not None:
                self._asked[mid] = asked

    def _on_subscribe(self, _client: Any, _userdata: Any, mid: int, reasons: list[Reason], _properties: Any) -> None:
        asked = self._asked.pop(mid, [])
        refused = [topic for topic, reason in zip(asked, reasons, strict=False) if reason.is_failure]
        if refused:
            more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
            self._refused = f"the broker refuses the subscription to {refused[0]}{more}"
            self._health.down(self._refused)
        elif not self._asked and self._refused is None:
            self.subscribed = True
            self._health.up()

    def _on_disconnect(self, _client: Any, _userdata: Any, flags: Any, reason: Reason, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._refused = f"the broker ends the connection: {reason}"

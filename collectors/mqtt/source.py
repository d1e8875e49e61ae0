"""A broker and the devices that publish on it: one session after the other, for as long as it takes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from collectors.health import Health
from collectors.mqtt import tls
from collectors.mqtt.arrivals import Arrivals
from collectors.mqtt.client import Client, prepared
from collectors.mqtt.decoders import entries
from collectors.mqtt.journal import Journal
from collectors.mqtt.session import Session
from collectors.mqtt.subscriptions import Subscriptions
from collectors.port import Intake, Status
from meterbook.domain.device import Device, MqttConnection
from meterbook.domain.instant import Clock

RECONNECT_PAUSE = (0.5, 8.0)
"""Seconds between sessions: the first pause, and the longest before jitter."""


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
        memory: Path | None = None,
    ) -> None:
        """`client_id` names the session at the broker (the connection's own comes first); ValueError: a bad topic.

        `memory` is a directory for what has to outlive the process; without one nothing does.
        """
        self._connection = connection
        self._subscriptions = Subscriptions(entries(devices), connection.share)
        self._deltas = {
            (device.id, name) for device in devices for name, spec in device.specs.items() if spec.kind == "delta"
        }
        self._arrivals = Arrivals(Journal(memory / f"mqtt-{connection.id}.journal" if memory else None))
        self._intake = intake
        self._clock = clock
        self._health = Health(connection.id, clock)
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
        return self._health.status()

    def _run(self) -> None:
        try:
            self._meet()
        except BaseException as error:  # noqa: BLE001  nobody else would ever know
            self._health.down(f"the network thread has ended ({error!r}); restart the service")
        finally:
            self._arrivals.close()

    def _meet(self) -> None:
        failures = 0
        is_loaded = False
        while not self._stopping.is_set():
            session: Session | None = None
            try:
                is_loaded = is_loaded or self._load()
                session = self._session()
                reason = session.run(self._client, self._stopping)
            except Exception as error:  # noqa: BLE001  the thread outlives whatever happens to one session
                reason = str(error) if isinstance(error, ValueError) else f"session failed: {error!r}"
            with suppress(OSError):  # the journal then holds more than it need
                self._arrivals.ended(time.monotonic())
            if self._stopping.is_set():
                return
            self._health.down(reason)
            failures = 0 if session is not None and session.subscribed else failures + 1
            first, longest = RECONNECT_PAUSE
            pause = min(first * 2 ** min(failures, 10), longest)
            self._stopping.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311  jitter is no secret

    def _load(self) -> bool:
        try:
            self._arrivals.load()
        except OSError as error:
            raise ValueError(f"what arrived before the last end cannot be read: {error}") from error
        return True

    def _session(self) -> Session:
        return Session(
            self._connection,
            self._subscriptions,
            self._deltas,
            self._arrivals,
            self._intake,
            self._clock,
            self._health,
        )

    def _client(self, session: Session) -> Client:
        """A client for one session; ValueError where a secret or a certificate is missing."""
        connection = self._connection
        encryption = None if connection.tls is None else tls.context(connection.tls)
        return prepared(connection, self._client_id, self._secret, lambda: session.open(encryption))

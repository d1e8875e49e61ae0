"""Carries what is due from the outbox to its channels, until each message is sent or given up."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event, Thread

from meterbook import telemetry
from meterbook.domain.instant import HOUR, SECOND, Clock, Instant
from meterbook.domain.message import Message
from meterbook.notify.port import Channel, Outbox, Refused, Sent

PAUSE = 1.0
"""Seconds between turns."""

AT_ONCE = 100
"""Messages of one turn, at most."""

TRIES = 8
FIRST_WAIT: Instant = 15 * SECOND
LONGEST_WAIT: Instant = HOUR
"""A refused message is tried again after the first wait, doubled each time: eight tries take about half an hour."""

_log = telemetry.log("notify")


class Courier:
    """Sends from `outbox` over `channels`, which are named as addresses begin (`log:` goes to `log`)."""

    def __init__(self, outbox: Outbox, clock: Clock, channels: Mapping[str, Channel]) -> None:
        self._outbox = outbox
        self._clock = clock
        self._channels = channels
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="courier", daemon=True)
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why nothing can be sent at present, None while all is well."""
        return self._trouble

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the message under way is settled."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def turn(self, now: Instant) -> int:
        """Try what is due, once each; returns how many messages were tried.

        A message is sent before the books know of it: after a crash in between it is sent twice rather than never.
        """
        messages = self._outbox.due(now, AT_ONCE)
        for tried, message in enumerate(messages):
            if self._stopping.is_set():
                return tried
            self._settle(message, self._send(message), now)
        return len(messages)

    def _send(self, message: Message) -> Sent | Refused:
        channel = self._channels.get(message.channel)
        if channel is None:
            return Refused(f"channel {message.channel} is not available yet", retry=False)
        try:
            return channel.send(message)
        except Exception as error:  # noqa: BLE001 a channel's mistake must not silence the others
            return Refused(f"channel {message.channel} failed: {error!r}", retry=True)

    def _settle(self, message: Message, answer: Sent | Refused, now: Instant) -> None:
        if isinstance(answer, Sent):
            self._outbox.sent(message.id, now)
            outcome = "sent"
        elif answer.retry and message.tries + 1 < TRIES:
            wait = min(FIRST_WAIT * 2**message.tries, LONGEST_WAIT)
            self._outbox.failed(message.id, now, answer.reason, now + wait)
            outcome = "retried"
        else:
            self._outbox.failed(message.id, now, answer.reason, None)
            _log.error("message undelivered", incident=message.incident, to=message.address, reason=answer.reason)
            outcome = "failed"
        telemetry.MESSAGES.labels(message.channel, outcome).inc()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE):
            try:
                self.turn(self._clock())
            except Exception as error:  # noqa: BLE001 the messages still wait, and the next turn tries again
                if self._trouble is None:
                    _log.error("messages cannot be sent; will try again", error=repr(error))
                self._trouble = f"messages cannot be sent: {error!r}"
            else:
                self._trouble = None

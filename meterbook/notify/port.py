"""What the courier needs: channels that carry a message, and the outbox it takes them from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from meterbook.domain.instant import Instant
from meterbook.domain.message import Message


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel took the message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel did not take it: why, and whether another try can help."""

    reason: str
    retry: bool


class Channel(Protocol):
    """A way to reach people. The fake is meterbook.notify.recorder.Recorder."""

    def send(self, message: Message) -> Sent | Refused:
        """Carry a message, within seconds; what goes wrong is in the answer."""


class Outbox(Protocol):
    """Messages that wait. Implemented by the books; every call is durable when it returns."""

    def due(self, now: Instant, limit: int) -> Sequence[Message]:
        """Messages to be sent at `now`, those that wait longest first, at most `limit`."""

    def sent(self, id: int, now: Instant) -> None:
        """A message has reached its channel."""

    def failed(self, id: int, now: Instant, reason: str, retry_at: Instant | None) -> None:
        """A try was refused: wait until `retry_at`, or give the message up where that is None."""

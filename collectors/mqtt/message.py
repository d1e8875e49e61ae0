"""What came on a topic, and what is made of it. Pure."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import orjson

from collectors.excerpt import excerpt
from collectors.mqtt.repeated import unambiguous
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Refusal, Sample

MAX_PAYLOAD = 256 * 1024
"""Bytes; a longer payload is refused unread."""

RETAINED = "retained message without an instant of its own"

_UNREAD = object()


class Unreadable(ValueError):
    """A message of which nothing can be read, with the reason."""


class Message:
    """`source` is the connection; a retained message was published earlier, maybe long ago.

    One that comes `again` may have been read before. `size` is the bytes that were published: more than MAX_PAYLOAD are
    not read, and the payload may then be their beginning only.
    """

    __slots__ = ("_document", "again", "payload", "received", "retained", "size", "source", "topic")

    def __init__(
        self,
        source: str,
        topic: str,
        payload: bytes,
        received: Instant,
        retained: bool,
        again: bool = False,
        size: int | None = None,
    ) -> None:
        self.source = source
        self.topic = topic
        self.payload = payload
        self.received = received
        self.retained = retained
        self.again = again
        self.size = len(payload) if size is None else size
        self._document: object = _UNREAD

    @property
    def document(self) -> object:
        """The payload as JSON, parsed once for all devices on its topic; raises Unreadable.

        What stands at a key more than once, with different values, is REPEATED.
        """
        if self._document is _UNREAD:
            try:
                self._document = unambiguous(orjson.loads(self.payload), self.payload)
            except orjson.JSONDecodeError as error:
                raise Unreadable(f"no JSON: {error}") from error
        return self._document


class Reply(NamedTuple):
    """What a decoder wants published: a Sparkplug rebirth request, the one thing ever sent to the field."""

    topic: str
    payload: bytes


class Decoded:
    """What came of one or more messages."""

    __slots__ = ("refusals", "replies", "samples")

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.refusals: list[Refusal] = []
        self.replies: list[Reply] = []

    def refuse(self, message: Message, subject: str, reason: str) -> None:
        """Set a message, or a point of it, aside."""
        self.refusals.append(
            Refusal(message.source, excerpt(subject), reason, excerpt(message.payload), message.received)
        )


class Decoder(Protocol):
    """Reads the messages of one device (or of an edge node and the devices behind it)."""

    def read(self, message: Message, out: Decoded) -> None:
        """Adds to `out` what a message holds; raises Unreadable where that is nothing and should be something."""

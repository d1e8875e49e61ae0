"""A channel that remembers: the fake of the port, for tests and for trying rules."""

from __future__ import annotations

from collections.abc import Iterable

from meterbook.domain.message import Message
from meterbook.notify.port import Refused, Sent


class Recorder:
    """Keeps what it is given in `messages`. The first answers are `refusals`, in order; then everything is taken."""

    def __init__(self, refusals: Iterable[Refused] = ()) -> None:
        self.messages: list[Message] = []
        self._refusals = list(refusals)

    def send(self, message: Message) -> Sent | Refused:
        """See Channel."""
        if self._refusals:
            return self._refusals.pop(0)
        self.messages.append(message)
        return Sent()

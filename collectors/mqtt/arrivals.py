"""When messages arrived: no two at one instant, and a message that is sent again when it first did. Pure."""

from __future__ import annotations

from collectors.mqtt.packets import Publish
from meterbook.domain.instant import SECOND, Instant

STEP_BACK = 60 * SECOND
"""How far a clock may be set back without instants of arrival that follow it back."""


class Arrivals:
    """Instants of the messages of one connection, over all its sessions.

    Readings without an instant of their own are told apart by the one of their arrival, so it rises with each message,
    by a microsecond at least. What a broker sends again bears the id it had, and keeps the instant it was given: it is
    then a repetition, not another reading. There are 65,535 ids, so no more is remembered.
    """

    def __init__(self) -> None:
        self._latest: Instant = 0
        self._by_mid: dict[int, tuple[int, Instant]] = {}

    def at(self, one: Publish, now: Instant) -> Instant:
        """The instant of a message that is taken from the stream `now`."""
        if one.mid is None:
            return self._next(now)
        content = hash((one.topic, one.payload))
        if one.again:
            known, arrived = self._by_mid.get(one.mid, (None, 0))
            if known == content:
                return arrived
        arrived = self._next(now)
        self._by_mid[one.mid] = content, arrived
        return arrived

    def _next(self, now: Instant) -> Instant:
        if self._latest - STEP_BACK < now <= self._latest:
            now = self._latest + 1
        self._latest = now
        return now

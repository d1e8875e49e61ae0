"""When messages arrived: no two at one instant, and a message that is sent again when it first did."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.mqtt.journal import Arrival, Journal
from collectors.mqtt.packets import Publish
from meterbook.domain.instant import MINUTE, SECOND, Instant

STEP_BACK = 60 * SECOND
"""How far a clock may be set back without instants of arrival that follow it back."""

UNDER_WAY = 60.0
"""Seconds an acknowledgement may take to the broker; one that hears nothing for longer ends the connection."""

BEFORE_THE_END: Instant = 10 * MINUTE
"""What arrived in the last minutes before a collector ended may not have been acknowledged, however it ended."""

SPARE = 10_000
"""Arrivals that have no use any more and may stand in the journal."""


@dataclass(slots=True)
class _Known:
    """A checksum of topic and payload, when the message arrived, and when this connection acknowledged it."""

    content: int
    at: Instant
    acknowledged: float | None = None


class Arrivals:
    """Instants of the messages of one connection, over all its sessions.

    Readings without an instant of their own are told apart by the one of their arrival, so it rises with each message,
    by a microsecond at least. What a broker sends again bears the id it had, and keeps the instant it was given: it is
    then a repetition, not another reading. Where another reading would be another amount, the arrival is in the journal
    before the reading is on its way, and so outlives the process. There are 65,535 ids, so no more is remembered; an id
    whose acknowledgement has surely arrived may mean another message, of the same content.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._latest: Instant = 0
        self._by_mid: dict[int, _Known] = {}
        self._lasting: set[int] = set()

    def load(self) -> None:
        """Know again what the journal holds of the time before the last end; raises OSError."""
        arrivals = self._journal.read()
        newest = max((one.at for one in arrivals), default=0)
        self._by_mid = {one.mid: _Known(one.content, one.at) for one in arrivals if one.at > newest - BEFORE_THE_END}
        self._lasting = set(self._by_mid)

    def at(self, one: Publish, now: Instant) -> Instant:
        """The instant of a message that is taken from the stream `now`."""
        if one.mid is None:
            return self._next(now)
        content = zlib.crc32(one.payload, zlib.crc32(one.topic))
        if one.again:
            known = self._by_mid.get(one.mid)
            if known is not None and known.content == content:
                return known.at
        arrived = self._next(now)
        self._by_mid[one.mid] = _Known(content, arrived)
        return arrived

    def keep(self, mids: Iterable[int]) -> None:
        """Have the arrivals of some messages on disk when it returns; raises OSError."""
        fresh = set(mids)
        if len(self._journal) > len(self._lasting) + SPARE:
            self._journal.replace(self._of(self._lasting))
        self._journal.add(self._of(fresh))
        self._lasting |= fresh

    def acknowledged(self, mids: Iterable[int], seconds: float) -> None:
        """Some messages are acknowledged, at `seconds` of a clock that never steps."""
        for mid in mids:
            if known := self._by_mid.get(mid):
                known.acknowledged = seconds

    def ended(self, seconds: float) -> None:
        """A connection has ended, at `seconds` of the same clock: what it acknowledged well before is forgotten.

        Raises OSError where the journal cannot be written; it then holds more than that.
        """
        done = [
            mid
            for mid, known in self._by_mid.items()
            if known.acknowledged is not None and known.acknowledged < seconds - UNDER_WAY
        ]
        for mid in done:
            del self._by_mid[mid]
        for known in self._by_mid.values():
            known.acknowledged = None  # by a connection that lasts no longer: nobody knows whether that arrived
        self._lasting.difference_update(done)
        if len(self._journal) > len(self._lasting):
            self._journal.replace(self._of(self._lasting))

    def close(self) -> None:
        """Nothing more arrives."""
        self._journal.close()

    def _of(self, mids: Iterable[int]) -> list[Arrival]:
        return [Arrival(mid, self._by_mid[mid].content, self._by_mid[mid].at) for mid in mids]

    def _next(self, now: Instant) -> Instant:
        if self._latest - STEP_BACK < now <= self._latest:
            now = self._latest + 1
        self._latest = now
        return now

"""A remote store with a spool in front: what is appended is on disk here, and lands there when it can."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from secrets import token_hex
from threading import Condition, Thread

from meterbook import telemetry
from meterbook.domain.instant import Clock, Instant, iso
from meterbook.domain.reading import Outcome, Reading, Series
from meterbook.readings.fault import Away, StoreError
from meterbook.readings.port import Batch, Conflict, Landing, RemoteStore
from meterbook.readings.relanding import land_again
from meterbook.readings.rollups import Rollups
from meterbook.readings.spool import Spool

TOGETHER = 10_000
"""Readings that land together, about."""

FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WAIT = 0.5, 30.0, 300.0
"""Seconds between attempts while the store is away: doubled each time; and the longest a server may ask for."""

IDLE = 60.0
"""Seconds after which a store is asked whether it has been started anew, where nothing comes in."""

FULL_SOON = 0.7
"""The share of the spool's limits from which on somebody should know."""

_log = telemetry.log("spool")


class SpooledStore:
    """A ReadingStore whose `append` needs the disk only, and whose readings can be read once they have landed.

    `start` begins to empty the spool into the remote store, in order, and tells of each landing.
    """

    def __init__(self, remote: RemoteStore, spool: Spool) -> None:
        self._remote, self._spool = remote, spool
        self._work = Condition()
        self._news = self._stopping = False
        self._thread: Thread | None = None
        self._landed: Callable[[Landing], None] = lambda _: None
        self._clock: Clock | None = None
        self._away: tuple[str, Instant] | None = None
        self._pause = FIRST_PAUSE
        self._warned = False
        self._run_of_ours, self._times_away = token_hex(8), 0

    @property
    def trouble(self) -> str | None:
        """Why readings wait and what to mend, or that the spool is nearly full; None while all is well."""
        told = []
        if self._thread is not None and not self._thread.is_alive() and not self._stopping:
            told.append("nothing empties the spool any more; restart the service")
        if self._away is not None:
            reason, since = self._away
            told.append(f"since {iso(since)}: {reason}; readings wait on disk")
        fill = self._measure()
        if fill >= FULL_SOON:
            told.append(f"the spool is {fill:.0%} full, and will refuse readings when it is; see storage.spool")
        return "; ".join(told) or None

    def start(self, landed: Callable[[Landing], None], clock: Clock) -> None:
        """Begin to empty the spool. `landed` is called for each landing before it is forgotten here; it may raise."""
        self._landed, self._clock = landed, clock
        self._thread = Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Let land what can within `patience` seconds, and stop; the rest waits on disk for the next start."""
        if self._thread is None:
            return
        with self._work:
            self._work.wait_for(lambda: self._away is not None or not self._spool.waiting, patience)
            self._stopping = True
            self._work.notify_all()
        self._thread.join()

    def append(self, readings: Sequence[Reading], now: Instant) -> list[Outcome]:
        """See ReadingStore; raises StoreError where spool or disk is full, naming the setting."""
        for reading in readings:
            if not math.isfinite(reading.value):
                raise StoreError(f"spool: {reading.point} has a value that is no finite number; refuse it before")
        if readings:
            self._spool.append(Batch(readings, now))
            with self._work:
                self._news = True
                self._work.notify_all()
        return [Outcome.SPOOLED] * len(readings)

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """See ReadingStore."""
        return self._remote.read(point, start, end)

    def before(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        return self._remote.before(point, at)

    def following(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        return self._remote.following(point, at)

    def latest(self, points: Iterable[str] | None = None) -> dict[str, Reading]:
        """See ReadingStore."""
        return self._remote.latest(points)

    def conflicts(self, point: str, start: Instant, end: Instant) -> list[Conflict]:
        """See ReadingStore."""
        return self._remote.conflicts(point, start, end)

    def rolled(self, point: str, start: Instant, end: Instant) -> Rollups:
        """See ReadingStore."""
        return self._remote.rolled(point, start, end)

    def points(self) -> list[str]:
        """See ReadingStore."""
        return self._remote.points()

    def close(self) -> None:
        """See ReadingStore; stop it first."""
        self._spool.close()
        self._remote.close()

    def _run(self) -> None:
        while not self._stopping:
            self._news = False
            try:
                if self._turn():
                    continue
            except Exception as error:  # noqa: BLE001 the spool must be emptied whatever a server or a disk does
                self._failed(error)
                self._sleep(lambda: self._stopping, self._pause_after(error))
            else:
                self._sleep(lambda: self._stopping or self._news, IDLE)

    def _turn(self) -> bool:
        """Let the oldest readings land; False when none wait."""
        self._land_again_what_was_lost()
        batches, mark = self._spool.take(TOGETHER)
        if batches:
            self._landed(self._remote.land(batches))
        self._spool.landed(mark)
        self._recovered()
        with self._work:
            self._work.notify_all()
        return bool(batches)

    def _land_again_what_was_lost(self) -> None:
        """A store that has been started anew may have lost what it acknowledged: it is given that again."""
        life = self._remote.life() or f"nameless {self._run_of_ours} {self._times_away}"
        if life == self._spool.store_life:
            return
        lost = 0
        for landing in land_again(self._remote, lambda: self._spool.landed_lately(TOGETHER)):
            lost += len(landing.readings)
            self._landed(landing)
        self._spool.store_life = life
        if lost:
            telemetry.STORE_LOST.inc(lost)
            _log.error("the store had lost readings that it acknowledged; they have landed again", readings=lost)

    def _sleep(self, until: Callable[[], bool], seconds: float) -> None:
        with self._work:
            self._work.wait_for(until, seconds)

    def _pause_after(self, error: Exception) -> float:
        if isinstance(error, Away) and error.wait is not None:
            return min(error.wait, LONGEST_WAIT)
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause

    def _failed(self, error: Exception) -> None:
        telemetry.STORE_FAILURES.inc()
        reason = str(error) if isinstance(error, StoreError) else repr(error)
        if self._away is None:
            self._times_away += 1
            _log.error("readings wait in the spool", reason=reason)
        with self._work:
            self._away = (reason, self._away[1] if self._away else self._now())
            self._work.notify_all()
        self._measure()

    def _recovered(self) -> None:
        if self._away is not None:
            _log.info("readings land again", bytes_waiting=self._spool.waiting)
        self._away, self._pause = None, FIRST_PAUSE
        self._measure()

    def _now(self) -> Instant:
        return self._clock() if self._clock is not None else 0

    def _measure(self) -> float:
        """How full the spool is; said once when it passes the limit of comfort."""
        fill = self._spool.fill(self._now())
        telemetry.SPOOL_BYTES.set(self._spool.waiting)
        telemetry.SPOOL_FILL.set(fill)
        if fill >= FULL_SOON and not self._warned:
            _log.warning("the spool fills up and will refuse readings when it is full", share=round(fill, 2))
        self._warned = fill >= FULL_SOON
        return fill

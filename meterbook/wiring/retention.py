"""Lets raw readings go when they are old enough, and keeps what must last of them.

Counters keep every reading that consumption stands on, gauges what they were in each quarter of an hour. Every step is
a small transaction of its own: ended anywhere, the next turn goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

import numpy as np

from meterbook import telemetry
from meterbook.accounting.port import Corrections
from meterbook.accounting.thinning import spare
from meterbook.domain.calendar import GRID
from meterbook.domain.instant import DAY, Clock, Instant
from meterbook.domain.quantity import Kind
from meterbook.domain.reading import Series
from meterbook.domain.site import Site
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import Settings

PAUSE = 60.0
"""Seconds between looks at the clock; a turn is due with each new local day, and at the start."""

TOGETHER = 2_000
"""Readings that go in one transaction, about."""

_EVER: Instant = 2**62

_log = telemetry.log("retention")


class Retention:
    """Applies the retention of the settings to a store, in the background once started, or one `turn` at a time."""

    def __init__(
        self, site: Site, settings: Settings, store: SqliteStore, corrections: Corrections, clock: Clock
    ) -> None:
        self._site, self._settings, self._store, self._clock = site, settings, store, clock
        self._corrections = corrections
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to let readings go."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the step under way is done."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def swap(self, site: Site) -> None:
        """Judge by another version of the site from the next point on."""
        self._site = site

    def turn(self, now: Instant, tell: Callable[[int, int], None] = lambda _done, _all: None) -> int:
        """Let go what is too old at `now`; how many readings went. `tell` is given the points done and all of them."""
        points = self._store.points()
        gone = 0
        for number, point in enumerate(points):
            if self._stopping.is_set():
                break
            gone += self._go_through(point, now)
            tell(number + 1, len(points))
        return gone

    def _go_through(self, point: str, now: Instant) -> int:
        """One point; nothing goes of those that the site does not know."""
        site = self._site
        known = site.points.get(point)
        age = None if known is None else self._settings.kept(known.spec.quantity)
        if known is None or age is None:
            return 0
        before = (now - age) // GRID * GRID
        kind = _kind(site, point, known.spec.kind)
        if kind == "counter":
            return self._thin(site, point, before)
        return 0 if kind == "delta" else self._roll_up(point, before)

    def _thin(self, site: Site, point: str, before: Instant) -> int:
        series = self._store.read(point, -_EVER, _EVER)
        may_go = spare(site, point, series, before, self._corrections.active())
        going = Series(series.at[may_go], series.value[may_go], series.quality[may_go])
        done = gone = 0
        while done < len(going) and not self._stopping.is_set():
            # Whole quarters together: half of one gone would be neither as it was nor as it was judged to become.
            last = int(going.at[min(done + TOGETHER, len(going)) - 1])
            until = int(np.searchsorted(going.at, (last // GRID + 1) * GRID))
            part = slice(done, until)
            step = Series(going.at[part], going.value[part], going.quality[part])
            gone += self._step("thinned", lambda step=step: self._store.remove(point, step))  # type: ignore[misc]
            done = until
        return gone

    def _roll_up(self, point: str, before: Instant) -> int:
        """All but the quarter of the latest reading: what a point last said can always be asked."""
        latest = self._store.latest([point])[point].at // GRID * GRID
        end, gone = min(before, latest), 0
        first = self._store.following(point, -_EVER)
        while first is not None and first.at < end and not self._stopping.is_set():
            start, until = first.at // GRID * GRID, min((first.at // DAY + 1) * DAY, end)
            gone += self._step("rolled", lambda span=(start, until): self._store.roll_up(point, *span))  # type: ignore[misc]
            first = self._store.following(point, until)
        return gone

    def _step(self, how: str, transaction: Callable[[], int]) -> int:
        """Do a transaction, and leave the store to others for as long as it took."""
        begun = time.monotonic()
        gone = transaction()
        telemetry.REMOVED.labels(how).inc(gone)
        self._stopping.wait(time.monotonic() - begun)
        return gone

    def _run(self) -> None:
        done = None
        while not self._stopping.wait(PAUSE):
            now = self._clock()
            today = self._site.calendar.day_of(now)
            if today == done:
                continue
            begun = time.monotonic()
            try:
                gone = self.turn(now)
            except Exception as error:  # noqa: BLE001 what could not go today goes tomorrow
                _log.error("old readings could not all go; tries again tomorrow", error=str(error))
            else:
                _log.info("old readings went", readings=gone, seconds=round(time.monotonic() - begun, 1))
            done = today


def _kind(site: Site, point: str, kind: Kind) -> Kind:
    """How a point is treated: whatever a meter reads is its register."""
    for meter in site.meters.values():
        if point in meter.reactive or (meter.physical and (meter.reads or meter.id) == point):
            return "delta" if meter.delta else "counter"
    return kind

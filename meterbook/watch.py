"""Follows the arrival log, lets the alert engine judge what came, and writes down what it says.

Where a spool lies before a remote store, readings are judged as soon as they are heard, not when they have landed: a
chiller that overheats while the database is away is reported all the same. What is heard comes again by the log.

Incidents, messages, the engine's state and the place in the log go into the books in one transaction: after a crash
the same news are judged again from the same state, and nobody is told twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event as Signal
from threading import Lock, Thread
from typing import Any, Protocol

import numpy as np
from sqlalchemy import Connection

from alerts import policy
from alerts.decision import Decision
from alerts.engine import Engine
from meterbook import telemetry
from meterbook.books import arrivals, engine, incidents, outbox
from meterbook.books.arrivals import Arrival
from meterbook.books.database import Books
from meterbook.domain.incident import Deed, Event, Incident, NotPossible
from meterbook.domain.instant import Clock, Instant
from meterbook.domain.reading import ABSURD_PAST, Reading, Series
from meterbook.domain.site import Site
from meterbook.notify import templates
from meterbook.readings.fault import Away
from meterbook.readings.port import ReadingStore

PAUSE = 1.0
"""Seconds between turns; also how often silence is looked for when nothing arrives."""

LONGEST_PAUSE = 30.0
PAGE = 1_000
"""Arrivals read at a time."""

LOG_KEPT = 100_000
"""Arrivals that stay in the log behind the one last judged, for whoever follows it more slowly."""

HEARD = 200_000
"""Readings heard that wait for a turn; what comes beyond is judged when it has landed."""

BY = "meterbook"
"""Who is written down for what the engine does."""

_log = telemetry.log("watch")


class Judge(Protocol):
    """What a watch asks of an alert engine; see alerts.engine.Engine."""

    @property
    def points(self) -> frozenset[str]:
        """The points whose readings it wants."""

    def step(
        self, state: dict[str, Any], news: Mapping[str, Series], now: Instant
    ) -> tuple[dict[str, Any], list[Decision]]:
        """The state after the news, and what was decided; the very same state object when nothing changed."""


@dataclass(slots=True)
class _News:
    """What arrived since a place in the log: one range of time for all points, and further ranges of late points."""

    sequence: int
    start: Instant | None = None
    end: Instant | None = None
    late: dict[str, tuple[Instant, Instant]] = field(default_factory=dict)

    def add(self, arrival: Arrival) -> None:
        self.sequence = arrival.sequence
        if arrival.start is not None and arrival.end is not None:
            self.start = arrival.start if self.start is None else min(self.start, arrival.start)
            self.end = arrival.end if self.end is None else max(self.end, arrival.end)
        for point, start, end in arrival.late:
            known = self.late.get(point, (start, end))
            self.late[point] = min(known[0], start), max(known[1], end)

    def ranges(self, point: str) -> list[tuple[Instant, Instant]]:
        """The ranges, ends included, in which a point may have news: in order, without overlap."""
        found = [self.late[point]] if point in self.late else []
        if self.start is not None and self.end is not None:
            found.append((self.start, self.end))
        found.sort()
        if len(found) == 2 and found[1][0] <= found[0][1]:
            return [(found[0][0], max(found[0][1], found[1][1]))]
        return found


class Watch:
    """The one alert engine of a service, in a thread of its own. `public_url` is what links in messages begin with.

    One that `listens` is told by `hear` of everything its process collects, and judges while the store is away.
    """

    def __init__(
        self,
        site: Site,
        store: ReadingStore,
        books: Books,
        clock: Clock,
        engine: Callable[[Site], Judge] = Engine,
        public_url: str | None = None,
        *,
        listens: bool = False,
    ) -> None:
        self._listens = listens
        self._heard: list[Reading] = []
        self._ear = Lock()
        self._store = store
        self._books = books
        self._clock = clock
        self._engine = engine
        self._public_url = public_url
        self._seat: tuple[Site, Judge] = (site, engine(site))
        self._orphans_sought = False
        self._stopping = Signal()
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why nothing can be judged at present, None while all is well."""
        return self._trouble

    def start(self) -> None:
        """Begin to follow the log."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the turn under way has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def swap(self, site: Site) -> None:
        """Judge by another version of the site from the next turn on; what its rules no longer watch is cleared."""
        self._seat = (site, self._engine(site))
        self._orphans_sought = False

    def hear(self, readings: Sequence[Reading]) -> None:
        """Take readings that cannot be read from the store yet, for the next turn."""
        points = self._seat[1].points
        with self._ear:
            room = HEARD - len(self._heard)
            self._heard += [reading for reading in readings if reading.point in points][:room]

    def turn(self, now: Instant) -> int:
        """Judge everything that arrived; returns how many decisions the engine came to.

        All that has arrived is judged at once: judged in parts, a device whose newer readings wait in the log would
        look silent. Raises what the store, the books or the engine raise, and has then changed nothing.
        """
        with self._ear:
            heard, self._heard = self._heard, []
        try:
            return self._judge(heard, now)
        except BaseException:
            with self._ear:
                self._heard = [*heard, *self._heard][:HEARD]
            raise

    def _judge(self, heard: Sequence[Reading], now: Instant) -> int:
        site, judge = self._seat
        with self._books.read() as connection:
            before, sequence = engine.load(connection)
            news = _news(connection, sequence)
        try:
            readings = self._readings(judge.points, news)
        except Away:
            if not self._listens:
                raise
            readings, news = {}, _News(sequence)  # the log is followed from there when the store is back
        state, decisions = judge.step(before, _with_heard(readings, heard), now)
        if state is before and not decisions and news.sequence == sequence and self._orphans_sought:
            return 0
        with self._books.write() as connection:
            self._clear_orphans(connection, site, now)
            raised = self._write_down(connection, site, decisions, now)
            engine.save(connection, state, news.sequence)
            arrivals.forget(connection, news.sequence - LOG_KEPT)
        self._orphans_sought = self._seat[0] is site
        for incident in raised:
            telemetry.INCIDENTS.labels(incident.rule, incident.severity).inc()
        return len(decisions)

    def _readings(self, points: frozenset[str], news: _News) -> dict[str, Series]:
        if points and not self._listens:
            self._store.before(min(points), ABSURD_PAST)  # while the store is away, nothing new is no silence
        found: dict[str, Series] = {}
        for point in points:
            parts = [self._store.read(point, start, end + 1) for start, end in news.ranges(point)]
            whole = _joined([part for part in parts if len(part)])
            if whole is not None:
                found[point] = whole
        return found

    def _write_down(
        self, connection: Connection, site: Site, decisions: Sequence[Decision], now: Instant
    ) -> list[Incident]:
        """Incidents, their events and messages; returns the incidents that were raised."""
        if not decisions:
            return []
        standing = {(incident.rule, incident.subject): incident for incident in incidents.standing(connection)}
        raised: list[Incident] = []
        for decision in decisions:
            key = (decision.rule, decision.subject)
            event = Event(decision.deed, decision.at, now, BY)
            if decision.deed is Deed.RAISE and key not in standing:
                incident = incidents.add(connection, policy.incident_of(site, decision), event)
                standing[key] = incident
                raised.append(incident)
                self._tell(connection, site, incident, policy.recipients(site, incident), now)
            elif decision.deed is Deed.CLEAR and key in standing:
                self._clear(connection, site, standing.pop(key), event, now)
        return raised

    def _clear_orphans(self, connection: Connection, site: Site, now: Instant) -> None:
        """Clear what stands for rules that are gone or switched off: no engine would ever do it."""
        if self._orphans_sought:
            return
        for incident in incidents.standing(connection):
            rule = site.rules.get(incident.rule)
            if rule is None or not rule.active:
                gone = Event(Deed.CLEAR, now, now, BY, "the rule is no longer in force")
                self._clear(connection, site, incident, gone, now)

    def _clear(self, connection: Connection, site: Site, incident: Incident, event: Event, now: Instant) -> None:
        try:
            cleared = incidents.record(connection, incident.id, event, None)
        except NotPossible as error:
            _log.warning("a cleared condition changes nothing", incident=incident.id, reason=str(error))
            return
        told = [message for message in outbox.of_incident(connection, incident.id) if message.state != "failed"]
        addresses = dict.fromkeys((message.channel, message.address) for message in told)
        self._tell(connection, site, cleared, list(addresses), now)

    def _tell(
        self, connection: Connection, site: Site, incident: Incident, addresses: Sequence[tuple[str, str]], now: Instant
    ) -> None:
        link = f"{self._public_url.rstrip('/')}/incidents/{incident.id}" if self._public_url else None
        text = templates.text(site, incident, site.language, link)
        for channel, address in addresses:
            outbox.add(connection, incident.id, channel, address, site.language, text, now)

    def _run(self) -> None:
        pause = PAUSE
        while not self._stopping.wait(pause):
            begun = time.monotonic()
            try:
                self.turn(self._clock())
            except Exception as error:  # noqa: BLE001 nothing was changed, and the next turn tries again
                if self._trouble is None:
                    _log.error("alerts cannot be judged; will try again", error=repr(error))
                self._trouble = f"alerts cannot be judged: {error!r}"
                pause = min(2 * max(pause, PAUSE), LONGEST_PAUSE)
            else:
                if self._trouble is not None:
                    _log.info("alerts are judged again")
                self._trouble = None
                pause = max(0.0, PAUSE - (time.monotonic() - begun))


def _news(connection: Connection, sequence: int) -> _News:
    """Everything in the log after `sequence`."""
    news = _News(sequence)
    while page := arrivals.since(connection, news.sequence, PAGE):
        for arrival in page:
            news.add(arrival)
    return news


def _with_heard(readings: Mapping[str, Series], heard: Sequence[Reading]) -> dict[str, Series]:
    """Readings of the store and readings heard, by point in order of time; of two for one instant what was heard."""
    found: dict[str, dict[Instant, tuple[float, int]]] = {}
    for point, at, value, quality in heard:
        found.setdefault(point, {})[at] = (value, quality)
    joined = dict(readings)
    for point, rows in found.items():
        stored = readings.get(point, Series.empty())
        columns = zip(stored.at.tolist(), stored.value.tolist(), stored.quality.tolist(), strict=True)
        everything = {at: (value, quality) for at, value, quality in columns} | rows
        joined[point] = Series.of([(at, *everything[at]) for at in sorted(everything)])
    return joined


def _joined(parts: Sequence[Series]) -> Series | None:
    """Parts that follow one another in time, as one."""
    if len(parts) < 2:
        return parts[0] if parts else None
    columns = ([getattr(part, name) for part in parts] for name in ("at", "value", "quality"))
    return Series(*(np.concatenate(column) for column in columns))

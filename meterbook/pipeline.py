"""The way in: deliveries become readings on disk, then an entry in the arrival log, then an acknowledgement.

One writer thread does all of it. A delivery is answered once: `done` when everything of it is on disk, `failed` when
it must be sent again. What is sent again is recognised by the store and counts once.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Event, Lock, Thread

from collectors.normalise import Normaliser
from collectors.port import Delivery
from meterbook import telemetry
from meterbook.books import arrivals, quarantine
from meterbook.books.arrivals import LatePoint
from meterbook.books.database import Books
from meterbook.domain.instant import MINUTE, Clock, Instant
from meterbook.domain.reading import IntakeFull, NotKept, Outcome, Reading, Receipt, Refusal, Sample
from meterbook.domain.site import Site
from meterbook.readings.fault import Away
from meterbook.readings.port import Landing, ReadingStore

GROUP, GROUP_SAMPLES = 2_000, 50_000
"""Deliveries of one commit, at most, and the number of samples after which no further delivery joins it."""

SAMPLES_EACH = 20
"""Samples and refusals that may wait for each delivery of the capacity: a few large ones fill the intake as well."""

FRESH: Instant = 15 * MINUTE
"""A reading older than this on arrival counts as late: one slow clock must not stretch the range of a whole batch."""

LATE_POINTS = 500
"""Late points that one arrival names; when there are more, its range is widened over all of them instead."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds the writer waits after a failed commit: doubled each time, up to the longest."""

_log = telemetry.log("pipeline")


@dataclass(slots=True)
class _Extent:
    """Where the readings of a batch lie in time: [start, end] of those on time, and a range for each late point."""

    start: Instant | None = None
    end: Instant | None = None
    late: dict[str, list[Instant]] = field(default_factory=dict)

    def add(self, at: Instant) -> None:
        self.start = at if self.start is None else min(self.start, at)
        self.end = at if self.end is None else max(self.end, at)

    def add_late(self, point: str, at: Instant) -> None:
        span = self.late.get(point)
        if span is None:
            self.late[point] = [at, at]
        elif at > span[1]:
            span[1] = at
        elif at < span[0]:
            span[0] = at

    @property
    def late_points(self) -> tuple[LatePoint, ...]:
        return tuple(LatePoint(point, start, end) for point, (start, end) in self.late.items())

    def bounded(self) -> _Extent:
        """The same, or wider where too many points were late to name them."""
        if len(self.late) <= LATE_POINTS:
            return self
        starts, ends = [start for start, _ in self.late.values()], [end for _, end in self.late.values()]
        if self.start is not None and self.end is not None:
            starts.append(self.start)
            ends.append(self.end)
        return _Extent(min(starts), max(ends))


@dataclass(slots=True)
class _Taken:
    """A delivery on its way: the readings in it and what was refused."""

    delivery: Delivery
    readings: list[Reading]
    refused: list[Refusal]


def nobody(_: Sequence[Reading]) -> None:
    """Nobody listens."""


class Pipeline:
    """The intake, bounded by `capacity` deliveries, and the writer behind it. Implements collectors.port.Intake.

    `heard` is told of readings that are on disk and cannot be read yet, because a remote store has not got them.
    """

    def __init__(
        self,
        site: Site,
        store: ReadingStore,
        books: Books,
        clock: Clock,
        capacity: int,
        heard: Callable[[Sequence[Reading]], None] = nobody,
    ) -> None:
        self._heard = heard
        self._store = store
        self._books = books
        self._clock = clock
        self._capacity = capacity
        self._normaliser = Normaliser(site)
        self._waiting: deque[Delivery] = deque()
        self._samples = 0
        self._lock = Lock()
        self._work, self._room = Condition(self._lock), Condition(self._lock)
        self._stopping = False
        self._thread = Thread(target=self._run, name="pipeline", daemon=True)
        self._latest: dict[str, Instant] = {}
        self._owed = _Extent()
        self._logging = Lock()
        self._pause = FIRST_PAUSE
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored at present, None while all is well."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping:
            return "the writer has ended; restart the service"
        return self._trouble

    def start(self) -> None:
        """Begin to write. Raises the store's error when it cannot be read, but not that a remote one is away."""
        try:
            self._latest = {point: reading.at for point, reading in self._store.latest().items()}
        except Away as error:
            _log.warning("what was read last is not known yet", error=str(error))
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, write what waits, and return when that is done."""
        with self._lock:
            self._stopping = True
            self._work.notify_all()
            self._room.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def swap(self, site: Site) -> None:
        """Read deliveries by another version of the site from now on."""
        self._normaliser = Normaliser(site)

    def offer(self, delivery: Delivery, timeout: float = 0.0) -> bool:
        """Queue a delivery; False when there was no room within `timeout` seconds (counted as refused)."""
        with self._lock:
            if not self._has_room():
                self._room.wait_for(lambda: self._stopping or self._has_room(), timeout)
            if not self._stopping and self._has_room():
                self._waiting.append(delivery)
                self._samples += _size(delivery)
                if len(self._waiting) == 1:  # the writer sleeps only when nothing waits
                    self._work.notify()
                return True
        telemetry.REFUSED.labels(delivery.source).inc()
        return False

    def deliver(
        self,
        source: str,
        samples: Sequence[Sample | Reading],
        refusals: Sequence[Refusal] = (),
        timeout: float = 30.0,
    ) -> Receipt:
        """Hand over a delivery and return when it is on disk.

        Raises IntakeFull when there is no room, NotKept when it could not be written or was not within `timeout`
        seconds; sending it again is right in every case.
        """
        answered = Event()
        receipts: list[Receipt] = []
        errors: list[Exception] = []

        def done(receipt: Receipt) -> None:
            receipts.append(receipt)
            answered.set()

        def failed(error: Exception) -> None:
            errors.append(error)
            answered.set()

        if not self.offer(Delivery(source, samples, refusals, done, failed)):
            raise IntakeFull(f"{self._capacity} deliveries wait for the disk; send again in a moment")
        if not answered.wait(timeout):
            raise NotKept(f"not on disk within {timeout:g} s; send it again")
        if errors:
            raise NotKept(f"nothing was kept: {errors[0]}; send it again") from errors[0]
        return receipts[0]

    def landed(self, landing: Landing) -> None:
        """Log readings that have reached the remote store behind a spool; raises where the books cannot be written."""
        now = self._clock()
        with self._logging:
            self._note(landing.readings, landing.outcomes, now)
            self._write_books(landing.refused, now)
        _count(landing.outcomes)

    def _has_room(self) -> bool:
        return len(self._waiting) < self._capacity and self._samples < SAMPLES_EACH * self._capacity

    def _run(self) -> None:
        while group := self._take():
            begun = time.monotonic()
            try:
                self._commit(group)
            except Exception as error:  # noqa: BLE001 the writer outlives whatever a disk or a database may raise
                self._give_back(group, error)
            else:
                telemetry.COMMIT_SECONDS.observe(time.monotonic() - begun)
                self._recovered()

    def _take(self) -> list[Delivery]:
        """What waits, up to a group; empty when the intake is closed and drained."""
        with self._lock:
            self._work.wait_for(lambda: self._waiting or self._stopping)
            group: list[Delivery] = []
            samples = 0
            while self._waiting and len(group) < GROUP and samples < GROUP_SAMPLES:
                group.append(self._waiting.popleft())
                samples += _size(group[-1])
            self._samples -= samples
            telemetry.INTAKE_DEPTH.set(len(self._waiting))
            self._room.notify_all()
            return group

    def _commit(self, group: Sequence[Delivery]) -> None:
        now = self._clock()
        normaliser = self._normaliser
        taken = [_take_apart(normaliser, delivery, now) for delivery in group]
        readings = [reading for one in taken for reading in one.readings]
        outcomes = self._store.append(readings, now) if readings else []
        if Outcome.SPOOLED in outcomes:
            self._heard(readings)
        with self._logging:
            self._note(readings, outcomes, now)
            self._write_books([refusal for one in taken for refusal in one.refused], now)
        _count(outcomes)
        self._answer(taken, outcomes)

    def _note(self, readings: Sequence[Reading], outcomes: Sequence[Outcome], now: Instant) -> None:
        """Add to what the arrival log must say. Owed until it is written: a second try finds only repetitions."""
        latest, owed = self._latest, self._owed
        for reading, outcome in zip(readings, outcomes, strict=True):
            if outcome is Outcome.SPOOLED:
                continue  # logged when it has landed: only then can anybody read it
            point, at = reading.point, reading.at
            known = latest.get(point)
            in_order = outcome is Outcome.ACCEPTED and (known is None or at > known)
            if in_order:
                latest[point] = at
            if in_order and at > now - FRESH:
                owed.add(at)
            else:
                # Repetitions too: the first time may have ended between the store and the log.
                owed.add_late(point, at)

    def _write_books(self, refusals: Sequence[Refusal], now: Instant) -> None:
        extent = self._owed.bounded()
        if extent.end is None and not extent.late and not refusals:
            return
        with self._books.write() as connection:
            if extent.end is not None or extent.late:
                arrivals.add(connection, extent.start, extent.end, extent.late_points, now)
            quarantine.add(connection, refusals)
        self._owed = _Extent()
        for refusal in refusals:
            telemetry.QUARANTINED.labels(refusal.source).inc()

    def _answer(self, taken: Sequence[_Taken], outcomes: Sequence[Outcome]) -> None:
        position = 0
        for one in taken:
            mine = outcomes[position : position + len(one.readings)]
            position += len(one.readings)
            if one.delivery.done is not None:
                accepted, repeated, conflicts, spooled = (mine.count(outcome) for outcome in Outcome)
                try:
                    one.delivery.done(Receipt(accepted + spooled, repeated, conflicts, one.refused))
                except Exception as error:  # noqa: BLE001 a collector's mistake is not the writer's end
                    _log.error("a collector failed to acknowledge", source=one.delivery.source, error=repr(error))

    def _give_back(self, group: Sequence[Delivery], error: Exception) -> None:
        """Leave a failed group to its senders and wait before the next."""
        if self._trouble is None:
            _log.error("readings cannot be stored; senders must send again", error=str(error))
        self._trouble = f"readings cannot be stored: {error}"
        for delivery in group:
            if delivery.failed is None:
                telemetry.REFUSED.labels(delivery.source).inc()  # a poll, which nobody sends again
            else:
                try:
                    delivery.failed(error)
                except Exception as other:  # noqa: BLE001 a collector's mistake is not the writer's end
                    _log.error("a collector failed to take back", source=delivery.source, error=repr(other))
        with self._lock:
            self._work.wait_for(lambda: self._stopping, self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _recovered(self) -> None:
        if self._trouble is not None:
            _log.info("readings are stored again")
        self._trouble, self._pause = None, FIRST_PAUSE


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in Outcome:
        telemetry.READINGS.labels(outcome.name.lower()).inc(outcomes.count(outcome))


def _size(delivery: Delivery) -> int:
    return len(delivery.samples) + len(delivery.refusals)


def _take_apart(normaliser: Normaliser, delivery: Delivery, now: Instant) -> _Taken:
    readings: list[Reading] = []
    refused = list(delivery.refusals)
    for sample in delivery.samples:
        judged = _judge(normaliser, sample, delivery.source, now)
        if isinstance(judged, Reading):
            readings.append(judged)
        else:
            refused.append(judged)
    return _Taken(delivery, readings, refused)


def _judge(normaliser: Normaliser, sample: Sample | Reading, source: str, now: Instant) -> Reading | Refusal:
    """A reading, or why there is none. One poisonous sample must not cost its neighbours their commit."""
    try:
        reading = sample if isinstance(sample, Reading) else normaliser.normalise(sample, now)
        if isinstance(reading, Reading) and not math.isfinite(reading.value):
            raise ValueError("the value is not a finite number")
    except Exception as error:  # noqa: BLE001 whatever it is, it is the sample's
        return Refusal(source, sample.point, f"could not be read: {error!r}", repr(sample), now)
    return reading

"""The port of reading stores. Every store passes tests/readings/contract.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from meterbook.domain.instant import Instant
from meterbook.domain.reading import Outcome, Reading, Refusal, Series
from meterbook.readings.rollups import Rollups


class Conflict(NamedTuple):
    """A value that a later arrival for the same point and instant superseded; kept for ever."""

    point: str
    at: Instant
    value: float
    quality: int
    superseded: Instant


class ReadingStore(Protocol):
    """Keeps every reading. Threads may call it; one process writes, several may read."""

    def append(self, readings: Sequence[Reading], now: Instant) -> list[Outcome]:
        """Store readings of finite values in the order given; they are on disk (fsync) when it returns.

        One outcome per reading. Same point, instant, value and quality as stored: REPEATED, nothing happens. Other
        value or quality: CONFLICT, the later arrival counts and the former is kept as a conflict of `now`.
        All or nothing: an error leaves no part of the batch behind. A store behind a spool answers SPOOLED: on disk
        here, and what becomes of it is told when it lands. A remote store without one cannot undo: what it refuses
        raises, and the rest of the batch is there.
        """

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """The readings of a point in [start, end), in order of time; empty for a point never seen."""

    def before(self, point: str, at: Instant) -> Reading | None:
        """The last reading of a point with an instant < `at`."""

    def following(self, point: str, at: Instant) -> Reading | None:
        """The first reading of a point with an instant >= `at`."""

    def latest(self, points: Iterable[str] | None = None) -> dict[str, Reading]:
        """The latest reading of each point (all points without `points`); points never seen are left out."""

    def conflicts(self, point: str, start: Instant, end: Instant) -> list[Conflict]:
        """Superseded values of a point with instants in [start, end), oldest first."""

    def rolled(self, point: str, start: Instant, end: Instant) -> Rollups:
        """What is left of readings that retention took: the quarters of an hour of a point that begin in [start, end).

        Empty where nothing has gone; a store that forgets nothing has none.
        """

    def points(self) -> list[str]:
        """Ids of all points that have readings, or had some of which something is left, sorted."""

    def close(self) -> None:
        """Let go of files and connections."""


class Batch(NamedTuple):
    """What was appended in one call, and when."""

    readings: Sequence[Reading]
    now: Instant


class Landing(NamedTuple):
    """What became of batches in a remote store: one outcome per reading that it took, in order; the others' reasons."""

    readings: Sequence[Reading]
    outcomes: Sequence[Outcome]
    refused: Sequence[Refusal] = ()


class RemoteStore(ReadingStore, Protocol):
    """A store behind a network, filled from the spool."""

    def land(self, batches: Sequence[Batch]) -> Landing:
        """Append batches. What the server will never take is refused with its reason and costs nobody else.

        Raises Away while the server takes nothing; then all of them must land again, and what was stored already
        is repeated.
        """

    def life(self) -> str | None:
        """What tells this run of the server from its earlier and later ones; None where it does not say.

        Raises Away while it is not there.
        """

    def land_absent(self, readings: Sequence[Reading], now: Instant) -> tuple[Landing, list[tuple[str, Instant]]]:
        """Land those of readings that had landed whose point and instant hold nothing; of several for one, the last.

        Also the points and instants that hold something else than a reading said. Raises Away as `land` does.
        """

    def stored(self, readings: Sequence[Reading]) -> dict[tuple[str, Instant], Reading]:
        """What is stored at the points and instants of readings. Raises Away as `land` does."""

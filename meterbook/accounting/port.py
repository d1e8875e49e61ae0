"""What accounting asks of others: readings, what arrived, corrections, and a place for what it has computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from meterbook.domain.closing import Closed, Signature, Terms
from meterbook.domain.correction import Correction
from meterbook.domain.instant import Instant
from meterbook.domain.kept import MonthKept, Standing
from meterbook.domain.quota import QuotaEntry
from meterbook.domain.reading import Series
from meterbook.domain.statement import Line


class Registers(Protocol):
    """Readings of points; every `meterbook.readings` store is one."""

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """The readings of a point in [start, end), in order of time."""


class Corrections(Protocol):
    """The signed entries on what meters' readings say."""

    def active(self) -> Mapping[str, tuple[Correction, ...]]:
        """The corrections in force, by meter."""


class QuotaEntries(Protocol):
    """What people agreed about quotas."""

    def approved(self, year: int) -> Sequence[QuotaEntry]:
        """The approved entries of a calendar year's quotas, oldest first."""


class Closings(Protocol):
    """The closed months, for ever as they were signed."""

    def signatures(self) -> Sequence[Signature]:
        """Who closed which months, in their order."""

    def closed(self, month: str) -> Closed:
        """The record of a closed month; raises KeyError for one that is not."""

    def terms(self, month: str) -> Terms:
        """The terms of its record, the same object each time it is at hand; raises KeyError for a month not closed."""

    def adjustments(self, month: str) -> Sequence[tuple[str, Line]]:
        """The adjustment lines of its record with their parties; none for a month that is not closed."""


class News(NamedTuple):
    """What arrived after a place in the arrival log, up to the place `sequence`.

    `start` is the first instant of which any point may have new readings, `late` the first one of single points;
    None and nothing where nothing came.
    """

    sequence: int
    start: Instant | None
    late: Mapping[str, Instant]


class Arrivals(Protocol):
    """The arrival log."""

    def since(self, sequence: int) -> News | None:
        """What arrived after a place in the log; None where the log does not reach back to it."""

    def last(self) -> int:
        """The newest place in the log."""


class IntervalStore(Protocol):
    """Keeps computed intervals. All of it can be computed again; several threads and processes may use it.

    Within `turn` no other thread of this process is: two would only compute the same.
    """

    turn: AbstractContextManager[object]

    def followed(self) -> int | None:
        """The place in the arrival log up to which `note` has been told, None at first."""

    def note(self, sequence: int, start: Instant | None, late: Mapping[str, Instant]) -> None:
        """Registers are stale from `start` on, those that read one of the points `late` from its instant on."""

    def standing(self, register: str) -> Standing:
        """How the intervals of a register stand."""

    def months(self, register: str, first: str, last: str) -> list[MonthKept]:
        """The months of a register from `first` to `last`, in order."""

    def several(
        self, registers: Sequence[str], first: str, last: str, after: str
    ) -> list[tuple[Standing, list[MonthKept]]]:
        """The standing of each register, and its months from `first` to `last`, all as they are at one moment.

        These are without handholds, and the month `after` them follows without content.
        """

    def outline(self, register: str) -> list[MonthKept]:
        """All months of a register, without their content."""

    def replace(
        self, register: str, point: str, seen: Standing, basis: str, first: str, months: Sequence[MonthKept]
    ) -> bool:
        """Put `months` in the place of everything from the month `first` on; what is the same is not written.

        Nothing happens, and the answer is False, where the register no longer stands as it was `seen` but for marks;
        with new marks it stays stale.
        """

    def changes(self, first: str, last: str) -> str:
        """A text that is another one once the intervals of any register in the months `first` to `last` changed.

        The month "" changes whenever anything is noted or replaced.
        """

    def result(self, name: str, basis: str) -> bytes | None:
        """What `keep_result` was last given under a name, if it was computed from the same `basis`."""

    def keep_result(self, name: str, basis: str, content: bytes) -> None:
        """Keep what was computed from intervals, in the place of what the name stood for."""

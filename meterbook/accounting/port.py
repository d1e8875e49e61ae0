"""What accounting asks of others: readings, what arrived, corrections, and a place for what it has computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from meterbook.domain.closing import Closed, Signature
from meterbook.domain.correction import Correction
from meterbook.domain.instant import Instant
from meterbook.domain.kept import MonthKept, Standing
from meterbook.domain.quota import QuotaEntry
from meterbook.domain.reading import Series


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

    def outline(self, register: str) -> list[MonthKept]:
        """All months of a register, without their content."""

    def replace(
        self, register: str, point: str, seen: Standing, basis: str, first: str, months: Sequence[MonthKept]
    ) -> bool:
        """Put `months` in the place of everything from the month `first` on; what is the same is not written.

        Nothing happens, and the answer is False, where the register no longer stands as it was `seen` but for marks;
        with new marks it stays stale.
        """

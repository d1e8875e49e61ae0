"""Values that change over the years."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from meterbook.domain.instant import Instant

T = TypeVar("T")

BEGINNING: Instant = -(2**62)
"""Before anything."""


@dataclass(frozen=True, slots=True)
class Timeline(Generic[T]):
    """Values by the instant from which each holds; `starts` ascend strictly. Before the first there is none."""

    starts: tuple[Instant, ...]
    values: tuple[T, ...]

    @classmethod
    def always(cls, value: T) -> Timeline[T]:
        """One value for ever."""
        return cls((BEGINNING,), (value,))

    @classmethod
    def of(cls, entries: Iterable[tuple[Instant, T]]) -> Timeline[T]:
        """Entries in any order; raises ValueError when two hold from the same instant."""
        ordered = sorted(entries, key=lambda entry: entry[0])
        starts = tuple(start for start, _ in ordered)
        if len(set(starts)) != len(starts):
            raise ValueError("two values hold from the same instant")
        return cls(starts, tuple(value for _, value in ordered))

    def at(self, instant: Instant) -> T | None:
        """The value that holds at an instant, None before the first."""
        index = bisect_right(self.starts, instant) - 1
        return self.values[index] if index >= 0 else None

    def changes(self, start: Instant, end: Instant) -> list[Instant]:
        """The instants strictly inside (start, end) at which the value changes."""
        return [instant for instant in self.starts if start < instant < end]

    def __iter__(self) -> Iterator[tuple[Instant, T]]:
        return iter(zip(self.starts, self.values, strict=True))

"""Giving a store what it acknowledged and lost: what landed lately is compared with what it holds.

Clocks decide nothing here, the order in the spool does. Nothing that anybody else wrote is overwritten: a reading that
differs from what is stored lands again only if what is stored is an earlier arrival of the spool itself, and the store
does not say that somebody superseded the later one since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from meterbook.domain.instant import Instant
from meterbook.domain.reading import Reading
from meterbook.readings.port import Batch, Landing, RemoteStore

Key = tuple[str, Instant]

Lately = Callable[[], Iterator[list[Batch]]]
"""What landed lately, in parts, oldest first; can be asked for again."""


def land_again(remote: RemoteStore, lately: Lately) -> Iterator[Landing]:
    """What landed once more, part by part. Raises Away while the store takes nothing; then all is to be done again.

    Superseded values that the store lost together with what superseded them are not written down anew.
    """
    differing: set[Key] = set()
    for part in lately():
        readings = [reading for batch in part for reading in batch.readings]
        landing, others = remote.land_absent(readings, part[-1].now)
        differing.update(others)
        if landing.readings:
            yield landing._replace(refused=())  # what a store refuses was told when it first landed
    if differing:
        yield from _land_later_ones(remote, _arrivals(lately, differing))


def _arrivals(lately: Lately, keys: set[Key]) -> dict[Key, list[tuple[Reading, Instant]]]:
    """The readings for some points and instants in their order, and when each arrived."""
    found: dict[Key, list[tuple[Reading, Instant]]] = {}
    for part in lately():
        for batch in part:
            for reading in batch.readings:
                if reading[:2] in keys:
                    found.setdefault(reading[:2], []).append((reading, batch.now))
    return found


def _land_later_ones(remote: RemoteStore, arrivals: dict[Key, list[tuple[Reading, Instant]]]) -> Iterator[Landing]:
    stored = remote.stored([several[-1][0] for several in arrivals.values()])
    for key, several in arrivals.items():
        last, now = several[-1]
        earlier = [reading for reading, _ in several[:-1]]
        held = stored.get(key)
        if held is not None and held != last and held in earlier and not _superseded(remote, several):
            yield remote.land([Batch([last], now)])


def _superseded(remote: RemoteStore, several: Sequence[tuple[Reading, Instant]]) -> bool:
    """Whether the store knows of one more time that the last value was superseded than the arrivals account for."""
    last = several[-1][0]
    accounted = sum(1 for (one, _), (other, _) in pairwise(several) if one == last != other)
    known = remote.conflicts(last.point, last.at, last.at + 1)
    return sum(1 for one in known if one[2:4] == last[2:4]) > accounted

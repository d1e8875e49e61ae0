"""The time in which meters are whose, and what is seen of a meter from it: a rule ends where the next one begins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, zip_longest

import numpy as np

from meterbook.domain.allocation import Allocation
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Consumption, Shares
from meterbook.domain.reading import Series
from meterbook.domain.timeline import BEGINNING

END: Instant = 2**62


@dataclass(frozen=True, slots=True)
class Tenure:
    """Spans [start, end) of time, in order, none touching the next."""

    spans: tuple[tuple[Instant, Instant], ...]

    @classmethod
    def of(cls, spans: Iterable[tuple[Instant, Instant]]) -> Tenure:
        """Spans in any order; what touches is joined, what is empty left away."""
        joined: list[tuple[Instant, Instant]] = []
        for start, end in sorted(span for span in spans if span[0] < span[1]):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return cls(tuple(joined))

    def within(self, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """The parts of [start, end) that lie in it."""
        cut = [(max(start, low), min(end, high)) for low, high in self.spans]
        return [(low, high) for low, high in cut if low < high]

    def holds(self, at: Instant) -> bool:
        """Whether an instant lies in it."""
        return any(start <= at < end for start, end in self.spans)


ALWAYS = Tenure(((BEGINNING, END),))


def tenures(allocations: Sequence[Allocation], departments: Collection[str]) -> dict[str, Tenure]:
    """The meters that any of some departments carries, directly or shared, each with the time in which it does."""
    dated = list(_dated([rule for rule in allocations if not rule.losses]))
    held: dict[str, Tenure] = {}
    for weighed in (False, True):  # who shares by the weight of other meters is known once those are
        spans: dict[str, list[tuple[Instant, Instant]]] = {}
        for rule, end in dated:
            own = _weighed(rule, end, held) if weighed else _named(rule, end, departments)
            spans.setdefault(rule.meter, []).extend(own)
        for meter, found in spans.items():
            held[meter] = Tenure.of([*found, *(held[meter].spans if meter in held else ())])
    return {meter: tenure for meter, tenure in held.items() if tenure.spans}


def of_points(tenures: Iterable[tuple[str, Tenure]]) -> Mapping[str, Tenure]:
    """The tenure of each point, from those of the meters that read it."""
    spans: dict[str, list[tuple[Instant, Instant]]] = {}
    for point, tenure in tenures:
        spans.setdefault(point, []).extend(tenure.spans)
    return {point: Tenure.of(found) for point, found in spans.items()}


def clipped(parts: Sequence[Consumption], edges: Sequence[Instant]) -> list[Consumption]:
    """Consumption of some spans in the windows between `edges`; what lies outside the spans is missing."""
    return [
        _window([part for part in parts if start <= part.start and part.end <= end], start, end)
        for start, end in pairwise(edges)
    ]


def joined(parts: Sequence[Series]) -> Series:
    """The readings of consecutive spans."""
    if not parts:
        return Series.empty()
    return Series(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "value", "quality")))


def _window(parts: Sequence[Consumption], start: Instant, end: Instant) -> Consumption:
    if len(parts) == 1 and (parts[0].start, parts[0].end) == (start, end):
        return parts[0]
    known = [part.value for part in parts if part.value is not None]
    estimated, missing = 0.0, 1.0
    for part in parts:
        weight = (part.end - part.start) / (end - start)
        estimated += weight * float(part.shares.estimated)
        missing -= weight * float(1 - part.shares.missing)
    value = sum(known, Decimal(0)) if known else None
    return Consumption(start, end, value, Shares.of_time(estimated, missing) if known else Shares.nothing())


def _dated(rules: Sequence[Allocation]) -> Iterator[tuple[Allocation, Instant]]:
    """Rules with the instant at which each gives way to the next one of its meter."""
    begun = sorted(rules, key=lambda rule: (rule.meter, rule.start))
    for rule, after in zip_longest(begun, begun[1:]):
        yield rule, after.start if after is not None and after.meter == rule.meter else END


def _named(rule: Allocation, end: Instant, departments: Collection[str]) -> list[tuple[Instant, Instant]]:
    named = {rule.to} if rule.split is None else {*rule.split.among, *rule.split.shares}
    return [] if named.isdisjoint(departments) else [(rule.start, end)]


def _weighed(rule: Allocation, end: Instant, held: Mapping[str, Tenure]) -> list[tuple[Instant, Instant]]:
    weighing = () if rule.split is None else rule.split.meters
    return [span for meter in weighing if meter in held for span in held[meter].within(rule.start, end)]

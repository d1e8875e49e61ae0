"""What corrections make of a meter and its readings. Each function takes the entries of one meter, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Series
from meterbook.domain.timeline import Timeline

T = TypeVar("T", Exclusion, Estimate, Exchange)


def as_declared(meter: Meter, corrections: Sequence[Correction]) -> Meter:
    """The meter with the exchanges that were declared after the fact, in order of time.

    Where the site's files declare one at the same instant, the signed entry holds.
    """
    exchanges = _in_force(corrections, Exchange)
    if not exchanges:
        return meter
    installed = {one.at: one for one in meter.installations} | {
        exchange.installation.at: exchange.installation for exchange in exchanges
    }
    ratios = dict(meter.multiplier) | {
        exchange.installation.at: exchange.multiplier for exchange in exchanges if exchange.multiplier is not None
    }
    return replace(
        meter,
        installations=tuple(installed[at] for at in sorted(installed)),
        multiplier=Timeline.of(ratios.items()),
    )


def without_excluded(series: Series, corrections: Sequence[Correction]) -> Series:
    """The readings that no correction excludes."""
    keep = np.ones(len(series), bool)
    for exclusion in _in_force(corrections, Exclusion):
        low, high = np.searchsorted(series.at, (exclusion.start, exclusion.end))
        keep[low:high] = False
    return series if bool(keep.all()) else Series(series.at[keep], series.value[keep], series.quality[keep])


def estimates(corrections: Sequence[Correction]) -> list[Estimate]:
    """The estimates that hold, disjoint and in order of time.

    Of two that overlap the later entry holds, and the earlier one gives way whole: a part of its quantity is nobody's.
    """
    held: list[Estimate] = []
    for estimate in reversed(_in_force(corrections, Estimate)):
        if not any(overlap(estimate, other) for other in held):
            held.append(estimate)
    return sorted(held, key=lambda estimate: estimate.start)


def overlap(one: Estimate, other: Estimate) -> bool:
    """Whether two estimates have time in common."""
    return one.start < other.end and other.start < one.end


def _in_force(corrections: Sequence[Correction], kind: type[T]) -> list[T]:
    """What the corrections of a kind that are in force say, oldest entry first."""
    ordered = sorted((one for one in corrections if one.in_force), key=lambda one: one.id)
    return [one.what for one in ordered if isinstance(one.what, kind)]

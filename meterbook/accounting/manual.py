"""What is odd about a figure that somebody reads off a register, said before it is kept.

The rules are those by which readings are judged afterwards (see `judgement`). Nothing is refused here: a figure that
is confirmed is kept like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from meterbook.accounting.judgement import Accepted, Limits, exact, judge
from meterbook.domain.instant import HOUR, Instant
from meterbook.domain.meter import Meter, Register
from meterbook.domain.reading import Quality, Series
from meterbook.domain.timeline import BEGINNING

_END: Instant = 2**62


class Figure(NamedTuple):
    """What a register showed at an instant, in the canonical unit before the multiplier."""

    value: Decimal
    at: Instant


class Odd(StrEnum):
    """What can be odd about a figure."""

    OUTSIDE = "outside"
    FINER = "finer"
    EXCHANGED = "exchanged"
    TAKEN = "taken"
    WOBBLE = "wobble"
    ROLLOVER = "rollover"
    LOWER = "lower"
    HIGHER = "higher"
    FASTER = "faster"


@dataclass(frozen=True, slots=True)
class Oddity:
    """One odd thing: the figure it is odd beside and, of FASTER, the `rate` per hour after the multiplier.

    OUTSIDE: beyond what the register can show. FINER: finer than its least digit. EXCHANGED: an exchange is declared
    at that very instant, and `beside` is its first figure, which counts. TAKEN: `beside` was read at that instant.
    LOWER, WOBBLE and ROLLOVER: below the last figure that counts; by few digits, or so that the register may have
    passed its highest figure. HIGHER: above the next one. FASTER: between it and `beside` more than `max_rate`.
    """

    kind: Odd
    beside: Figure | None = None
    rate: Decimal | None = None


def register_at(meter: Meter, at: Instant) -> Register:
    """The register of the physical meter that serves at an instant."""
    return _service(meter, at)[2]


def last(meter: Meter, series: Series, at: Instant) -> Figure | None:
    """The last figure that counts up to an instant, of the physical meter that serves then; None where there is none.

    `series` are the readings of the meter; an exchange's first figure counts as one.
    """
    accepted = _counting(meter, series, at)
    index = int(np.searchsorted(accepted.at, at, side="right")) - 1
    return _figure(accepted, index) if index >= 0 else None


def oddities(meter: Meter, series: Series, entry: Figure) -> list[Oddity]:
    """What is odd about an entry beside the readings of its meter, worst first; empty where nothing is.

    A reading of the same instant is only compared with: the entry would stand in its place.
    """
    same = series.between(entry.at, entry.at + 1)
    others = Series(*(column[series.at != entry.at] for column in (series.at, series.value, series.quality)))
    declared = next((each for each in meter.installations if each.at == entry.at), None)
    if declared is not None:
        return [Oddity(Odd.EXCHANGED, Figure(declared.new_initial, declared.at))]
    return [
        *_beside(meter, _counting(meter, others, entry.at), entry),
        *_shown(_limits(meter, entry.at), entry),
        *_replaced(same, entry),
    ]


def _shown(limits: Limits, entry: Figure) -> Iterator[Oddity]:
    """Whether the register can show the figure at all."""
    if not limits.possible(np.array([float(entry.value)]))[0]:
        yield Oddity(Odd.OUTSIDE)
    if entry.value % limits.register.digit:
        yield Oddity(Odd.FINER)


def _replaced(same: Series, entry: Figure) -> Iterator[Oddity]:
    for value, quality in zip(same.value.tolist(), same.quality.tolist(), strict=True):
        if value != float(entry.value) or quality != Quality.GOOD:
            yield Oddity(Odd.TAKEN, Figure(exact(value), entry.at))


def _beside(meter: Meter, accepted: Accepted, entry: Figure) -> Iterator[Oddity]:
    """What the steps from the figure before and to the one after say."""
    index = int(np.searchsorted(accepted.at, entry.at))
    before = _figure(accepted, index - 1) if index else None
    after = _figure(accepted, index) if index < len(accepted.at) else None
    turned = bool(before and after and accepted.turns[index] != accepted.turns[index - 1])
    limits = _limits(meter, entry.at)
    if before is not None:
        yield from _fall(limits, before, entry, turned, last=after is None)
        yield from _speed(limits, before, entry, turned, before)
    if after is not None:
        if not limits.signed and entry.value > after.value and not (turned and _rolls(limits, entry, after)):
            yield Oddity(Odd.HIGHER, after)
        yield from _speed(limits, entry, after, turned, after)


def _fall(limits: Limits, before: Figure, entry: Figure, turned: bool, *, last: bool) -> Iterator[Oddity]:
    if limits.signed or entry.value >= before.value or (turned and _rolls(limits, before, entry)):
        return
    if limits.wobble(float(before.value), float(entry.value)):
        yield Oddity(Odd.WOBBLE, before)
    elif last and _rolls(limits, before, entry):
        yield Oddity(Odd.ROLLOVER, before)
    else:
        yield Oddity(Odd.LOWER, before)


def _rolls(limits: Limits, low: Figure, high: Figure) -> bool:
    return limits.rolled_over(float(low.value), float(high.value), low.at, high.at)


def _speed(limits: Limits, low: Figure, high: Figure, turned: bool, beside: Figure) -> Iterator[Oddity]:
    """Whether a rise is faster than the meter allows; a fall is another matter, but for a signed register."""
    change = abs(high.value - low.value) if limits.signed else high.value - low.value
    if change > 0 and not limits.plausible(change, low.at, high.at):
        multiplier = limits.multiplier.at(high.at) or limits.multiplier.values[0]
        yield Oddity(Odd.FASTER, beside, multiplier * change * HOUR / (high.at - low.at))


def _counting(meter: Meter, series: Series, at: Instant) -> Accepted:
    """The readings that count of the physical meter that serves at an instant, its declared figures among them."""
    start, end, _ = _service(meter, at)
    begun = next((each for each in meter.installations if each.at == start), None)
    ended = next((each for each in meter.installations if each.at == end), None)
    rows = series.between(start + 1, end)
    first = [(start, float(begun.new_initial), int(Quality.GOOD))] if begun else []
    final = [(end, float(ended.old_final), int(Quality.GOOD))] if ended else []
    whole = (Series.of(first), rows, Series.of(final))
    joined = Series(*(np.concatenate([getattr(part, name) for part in whole]) for name in ("at", "value", "quality")))
    return judge(joined, _limits(meter, at), begun is not None, ended is not None)


def _limits(meter: Meter, at: Instant) -> Limits:
    return Limits(register_at(meter, at), meter.multiplier, meter.max_rate, meter.signed)


def _service(meter: Meter, at: Instant) -> tuple[Instant, Instant, Register]:
    """[start, end) in which the physical meter that serves at an instant does, and its register."""
    start, register = BEGINNING, meter.register
    for each in meter.installations:
        if at < each.at:
            return start, each.at, register
        start, register = each.at, each.register
    return start, _END, register


def _figure(accepted: Accepted, index: int) -> Figure:
    return Figure(exact(float(accepted.value[index])), int(accepted.at[index]))

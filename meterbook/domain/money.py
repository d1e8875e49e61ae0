"""Exact arithmetic of money and shared quantities."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import lcm
from typing import TypeVar, cast

Party = TypeVar("Party", str, tuple[str, str, int])
"""A department id, or within a department the (meter, kind, from) of a line."""

FEN = Decimal("0.01")
SPLIT = Decimal("0.001")
UNALLOCATED = "unallocated"
"""The party that carries what no rule gives away."""


def round_half_up(value: Decimal | Fraction, step: Decimal = FEN) -> Decimal:
    """`value` to the nearest multiple of `step`, halves away from zero."""
    numerator, denominator = value.as_integer_ratio()
    fine, whole = step.as_integer_ratio()
    numerator, denominator = numerator * whole, denominator * fine
    count = (2 * abs(numerator) + denominator) // (2 * denominator)
    return (Decimal(count if numerator >= 0 else -count) * step).quantize(step, ROUND_HALF_UP)


def apportion(total: Decimal, weights: Mapping[Party, Decimal | Fraction], step: Decimal = FEN) -> dict[Party, Decimal]:
    """Divide `total`, a multiple of `step`, by `weights` so that the parts add up to it exactly.

    Largest remainder: every party first gets the whole steps of its exact part, the missing ones go to the largest
    fractions, ties to the smaller id. A negative total is divided as its absolute value and negated. Negative weights
    enter with their sign as long as their sum is positive; a sum of zero or less gives everything to unallocated
    (parties are ids then; raises ValueError for parties of another type, who have no such neighbour).
    """
    if total < 0:
        return {party: -part for party, part in apportion(-total, weights, step).items()}
    (number, part), (fine, whole) = total.as_integer_ratio(), step.as_integer_ratio()
    steps, rest = divmod(number * whole, part * fine)
    if rest:
        raise ValueError(f"{total} is not a multiple of {step}")
    # Whole numbers in the proportion of the weights: exact, and many times quicker than fractions.
    ratios = {party: weight.as_integer_ratio() for party, weight in weights.items()}
    common = lcm(*(denominator for _, denominator in ratios.values()))
    sizes = {party: numerator * (common // denominator) for party, (numerator, denominator) in ratios.items()}
    everything = sum(sizes.values())
    if everything <= 0:
        if not all(isinstance(party, str) for party in weights):
            raise ValueError("weights that are not positive in sum divide nothing")
        return cast("dict[Party, Decimal]", {UNALLOCATED: total})
    given, left = dict[Party, int](), dict[Party, int]()
    for party, size in sizes.items():
        given[party], left[party] = divmod(steps * size, everything)
    missing = steps - sum(given.values())
    if missing:
        for party in sorted(left, key=lambda party: (-left[party], party))[:missing]:
            given[party] += 1
    return {party: count * step for party, count in given.items()}

"""Exact arithmetic of money and shared quantities."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TypeVar, cast

Party = TypeVar("Party", str, tuple[str, str, int])
"""A department id, or within a department the (meter, kind, from) of a line."""

FEN = Decimal("0.01")
SPLIT = Decimal("0.001")
UNALLOCATED = "unallocated"
"""The party that carries what no rule gives away."""


def round_half_up(value: Decimal | Fraction, step: Decimal = FEN) -> Decimal:
    """`value` to the nearest multiple of `step`, halves away from zero."""
    exact = Fraction(value) / Fraction(step)
    whole = (abs(exact) + Fraction(1, 2)).__floor__()
    return (Decimal(whole if exact >= 0 else -whole) * step).quantize(step, ROUND_HALF_UP)


def apportion(total: Decimal, weights: Mapping[Party, Decimal | Fraction], step: Decimal = FEN) -> dict[Party, Decimal]:
    """Divide `total`, a multiple of `step`, by `weights` so that the parts add up to it exactly.

    Largest remainder: every party first gets the whole steps of its exact part, the missing ones go to the largest
    fractions, ties to the smaller id. A negative total is divided as its absolute value and negated. Negative weights
    enter with their sign as long as their sum is positive; a sum of zero or less gives everything to unallocated
    (parties are ids then; raises ValueError for parties of another type, who have no such neighbour).
    """
    if total < 0:
        return {party: -part for party, part in apportion(-total, weights, step).items()}
    steps = Fraction(total) / Fraction(step)
    if steps.denominator != 1:
        raise ValueError(f"{total} is not a multiple of {step}")
    whole = sum((Fraction(weight) for weight in weights.values()), Fraction())
    if whole <= 0:
        if not all(isinstance(party, str) for party in weights):
            raise ValueError("weights that are not positive in sum divide nothing")
        return cast("dict[Party, Decimal]", {UNALLOCATED: total})
    exact = {party: steps * Fraction(weight) / whole for party, weight in weights.items()}
    given = {party: part.__floor__() for party, part in exact.items()}
    missing = steps.numerator - sum(given.values())
    by_fraction = sorted(exact, key=lambda party: (given[party] - exact[party], party))
    for party in by_fraction[:missing]:
        given[party] += 1
    return {party: Decimal(count) * step for party, count in given.items()}

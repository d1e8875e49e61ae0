"""What parties' use stands for in kgCO2e and kgce: quantity by dated factor, exact.

E = sum over the stretches in which one factor holds (quantity x factor)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from meterbook.accounting.allocate import Piece
from meterbook.domain.emission import Emission, EmissionFactor
from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.timeline import Timeline


def emissions(
    factors: Iterable[EmissionFactor], utility: str, pieces: Sequence[Piece], start: Instant, end: Instant
) -> dict[str, Emission]:
    """The emission of each party that carries something over [start, end); nothing without a factor.

    Pieces are cut where a factor changes, to 0.001, so that their parts add up.
    """
    held = Timeline.of((factor.start, factor) for factor in factors if factor.utility == utility)
    inside = held.changes(start, end)
    if held.at(start) is None and not inside:
        return {}
    edges = [start, *inside, end]
    known = [held.at(edge) for edge in edges[:-1]]
    used: dict[str, list[Decimal]] = {}
    for piece in pieces:
        sums = used.setdefault(piece.party, [Decimal(0)] * len(known))
        for place, quantity in enumerate(piece.quantities(edges) if inside else [piece.quantity]):
            sums[place] += quantity
    return {party: _emission(utility, sums, known) for party, sums in used.items() if any(sums)}


def _emission(utility: str, used: Sequence[Decimal], factors: Sequence[EmissionFactor | None]) -> Emission:
    return Emission(
        utility=utility,
        quantity=sum(used, Decimal(0)),
        unit=UNITS[UTILITIES[utility][0]],
        kgco2e=_sum(used, [None if factor is None else factor.kgco2e for factor in factors]),
        kgce=_sum(used, [None if factor is None else factor.kgce for factor in factors]),
    )


def _sum(used: Sequence[Decimal], factors: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of quantities by factor; None where a quantity has none."""
    found = Decimal(0)
    for quantity, factor in zip(used, factors, strict=True):
        if quantity and factor is None:
            return None
        found += quantity * (factor or 0)
    return found

"""Parents and their children: how far apart they are, and how far their accuracy classes let them be.

A class of s per cent lets a meter be wrong by s % of what it counts. Errors of different meters are independent, so
the difference between a parent and the sum of its children may be as large as

    sqrt((s_parent x parent)^2 + sum((s_child x child)^2))

What is more is a loss, a wrong ratio or a meter that is missing in the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from meterbook.domain.interval import Consumption
from meterbook.domain.meter import Meter
from meterbook.domain.site import Site

_STEP = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A parent against its children over a time, in the canonical unit.

    `difference` is the parent minus its children and None where time of one of them is missing, since then they do not
    tell of the same time. `limit`, to 0.001, is what the accuracy classes explain of it, and None where in addition
    one of them declares no class.
    """

    meter: str
    difference: Decimal | None
    limit: Decimal | None

    @property
    def explained(self) -> bool | None:
        """Whether the classes explain the difference; None where that cannot be told."""
        if self.difference is None or self.limit is None:
            return None
        return abs(self.difference) <= self.limit


def imbalances(site: Site, used: Mapping[str, Consumption]) -> Iterator[Imbalance]:
    """Every physical parent whose consumption is `used`, in the order of the site's meters; children must be there."""
    for parent in site.meters.values():
        children = [child for child in site.children(parent.id) if child.physical]
        if parent.physical and children and parent.id in used:
            yield _imbalance(parent, children, used)


def _imbalance(parent: Meter, children: Sequence[Meter], used: Mapping[str, Consumption]) -> Imbalance:
    family = (parent, *children)
    whole = {id_: one.value for id_, one in used.items() if one.value is not None and not one.shares.missing}
    if any(meter.id not in whole for meter in family):
        return Imbalance(parent.id, None, None)
    difference = whole[parent.id] - sum(whole[child.id] for child in children)
    return Imbalance(parent.id, difference, _limit([(meter.accuracy, whole[meter.id]) for meter in family]))


def _limit(family: Sequence[tuple[Decimal | None, Decimal]]) -> Decimal | None:
    squares = Decimal(0)
    for accuracy, amount in family:
        if accuracy is None:
            return None
        squares += (accuracy * amount / 100) ** 2
    return squares.sqrt().quantize(_STEP, ROUND_HALF_UP)

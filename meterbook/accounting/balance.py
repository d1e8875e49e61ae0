"""Balance: supply = departments + losses + unallocated, for each utility."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from meterbook.accounting.allocate import Piece
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Intervals, Shares
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.statement import Balance


def balance(
    utility: str, roots: Mapping[str, Intervals], pieces: Sequence[Piece], start: Instant, end: Instant
) -> Balance:
    """The balance of a utility over [start, end) from its supply meters and the pieces everybody carries."""
    allocated: defaultdict[str, Decimal] = defaultdict(Decimal)
    shared_losses: defaultdict[str, Decimal] = defaultdict(Decimal)
    unallocated, losses = Decimal(0), Decimal(0)
    for piece in pieces:
        if piece.kind == "loss":
            losses += piece.quantity
        if piece.party == UNALLOCATED:
            unallocated += piece.quantity
        else:
            (shared_losses if piece.kind == "loss" else allocated)[piece.party] += piece.quantity
    totals = [cells.total() for cells in roots.values()]
    supplied = sum((total.value or Decimal(0) for total in totals), Decimal(0))
    return Balance(
        utility=utility,
        unit=UNITS[UTILITIES[utility][0]],
        start=start,
        end=end,
        supplied=supplied,
        allocated=dict(sorted(allocated.items())),
        losses_shared=dict(sorted(shared_losses.items())),
        unallocated=unallocated,
        losses=losses,
        quality=_mean([total.shares for total in totals]),
    )


def _mean(shares: Sequence[Shares]) -> Shares:
    if not shares:
        return Shares.nothing()
    estimated = sum(float(share.estimated) for share in shares) / len(shares)
    missing = sum(float(share.missing) for share in shares) / len(shares)
    return Shares.of_time(estimated, missing)

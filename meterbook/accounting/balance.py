"""Balance: supply = departments + losses + unallocated, for each utility."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from meterbook.accounting.allocate import Piece
from meterbook.accounting.consumption import combined
from meterbook.accounting.sources import roots
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Intervals, Shares
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.site import Site
from meterbook.domain.statement import Balance


def balance(
    site: Site, utility: str, used: Mapping[str, Intervals], pieces: Sequence[Piece], start: Instant, end: Instant
) -> Balance:
    """The balance of a utility over [start, end) from its meters and the pieces everybody carries."""
    allocated: defaultdict[str, Decimal] = defaultdict(Decimal)
    shared_losses: defaultdict[str, Decimal] = defaultdict(Decimal)
    unallocated = Decimal(0)
    for piece in pieces:
        if piece.party == UNALLOCATED:
            unallocated += piece.quantity
        else:
            (shared_losses if piece.kind == "loss" else allocated)[piece.party] += piece.quantity
    totals = [used[meter.id].total() for meter in roots(site, utility)]
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
        losses=_lost(site, utility, used, start, end),
        quality=_mean([total.shares for total in totals]),
    )


def _lost(site: Site, utility: str, used: Mapping[str, Intervals], start: Instant, end: Instant) -> Decimal:
    """What parents counted more than their sub-meters in [start, end), while a rule for their losses holds.

    It is physical, whoever carries it: where the parent is given away as a whole it is no loss on anybody's statement.
    Time in which one of them is missing does not count.
    """
    first: dict[str, Instant] = {}
    for rule in site.allocations:
        if rule.losses and site.meters[rule.meter].utility == utility and rule.start < end:
            first[rule.meter] = max(start, min(rule.start, first.get(rule.meter, rule.start)))
    found = Decimal(0)
    for parent, since in first.items():
        factors = {parent: Fraction(1), **{one.id: Fraction(-1) for one in site.children(parent) if one.physical}}
        rest = combined(factors, {meter: used[meter].between(since, end) for meter in factors})
        found += rest.quantum * int(rest.amount.sum())
    return found


def _mean(shares: Sequence[Shares]) -> Shares:
    if not shares:
        return Shares.nothing()
    estimated = sum(float(share.estimated) for share in shares) / len(shares)
    missing = sum(float(share.missing) for share in shares) / len(shares)
    return Shares.of_time(estimated, missing)

"""Step-down: what departments were charged, passed on in stages (references.md, hospital cost accounting).

    C'_i = C_i + sum over a (C'_a x w_i / sum w)

exact in fen: each sum that is passed on is divided by largest remainder, ties to the smaller id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from meterbook.accounting.ledger import Ledger
from meterbook.domain.instant import Instant
from meterbook.domain.money import UNALLOCATED, apportion
from meterbook.domain.organisation import Department
from meterbook.domain.site import Site
from meterbook.domain.stepdown import Kept, Share, Stage, StepDown, SteppedDown, Transfer
from meterbook.domain.timeline import Timeline

_NOTHING = Decimal("0.00")


class NoStages(LookupError):
    """No stages hold in the month."""


class Unpriced(ValueError):
    """Departments have a quantity without a price, so that nobody knows what there is to pass on."""

    def __init__(self, departments: Sequence[str]) -> None:
        super().__init__(f"no price for {', '.join(departments)}")
        self.departments = tuple(departments)


def stepped_down(ledger: Ledger, month: str, now: Instant, *, current: bool = False) -> SteppedDown:
    """A month's charges, stepped down by the stages, heads and areas of the month.

    A closed month answers from its record and by its terms; `current` computes it by today's. Quota lines are no
    charges of the site's, and have no part in it. Raises NoStages, and Unpriced where a charge is not known.
    """
    record = None if current else ledger.closed(month)
    site = ledger.site if record is None else record.terms.site(ledger.site)
    start, end = site.calendar.month(month)
    version = _version(site, start)
    statements = ledger.statements(month, now, current=current)
    unpriced = [one.department for one in statements if one.total is None]
    if unpriced:
        raise Unpriced(unpriced)
    totals = {one.department: one.total for one in statements if one.total is not None}
    unallocated = totals.pop(UNALLOCATED, _NOTHING)
    charged = {**dict.fromkeys(site.departments, _NOTHING), **totals}
    transfers, kept = passed_on(version.stages, charged, site.departments, start, end)
    return SteppedDown(
        month=month,
        state="closed" if record is not None else "provisional" if now >= end else "open",
        currency=site.currency,
        stages=version.stages,
        shares=tuple(_shares(charged, transfers)),
        transfers=tuple(transfers),
        kept=tuple(kept),
        unallocated=unallocated,
    )


def _version(site: Site, start: Instant) -> StepDown:
    begun = [version for version in site.step_down if version.start <= start]
    if not begun:
        raise NoStages
    return max(begun, key=lambda version: version.start)


def passed_on(
    stages: Sequence[Stage],
    charged: Mapping[str, Decimal],
    departments: Mapping[str, Department],
    start: Instant,
    end: Instant,
) -> tuple[list[Transfer], list[Kept]]:
    """What is passed on of what each department was charged, and what stays where nobody weighs anything."""
    costs = dict(charged)
    transfers: list[Transfer] = []
    kept: list[Kept] = []
    for number, stage in enumerate(stages, start=1):
        weights = {id_: _weight(stage, id_, departments, start, end) for id_ in stage.among}
        whole = sum(weights.values(), Fraction())
        for giver in stage.departments:
            amount = costs.get(giver, _NOTHING)
            if amount and whole <= 0:
                kept.append(Kept(number, giver, amount))
            if not amount or whole <= 0:
                continue
            for receiver, part in apportion(amount, weights).items():
                if part:
                    costs[receiver] = costs.get(receiver, _NOTHING) + part
                    transfers.append(Transfer(number, giver, receiver, weights[receiver], whole, part))
    return transfers, kept


def _weight(
    stage: Stage, department: str, departments: Mapping[str, Department], start: Instant, end: Instant
) -> Fraction:
    """A department's weight: given, or the mean of its heads or area over the month."""
    if stage.by in ("shares", "weights"):
        return Fraction(stage.given.get(department, Decimal(0)))
    own = departments.get(department)
    held = None if own is None else own.headcount if stage.by == "headcount" else own.area_m2
    return Fraction() if held is None else _mean(held, start, end)


def _mean(held: Timeline[Decimal], start: Instant, end: Instant) -> Fraction:
    """The mean over [start, end) by time; what is not declared yet counts as none, as in allocations."""
    edges = [start, *held.changes(start, end), end]
    whole = sum((Fraction(held.at(low) or 0) * (high - low) for low, high in pairwise(edges)), Fraction())
    return whole / (end - start)


def _shares(charged: Mapping[str, Decimal], transfers: Sequence[Transfer]) -> list[Share]:
    received, given = dict.fromkeys(charged, _NOTHING), dict.fromkeys(charged, _NOTHING)
    for one in transfers:
        received[one.receiver] = received.get(one.receiver, _NOTHING) + one.amount
        given[one.giver] = given.get(one.giver, _NOTHING) + one.amount
    parties = sorted({*received, *given})
    return [
        Share(id_, charged.get(id_, _NOTHING), received.get(id_, _NOTHING), given.get(id_, _NOTHING)) for id_ in parties
    ]

"""A closed month as it was charged, beside what it comes to today: shown before anything is booked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from meterbook.accounting.adjustment import Amounts, amounts
from meterbook.accounting.closing import recomputed
from meterbook.accounting.ledger import Ledger
from meterbook.domain.calendar import first_of_month, next_month
from meterbook.domain.fingerprint import fingerprint, scheme_of


@dataclass(frozen=True, slots=True)
class Sum:
    """A quantity in the component's unit and a charge; None where there is none, or where nobody knows."""

    quantity: Decimal | None = None
    charge: Decimal | None = None

    def less(self, other: Sum) -> Sum:
        """The difference; what one of them does not have is nothing."""
        return Sum(_less(self.quantity, other.quantity), _less(self.charge, other.charge))

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(_plus(self.quantity, other.quantity), _plus(self.charge, other.charge))

    def __bool__(self) -> bool:
        """Whether it is more or less than nothing."""
        return bool(self.quantity or self.charge)


@dataclass(frozen=True, slots=True)
class Compared:
    """A department's component of a closed month, whatever the tariff version.

    `charged` is what was charged so far, adjustments in closed months included. `due` follows from today's readings by
    the month's own rules, prices and calendar: what it differs by is booked. `rerated` follows from today's rules and
    prices too, and is only shown.
    """

    department: str
    utility: str
    component: str
    unit: str | None
    charged: Sum
    due: Sum
    rerated: Sum

    @property
    def difference(self) -> Sum:
        """What the next open month carries as an adjustment."""
        return self.due.less(self.charged)

    @property
    def rerating(self) -> Sum:
        """What today's rules and prices would change beside."""
        return self.rerated.less(self.due)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A closed month compared; `booked_in` is the earliest open month after it.

    `damaged` names the departments whose hash does not fit what the books hold of their statement; `changed` those
    whose statement, computed again by its terms and today's readings, is not the same bytes any more.
    """

    month: str
    booked_in: str
    items: tuple[Compared, ...]
    damaged: tuple[str, ...]
    changed: tuple[str, ...]


def comparison(ledger: Ledger, month: str) -> Comparison:
    """Compare a closed month, quota lines aside; raises KeyError where it is not closed."""
    record = ledger.closed(month)
    if record is None:
        raise KeyError(month)
    charged, due = (_summed(found) for found in ledger.adjustments.compared(month))
    rerated = _summed(amounts((party, line) for party, own in ledger.charged_when_over(month).items() for line in own))
    units = {key: found.unit for key, found in {**rerated, **due, **charged}.items()}
    sums = (charged, due, rerated)
    again = {one.department: fingerprint(one) for one in recomputed(ledger, month)}
    return Comparison(
        month,
        _open_after(ledger, month),
        tuple(Compared(*key, units[key], *(found.get(key, _NONE).sum for found in sums)) for key in sorted(units)),
        damaged=tuple(one.department for one in record.statements if scheme_of(one) is None),
        changed=tuple(one.department for one in record.statements if again.get(one.department) != fingerprint(one)),
    )


_Key = tuple[str, str, str]
"""Department, utility, component."""


@dataclass(frozen=True, slots=True)
class _Found:
    sum: Sum
    unit: str | None


_NONE = _Found(Sum(), None)


def _summed(found: Amounts) -> dict[_Key, _Found]:
    sums: dict[_Key, _Found] = {}
    for of, amount in found.items():
        key = (of.party, of.utility, of.name)
        before = sums.get(key, _NONE)
        sums[key] = _Found(before.sum.plus(Sum(amount.quantity, amount.charge)), amount.unit or before.unit)
    return sums


def _open_after(ledger: Ledger, month: str) -> str:
    while ledger.signature(month) is not None:
        month = f"{next_month(first_of_month(month)):%Y-%m}"
    return month


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return _added((one, other))


def _less(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return _added((one, None if other is None else -other))


def _added(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None

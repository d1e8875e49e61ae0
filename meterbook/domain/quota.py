"""Quotas: what people agreed about them beside the site's files, and how a department stands against one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from meterbook.domain.instant import Instant


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved an entry, and when."""

    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class QuotaEntry:
    """A top-up of a department's quota, or with `source` a transfer from that department's; `amount` is above zero.

    `asked_by` asked for it at the instant `at`. It counts from its approval on, and never without one.
    """

    id: int
    utility: str
    year: int
    department: str
    source: str | None
    amount: Decimal
    asked_by: str
    reason: str
    at: Instant
    approval: Approval | None = None

    def counts(self, before: Instant) -> bool:
        """Whether it was approved before an instant."""
        return self.approval is not None and self.approval.at < before

    def effect(self, department: str) -> Decimal:
        """What it adds to a department's quota; what was given away is below zero."""
        if department == self.department:
            return self.amount
        return -self.amount if department == self.source else Decimal(0)


@dataclass(frozen=True, slots=True)
class QuotaStanding:
    """How a department stands against a quota at the end of a month, or up to now while it runs; in `unit`.

    `declared` is what the site's files grant for the year, `amount` that with the entries that count, `planned` the
    part of it up to the instant `at`. `used` counts from the start of the calendar year, losses included; it is None
    where readings begin later and nothing says what was used before, and so are `left` and what follows from it.
    `warning` is the highest of the quota's per cents that was reached; `runs_out` the day on which the amount is used
    up if the year goes on as it went so far, None where it lasts or is used up already.
    """

    department: str
    utility: str
    unit: str
    year: int
    at: Instant
    declared: Decimal
    amount: Decimal
    planned: Decimal
    used: Decimal | None
    warning: Decimal | None
    runs_out: date | None

    @property
    def left(self) -> Decimal | None:
        """What may still be used; below zero where more was."""
        return None if self.used is None else self.amount - self.used

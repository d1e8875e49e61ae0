"""What people agreed about quotas in a case, and how a department stands against one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meterbook.accounting.ledger import Ledger
from meterbook.domain.instant import Instant, parse
from meterbook.domain.quota import Approval, QuotaEntry


@dataclass(frozen=True)
class Agreed:
    """Entries in memory."""

    entries: Sequence[QuotaEntry] = ()

    def approved(self, year: int) -> list[QuotaEntry]:
        return [entry for entry in self.entries if entry.year == year and entry.approval is not None]

    @classmethod
    def of(cls, rows: Iterable[dict[str, Any]]) -> Agreed:
        """The entries of a case; `approved` says when, where somebody did."""
        return cls(
            [
                QuotaEntry(
                    id=number,
                    utility=row["utility"],
                    year=row["year"],
                    department=row["department"],
                    source=row.get("source"),
                    amount=Decimal(row["amount"]),
                    asked_by="li",
                    reason="a case",
                    at=0,
                    approval=Approval("wang", parse(row["approved"])) if "approved" in row else None,
                )
                for number, row in enumerate(rows, 1)
            ]
        )


def check_quota(ledger: Ledger, asked: dict[str, Any], now: Instant) -> None:
    """One department's standing at the end of a month; `null` is unknown, what is left out is not asked."""
    (found,) = [
        one
        for one in ledger.quotas(asked["month"], now)
        if (one.department, one.utility) == (asked["department"], asked["utility"])
    ]
    figures = ("declared", "amount", "planned", "used", "left", "warning", "runs_out")
    shown = {figure: getattr(found, figure) for figure in figures if figure in asked}
    assert {name: None if value is None else str(value) for name, value in shown.items()} == {
        figure: asked[figure] for figure in shown
    }

"""What a case expects of the emissions on a statement."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from meterbook.accounting.ledger import Ledger
from meterbook.domain.instant import Instant


def check_emissions(ledger: Ledger, asked: dict[str, Any], now: Instant) -> None:
    found = ledger.statement(asked["month"], asked["department"], now).emissions
    wanted = [
        (utility, *(None if figure is None else Decimal(figure) for figure in figures))
        for utility, *figures in asked["emissions"]
    ]
    assert [(one.utility, one.quantity, one.kgco2e, one.kgce) for one in found] == wanted

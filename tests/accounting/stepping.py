"""What a case expects of a month's step-down."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.stepdown import stepped_down
from meterbook.domain.instant import Instant
from meterbook.domain.stepdown import shown


def check_step_down(ledger: Ledger, asked: dict[str, Any], now: Instant) -> None:
    found = stepped_down(ledger, asked["month"], now)
    assert found.state == asked["state"]
    assert (found.total, found.unallocated) == (Decimal(asked["total"]), Decimal(asked["unallocated"]))
    assert {one.department: str(one.cost) for one in found.shares} == asked["costs"]
    assert [
        [one.stage, one.giver, one.receiver, f"{shown(one.weight):f}", f"{shown(one.whole):f}", str(one.amount)]
        for one in found.transfers
    ] == asked["transfers"]
    assert found.difference == 0

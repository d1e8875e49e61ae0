"""What a ledger posts: a month's charges by department, utility and kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from meterbook.domain.statement import QUOTA_KINDS, Line, LineKind, Statement
from meterbook.reports.issue import added


class Posting(NamedTuple):
    """An amount for a department, or with None for the site itself; None for an amount that has no price."""

    department: str | None
    utility: str
    kind: LineKind
    amount: Decimal | None


def account(accounts: Mapping[str, str], utility: str, kind: str) -> str:
    """Where it is posted: what the settings say of the utility and kind, else of the utility, else its own name."""
    name = f"{utility}.{kind}"
    return accounts.get(name, accounts.get(utility, name))


def postings(statements: Sequence[Statement], *, complete: bool) -> list[Posting]:
    """The amounts of statements, those of zero left out.

    A department's add up to what it has to pay. Quota lines are between the site and its departments: of a complete
    month the site carries the opposite, so that all add up to the site's charge.
    """
    found = [posting for statement in statements for posting in _of(statement)]
    return [*found, *_opposite(found)] if complete else found


def _of(statement: Statement) -> Iterator[Posting]:
    # Lines of one utility and kind stand together, as the ledger orders them.
    for (utility, kind), lines in groupby(statement.lines, _key):
        amount = added(line.charge for line in lines)
        if amount is None or amount:
            yield Posting(statement.department, utility, kind, amount)


def _key(line: Line) -> tuple[str, LineKind]:
    return line.utility, line.kind


def _opposite(found: Sequence[Posting]) -> Iterator[Posting]:
    settled: dict[tuple[str, LineKind], list[Decimal | None]] = {}
    for posting in found:
        if posting.kind in QUOTA_KINDS:
            settled.setdefault((posting.utility, posting.kind), []).append(posting.amount)
    for (utility, kind), amounts in sorted(settled.items()):
        amount = added(amounts)
        yield Posting(None, utility, kind, None if amount is None else -amount)

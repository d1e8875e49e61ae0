"""What became of a contested line: how it stands now, and the adjustments there have been of it since.

Nobody enters the amount of an adjustment. What mends a figure is evidence (a correction, a register declared otherwise)
or, while the month is not closed, a rule; what follows from it is computed like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meterbook.accounting.adjustment import component_of
from meterbook.accounting.correctable import Refused
from meterbook.accounting.explain import find
from meterbook.accounting.ledger import Ledger
from meterbook.domain.calendar import first_of_month, next_month
from meterbook.domain.correction import Correction
from meterbook.domain.dispute import Dispute
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.site import Site
from meterbook.domain.statement import Line, Statement, StatementState


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An adjustment line of the contested line's department, utility and month, with the statement it stands on.

    `own` says that it is of the contested component, and not merely of the same utility.
    """

    month: str
    state: StatementState
    line: Line
    own: bool


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The contested line as it stands now (None where it is gone), its month's state, and the adjustments since."""

    line: Line | None
    state: StatementState
    adjustments: tuple[Adjusted, ...]


def aftermath(
    ledger: Ledger, dispute: Dispute, cited: Sequence[Correction], now: Instant, standing: Line | None = None
) -> Aftermath:
    """What became of a contested line; `standing` is the line as it stands, where the caller has it at hand.

    Adjustments count that were booked after the dispute was opened, or after the first of the corrections `cited` in
    its answer was entered, where that is earlier; those of the earliest open month are not booked yet. None come of a
    rejection.
    """
    since = min([dispute.at, *(one.at for one in cited)])
    if standing is None:
        found = find(ledger, dispute.line.id, now)
        standing = found[1] if found is not None else None
    adjustments = tuple(_adjustments(ledger, dispute, since, now))
    return Aftermath(standing, _state(ledger, dispute.month, now), adjustments)


def moved(dispute: Dispute, after: Aftermath) -> bool:
    """Whether the contested figure is another one today, on its own line or through an adjustment of its component."""
    line, contested = after.line, dispute.line
    if line is None or (line.quantity, line.charge) != (contested.quantity, contested.charge):
        return True
    return any(one.own for one in after.adjustments)


def answers(ledger: Ledger, dispute: Dispute, party: str, line: Line) -> bool:
    """Whether an adjustment line of a party is of the component that a dispute contests."""
    same = (party, line.start) == (dispute.department, ledger.site.calendar.month(source(ledger, dispute))[0])
    return same and line.kind == "adjustment" and _own(dispute, line)


def source(ledger: Ledger, dispute: Dispute) -> str:
    """The month whose figures are contested: of an adjustment line the closed month that it adjusts."""
    if dispute.line.kind == "adjustment":
        return ledger.site.calendar.month_of(dispute.line.start)
    return dispute.month


def check_cited(site: Site, dispute: Dispute, cited: Sequence[Correction]) -> None:
    """Refuse corrections that cannot mend the contested figure: taken back, or of another utility."""
    for one in cited:
        if one.undo is not None:
            raise Refused("corrections", f"correction {one.id} was undone by {one.undo.author}")
        meter: Meter | None = site.meters.get(one.meter)
        if meter is None or meter.utility != dispute.line.utility:
            raise Refused(
                "corrections", f"correction {one.id} is of {one.meter}, no meter of {dispute.line.utility} here"
            )


def _own(dispute: Dispute, line: Line) -> bool:
    return component_of("", line) == component_of("", dispute.line)


def _adjustments(ledger: Ledger, dispute: Dispute, since: Instant, now: Instant) -> Iterator[Adjusted]:
    rejected = dispute.answer is not None and dispute.answer.outcome == "rejection"
    if rejected or ledger.signature(dispute.month) is None:
        return
    start = ledger.site.calendar.month(source(ledger, dispute))[0]
    for statement in _later(ledger, dispute, since, now):
        for line in statement.lines:
            if (line.kind, line.utility, line.start) == ("adjustment", dispute.line.utility, start):
                yield Adjusted(statement.month, statement.state, line, _own(dispute, line))


def _later(ledger: Ledger, dispute: Dispute, since: Instant, now: Instant) -> Iterator[Statement]:
    """The department's statements of the closed months that follow, signed since, and of the open one after them."""
    if dispute.department not in {*ledger.site.departments, UNALLOCATED}:
        return
    month = _next(dispute.month)
    while (signature := ledger.signature(month)) is not None:
        if signature.at >= since:
            yield ledger.statement(month, dispute.department, now)
        month = _next(month)
    yield ledger.statement(month, dispute.department, now)


def _next(month: str) -> str:
    return f"{next_month(first_of_month(month)):%Y-%m}"


def _state(ledger: Ledger, month: str, now: Instant) -> StatementState:
    if ledger.signature(month) is not None:
        return "closed"
    return "provisional" if now >= ledger.site.calendar.month(month)[1] else "open"

"""Disputes: a department contests a line of its statement, and those who answer for the accounts answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meterbook.domain.instant import Instant
from meterbook.domain.statement import Line, StatementState

Outcome = Literal["adjustment", "rejection"]


@dataclass(frozen=True, slots=True)
class DisputeAnswer:
    """The end of a dispute. `site_version` is that of the site's files on the day.

    An adjustment names what mends the figure: the ids of signed `corrections`, or with `change` what was changed in
    the site's files. The amount is none of it: it follows from the readings and rules there are (see
    `meterbook.accounting.dispute`).
    """

    outcome: Outcome
    author: str
    comment: str
    at: Instant
    site_version: str
    corrections: tuple[int, ...] = ()
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """One contested line; later ids are later. It is open until it is answered, once.

    `line` is the line as it stood on its statement that day, `state` and `hash` are those of the statement.
    """

    id: int
    month: str
    department: str
    line: Line
    state: StatementState
    hash: str
    site_version: str
    author: str
    comment: str
    at: Instant
    answer: DisputeAnswer | None = None

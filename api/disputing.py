"""Contested lines, from the API, the pages and the command line alike: opened, answered, audited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.schemas.dispute import DisputeInFull
from meterbook.accounting.correctable import Refused
from meterbook.accounting.dispute import aftermath, answers, check_cited, moved
from meterbook.accounting.ledger import Ledger
from meterbook.books import audit, corrections
from meterbook.books import disputes as book
from meterbook.books.database import Books
from meterbook.books.disputes import AnsweredAlready
from meterbook.domain.correction import Correction
from meterbook.domain.dispute import Dispute, DisputeAnswer, Outcome
from meterbook.domain.instant import Instant
from meterbook.domain.statement import Line, Statement

MOST = 100
"""Disputes that are told of one line, the newest."""


class OwnDispute(ValueError):
    """Who contested a line wants to answer it."""


class NothingMoved(ValueError):
    """An adjustment is promised, and the contested figure is what it was."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An answer as it is asked for; see domain.dispute.DisputeAnswer."""

    outcome: Outcome
    comment: str
    corrections: tuple[int, ...] = ()
    change: str | None = None


def contest(
    ledger: Ledger, books: Books, statement: Statement, line: Line, who: str, comment: str, now: Instant
) -> Dispute:
    """Open a dispute about a line, kept as it stands on its statement; raises OpenAlready."""
    with books.write() as connection:
        opened = book.add(connection, statement, line, ledger.site.version, who, comment, now)
        audit.add(connection, now, who, "line contested", f"{opened.id} {line.id}", comment)
    return opened


def answer(ledger: Ledger, books: Books, dispute: Dispute, wish: Wish, who: str, now: Instant) -> Dispute:
    """Answer a dispute, for good.

    Raises AnsweredAlready, OwnDispute for who opened it, Refused with the part of the wish that is wrong, NothingMoved
    for an adjustment of a figure that is what it was.
    """
    if dispute.answer is not None:
        raise AnsweredAlready(dispute, dispute.answer)
    if dispute.author.strip().casefold() == who.strip().casefold():
        raise OwnDispute(f"{who} opened dispute {dispute.id}; somebody else must answer it")
    entries = _checked(ledger, books, dispute, wish)
    if wish.outcome == "adjustment" and not moved(dispute, aftermath(ledger, dispute, entries, now)):
        raise NothingMoved(_unmoved(ledger, dispute))
    given = DisputeAnswer(
        wish.outcome,
        who,
        wish.comment,
        now,
        ledger.site.version,
        tuple(sorted(entry.id for entry in entries)),
        wish.change,
    )
    with books.write() as connection:
        answered = book.answer(connection, dispute.id, given)
        deed = f"dispute answered: {given.outcome}"
        audit.add(connection, now, who, deed, f"{dispute.id} {dispute.line.id}", given.comment)
    return answered


def cited(books: Books, dispute: Dispute) -> list[Correction]:
    """The corrections that the answer of a dispute names, undone ones too."""
    return _entries(books, dispute.answer.corrections if dispute.answer is not None else ())


def in_full(
    ledger: Ledger,
    books: Books,
    dispute: Dispute,
    now: Instant,
    sees: Callable[[str], bool] = lambda meter: True,
    line: Line | None = None,
) -> DisputeInFull:
    """A dispute with what became of its line; `sees` says whose corrections may be shown.

    `line` is a line that the caller has at hand as it stands, be it the contested one or another.
    """
    entries = cited(books, dispute)
    standing = line if line is not None and line.id == dispute.line.id else None
    after = aftermath(ledger, dispute, entries, now, standing)
    return DisputeInFull.told(dispute, after, entries, ledger.site.calendar.zone, sees)


def of_line(ledger: Ledger, books: Books, statement: Statement, line: Line) -> list[Dispute]:
    """The disputes of a line, newest first; of an adjustment line also those that it answers."""
    with books.read() as connection:
        own = book.find(connection, line=line.id, limit=MOST)
        if line.kind != "adjustment":
            return own
        others = book.find(connection, departments={statement.department}, answered=True, limit=MOST)
    return own + [one for one in others if one not in own and _answered_by(ledger, one, statement, line)]


def _checked(ledger: Ledger, books: Books, dispute: Dispute, wish: Wish) -> list[Correction]:
    """The corrections of a wish; raises Refused."""
    if wish.outcome == "rejection":
        for field in ("corrections", "change"):
            if getattr(wish, field):
                raise Refused(field, "a rejection mends nothing; name what mends the figure with an adjustment")
        return []
    if not wish.corrections and not wish.change:
        raise Refused(
            "corrections",
            "an adjustment names the corrections that mend the figure, or under `change` what was changed "
            "in the site's files",
        )
    entries = _entries(books, wish.corrections)
    missing = sorted({*wish.corrections} - {entry.id for entry in entries})
    if missing:
        raise Refused("corrections", f"there is no correction {missing[0]}")
    check_cited(ledger.site, dispute, entries)
    return entries


def _answered_by(ledger: Ledger, dispute: Dispute, statement: Statement, line: Line) -> bool:
    given = dispute.answer
    return given is not None and given.outcome == "adjustment" and answers(ledger, dispute, statement.department, line)


def _entries(books: Books, ids: Sequence[int]) -> list[Correction]:
    if not ids:
        return []
    with books.read() as connection:
        found = [corrections.get(connection, id) for id in sorted({*ids})]
    return [entry for entry in found if entry is not None]


def _unmoved(ledger: Ledger, dispute: Dispute) -> str:
    if ledger.signature(dispute.month) is None:
        return f"{dispute.line.id} is what it was; mend it first, or reject the dispute"
    return (
        f"{dispute.line.id} is closed, and no adjustment has come of it: by the rules and prices it was closed with, "
        "it is what it was. Enter the correction first, or reject the dispute; a rule is changed from an open month on"
    )

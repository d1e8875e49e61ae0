"""Disputes and their answers. What an answer must name is decided in `meterbook.accounting.dispute`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, func, insert, select

from meterbook.books.tables import dispute_answers as _answers
from meterbook.books.tables import dispute_corrections as _cited
from meterbook.books.tables import disputes as _disputes
from meterbook.domain.dispute import Dispute, DisputeAnswer
from meterbook.domain.instant import Instant
from meterbook.domain.statement import Line, Statement

_LINE = TypeAdapter(Line)


class OpenAlready(ValueError):
    """Somebody contests the line, and nobody has answered yet; `dispute` is theirs."""

    def __init__(self, dispute: Dispute) -> None:
        super().__init__(
            f"{dispute.author} contests {dispute.line.id} already: dispute {dispute.id} waits for its answer"
        )
        self.dispute = dispute


class AnsweredAlready(ValueError):
    """Somebody has answered the dispute before."""

    def __init__(self, dispute: Dispute, answer: DisputeAnswer) -> None:
        super().__init__(f"dispute {dispute.id} was answered by {answer.author} already: {answer.outcome}")
        self.dispute, self.answer = dispute, answer


def add(
    connection: Connection, statement: Statement, line: Line, site_version: str, author: str, comment: str, at: Instant
) -> Dispute:
    """Keep a dispute with the line as it stands; raises OpenAlready where one of that line waits for its answer."""
    waiting = find(connection, line=line.id, answered=False, limit=1)
    if waiting:
        raise OpenAlready(waiting[0])
    row = {
        "line": line.id,
        "month": statement.month,
        "department": statement.department,
        "contested": _LINE.dump_json(line).decode(),
        "state": statement.state,
        "hash": statement.hash,
        "site_version": site_version,
        "author": author,
        "comment": comment,
        "at": at,
    }
    key = connection.execute(insert(_disputes).values(row).returning(_disputes.c.id)).scalar_one()
    return Dispute(
        key, statement.month, statement.department, line, statement.state, statement.hash,
        site_version, author, comment, at,
    )  # fmt: skip


def get(connection: Connection, id: int) -> Dispute | None:
    """The dispute with its answer, None when there is none of that id."""
    return next(iter(_read(connection, _all().where(_disputes.c.id == id))), None)


def answer(connection: Connection, id: int, given: DisputeAnswer) -> Dispute:
    """End a dispute. Raises KeyError for an unknown id, AnsweredAlready where somebody has done so before."""
    found = get(connection, id)
    if found is None:
        raise KeyError(id)
    if found.answer is not None:
        raise AnsweredAlready(found, found.answer)
    row = {name: getattr(given, name) for name in ("outcome", "author", "comment", "change", "site_version", "at")}
    connection.execute(insert(_answers).values(dispute=id, **row))
    if given.corrections:
        connection.execute(insert(_cited), [{"dispute": id, "correction": one} for one in given.corrections])
    return replace(found, answer=given)


def find(
    connection: Connection,
    *,
    departments: Collection[str] | None = None,
    month: str | None = None,
    line: str | None = None,
    answered: bool | None = None,
    before: int | None = None,
    limit: int,
) -> list[Dispute]:
    """The newest disputes first, at most `limit`, with ids below `before`; what is None does not narrow."""
    query = _all().order_by(_disputes.c.id.desc()).limit(limit)
    if departments is not None:
        query = query.where(_disputes.c.department.in_(sorted(departments)))
    if month is not None:
        query = query.where(_disputes.c.month == month)
    if line is not None:
        query = query.where(_disputes.c.line == line)
    if answered is not None:
        query = query.where(_answers.c.dispute.is_not(None) if answered else _answers.c.dispute.is_(None))
    if before is not None:
        query = query.where(_disputes.c.id < before)
    return _read(connection, query)


def waiting(connection: Connection) -> dict[str, int]:
    """How many disputes wait for their answer, by the month of their line."""
    query = select(_disputes.c.month, func.count().label("disputes"))
    query = query.outerjoin(_answers, _answers.c.dispute == _disputes.c.id)
    query = query.where(_answers.c.dispute.is_(None)).group_by(_disputes.c.month)
    return {row.month: row.disputes for row in connection.execute(query)}


def _all() -> Select[Any]:
    given = [column.label(f"answer_{column.name}") for column in _answers.c]
    return select(_disputes, *given).outerjoin(_answers, _answers.c.dispute == _disputes.c.id)


def _read(connection: Connection, query: Select[Any]) -> list[Dispute]:
    rows = connection.execute(query).all()
    cited = _corrections(connection, [row.id for row in rows if row.answer_dispute is not None])
    return [_dispute(row, cited.get(row.id, ())) for row in rows]


def _corrections(connection: Connection, disputes: Iterable[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    query = select(_cited).where(_cited.c.dispute.in_(list(disputes))).order_by(_cited.c.dispute, _cited.c.correction)
    for row in connection.execute(query):
        found[row.dispute] = (*found.get(row.dispute, ()), row.correction)
    return found


def _dispute(row: Any, cited: tuple[int, ...]) -> Dispute:
    given = None
    if row.answer_dispute is not None:
        given = DisputeAnswer(
            outcome=row.answer_outcome,
            author=row.answer_author,
            comment=row.answer_comment,
            at=row.answer_at,
            site_version=row.answer_site_version,
            corrections=cited,
            change=row.answer_change,
        )
    return Dispute(
        id=row.id,
        month=row.month,
        department=row.department,
        line=_LINE.validate_json(row.contested),
        state=row.state,
        hash=row.hash,
        site_version=row.site_version,
        author=row.author,
        comment=row.comment,
        at=row.at,
        answer=given,
    )

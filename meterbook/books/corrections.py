"""Corrections and who took them back. What they make of readings is decided in `meterbook.accounting.corrected`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, true

from meterbook.books.database import Books
from meterbook.books.tables import correction_undos as undos
from meterbook.books.tables import corrections as _corrections
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, Undo, What
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Installation, Register


class UndoneAlready(ValueError):
    """Somebody has taken the correction back before."""


class Corrections:
    """The corrections of a site's books, for whoever computes with them."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def active(self) -> Mapping[str, tuple[Correction, ...]]:
        """The corrections in force by meter, oldest entry first."""
        with self._books.read() as connection:
            entries = in_force(connection)
        found: dict[str, tuple[Correction, ...]] = {}
        for entry in entries:
            found[entry.meter] = (*found.get(entry.meter, ()), entry)
        return found

    def revision(self) -> int:
        """A number that rises with every entry and every undo."""
        with self._books.read() as connection:
            return revision(connection)


def add(connection: Connection, meter: str, what: What, author: str, reason: str, at: Instant) -> Correction:
    """Keep a new correction; it is in force from now on."""
    row = _row(what) | {"meter": meter, "author": author, "reason": reason, "at": at}
    key = connection.execute(insert(_corrections).values(row).returning(_corrections.c.id)).scalar_one()
    return Correction(key, meter, what, author, reason, at)


def get(connection: Connection, id: int) -> Correction | None:
    """The correction, None when there is none of that id."""
    row = connection.execute(_all().where(_corrections.c.id == id)).one_or_none()
    return None if row is None else _correction(row)


def undo(connection: Connection, id: int, author: str, reason: str, at: Instant) -> Correction:
    """Take a correction back. Raises KeyError for an unknown id, UndoneAlready where somebody has done so before."""
    found = get(connection, id)
    if found is None:
        raise KeyError(id)
    if found.undo is not None:
        raise UndoneAlready(f"correction {id} was undone by {found.undo.author} already: {found.undo.reason}")
    connection.execute(insert(undos).values(correction=id, author=author, reason=reason, at=at))
    return Correction(found.id, found.meter, found.what, found.author, found.reason, found.at, Undo(author, reason, at))


def in_force(connection: Connection, meter: str | None = None) -> list[Correction]:
    """The corrections that nobody has taken back, of one meter or of all, oldest first."""
    query = _all().where(undos.c.correction.is_(None), _of(meter)).order_by(_corrections.c.id)
    return [_correction(row) for row in connection.execute(query)]


def find(
    connection: Connection, *, meter: str | None = None, before: int | None = None, limit: int
) -> list[Correction]:
    """The newest entries first, undone ones too, at most `limit`, with ids below `before`."""
    query = _all().where(_of(meter)).order_by(_corrections.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_corrections.c.id < before)
    return [_correction(row) for row in connection.execute(query)]


def revision(connection: Connection) -> int:
    """A number that rises with every entry and every undo."""
    entered, undone = (select(func.count()).select_from(table).scalar_subquery() for table in (_corrections, undos))
    count: int = connection.execute(select(entered + undone)).scalar_one()
    return count


def _all() -> Select[Any]:
    taken_back = (undos.c.author.label("undo_author"), undos.c.reason.label("undo_reason"), undos.c.at.label("undo_at"))
    return select(_corrections, *taken_back).outerjoin(undos, undos.c.correction == _corrections.c.id)


def _of(meter: str | None) -> ColumnElement[bool]:
    return true() if meter is None else _corrections.c.meter == meter


def _row(what: What) -> dict[str, object]:
    if isinstance(what, Exclusion):
        return {"kind": "exclude", "start": what.start, "end": what.end}
    if isinstance(what, Estimate):
        return {"kind": "estimate", "start": what.start, "end": what.end, "quantity": str(what.quantity)}
    new = what.installation
    return {
        "kind": "exchange",
        "start": new.at,
        "old_final": str(new.old_final),
        "new_initial": str(new.new_initial),
        "register_max": None if new.register.maximum is None else str(new.register.maximum),
        "multiplier": None if what.multiplier is None else str(what.multiplier),
    }


def _correction(row: Any) -> Correction:
    undone = None if row.undo_author is None else Undo(row.undo_author, row.undo_reason, row.undo_at)
    return Correction(row.id, row.meter, _what(row), row.author, row.reason, row.at, undone)


def _what(row: Any) -> What:
    if row.kind == "exclude":
        return Exclusion(row.start, row.end)
    if row.kind == "estimate":
        return Estimate(row.start, row.end, Decimal(row.quantity))
    register = Register(_decimal(row.register_max))
    installation = Installation(row.start, Decimal(row.old_final), Decimal(row.new_initial), register)
    return Exchange(installation, _decimal(row.multiplier))


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)

"""Closed months. What may be closed is decided in `meterbook.accounting.closing`; here it is kept as it was signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, insert, select

from meterbook.books.database import Books
from meterbook.books.tables import closings, statement_emissions, statement_lines, statements
from meterbook.domain.closing import Block, Closed, Signature, Terms
from meterbook.domain.emission import Emission
from meterbook.domain.interval import Shares
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.statement import Balance, Line, Statement

REMEMBERED = 24
"""Closed months that a process keeps at hand: they never change."""

_BLOCKS = TypeAdapter(tuple[Block, ...])
_TERMS = TypeAdapter(Terms)
_BALANCES = TypeAdapter(tuple[Balance, ...])
_STANDINGS = TypeAdapter(tuple[QuotaStanding, ...])
_LINE = tuple(field.name for field in fields(Line))
_EXACT = frozenset({"quantity", "share", "charge"})
_TOTALS = ("total", "payable", "subtree_total")


class ClosedAlready(ValueError):
    """Somebody has closed the month before; `signature` says who."""

    def __init__(self, signature: Signature) -> None:
        super().__init__(f"{signature.month} was closed by {signature.by} already")
        self.signature = signature


class Closings:
    """The closed months of a site's books, for whoever computes with them."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._record = lru_cache(REMEMBERED)(self._read)
        self._terms = lru_cache(REMEMBERED)(self._read_terms)
        self._adjustments: dict[str, Sequence[tuple[str, Line]]] = {}

    def signatures(self) -> Sequence[Signature]:
        """Who closed which months, in their order."""
        with self._books.read() as connection:
            return signatures(connection)

    def closed(self, month: str) -> Closed:
        """The record of a closed month; raises KeyError for one that is not."""
        return self._record(month)

    def terms(self, month: str) -> Terms:
        """The terms of a closed month; raises KeyError for one that is not."""
        return self._terms(month)

    def adjustments(self, month: str) -> Sequence[tuple[str, Line]]:
        """The adjustment lines of a closed month with their departments; none for one that is not."""
        if month not in self._adjustments:
            with self._books.read() as connection:
                found = adjustments(connection, month)
                if month not in {one.month for one in signatures(connection)}:
                    return found
            self._adjustments[month] = found
        return self._adjustments[month]

    def _read(self, month: str) -> Closed:
        with self._books.read() as connection:
            return get(connection, month)

    def _read_terms(self, month: str) -> Terms:
        with self._books.read() as connection:
            row = connection.execute(select(closings.c.terms).where(closings.c.month == month)).one_or_none()
        if row is None:
            raise KeyError(month)
        return _TERMS.validate_json(row.terms)


def add(connection: Connection, record: Closed) -> None:
    """Close a month; raises ClosedAlready where it is."""
    signed = record.signature
    before = [one for one in signatures(connection) if one.month == signed.month]
    if before:
        raise ClosedAlready(before[0])
    connection.execute(
        insert(closings).values(
            month=signed.month,
            at=signed.at,
            by=signed.by,
            reason=signed.reason,
            overridden=_BLOCKS.dump_json(signed.overridden).decode(),
            site_version=signed.site_version,
            terms=_TERMS.dump_json(record.terms).decode(),
            balances=_BALANCES.dump_json(record.balances).decode(),
        )
    )
    if record.statements:
        connection.execute(insert(statements), [_statement_row(one) for one in record.statements])
    lines = [
        _line_row(one.month, one.department, place, line)
        for one in record.statements
        for place, line in enumerate(one.lines)
    ]
    if lines:
        connection.execute(insert(statement_lines), lines)
    emitted = [_emission_row(one, emission) for one in record.statements for emission in one.emissions]
    if emitted:
        connection.execute(insert(statement_emissions), emitted)


def signatures(connection: Connection) -> list[Signature]:
    """Who closed which months, in their order."""
    columns = (closings.c[field.name] for field in fields(Signature))
    return [_signature(row) for row in connection.execute(select(*columns).order_by(closings.c.month))]


def get(connection: Connection, month: str) -> Closed:
    """The record of a closed month; raises KeyError for one that is not."""
    row = connection.execute(select(closings).where(closings.c.month == month)).one_or_none()
    if row is None:
        raise KeyError(month)
    own: dict[str, list[Line]] = {}
    ordered = select(statement_lines).where(statement_lines.c.month == month).order_by(statement_lines.c.place)
    for line in connection.execute(ordered):
        own.setdefault(line.department, []).append(_line(line))
    emitted = _emissions(connection, month)
    found = connection.execute(select(statements).where(statements.c.month == month))
    return Closed(
        _signature(row),
        _TERMS.validate_json(row.terms),
        tuple(
            sorted(
                (_statement(one, own.get(one.department, ()), emitted.get(one.department, ())) for one in found),
                key=lambda one: one.department,
            )
        ),
        _BALANCES.validate_json(row.balances),
    )


def adjustments(connection: Connection, month: str) -> list[tuple[str, Line]]:
    """The adjustment lines of a closed month with their departments, in the order of its record."""
    query = select(statement_lines).where(statement_lines.c.month == month, statement_lines.c.kind == "adjustment")
    ordered = query.order_by(statement_lines.c.department, statement_lines.c.place)
    return [(row.department, _line(row)) for row in connection.execute(ordered)]


def _signature(row: Any) -> Signature:
    return Signature(row.month, row.by, row.at, row.site_version, row.reason, _BLOCKS.validate_json(row.overridden))


def _statement_row(one: Statement) -> dict[str, object]:
    return {
        "month": one.month,
        "department": one.department,
        "revision": one.revision,
        "currency": one.currency,
        **{name: _text(getattr(one, name)) for name in _TOTALS},
        "quality": _shares_text(one.quality),
        "remarks": json.dumps(one.remarks),
        "quota": _STANDINGS.dump_json(one.quota).decode(),
        "hash": one.hash,
    }


def _statement(row: Any, lines: Sequence[Line], emitted: Sequence[Emission]) -> Statement:
    totals = {name: _decimal(getattr(row, name)) for name in _TOTALS}
    return Statement(
        department=row.department,
        month=row.month,
        state="closed",
        revision=row.revision,
        currency=row.currency,
        lines=tuple(lines),
        quality=_shares(row.quality),
        remarks=tuple(json.loads(row.remarks)),
        hash=row.hash,
        quota=_STANDINGS.validate_json(row.quota),
        emissions=tuple(emitted),
        **totals,
    )


def _emission_row(statement: Statement, one: Emission) -> dict[str, object]:
    row: dict[str, object] = {name: _text(getattr(one, name)) for name in ("quantity", "kgco2e", "kgce")}
    return row | {
        "month": statement.month,
        "department": statement.department,
        "utility": one.utility,
        "unit": one.unit,
    }


def _emissions(connection: Connection, month: str) -> dict[str, list[Emission]]:
    """The emissions of a closed month's statements, by department."""
    found: dict[str, list[Emission]] = {}
    ordered = select(statement_emissions).where(statement_emissions.c.month == month)
    for row in connection.execute(ordered.order_by(statement_emissions.c.department, statement_emissions.c.utility)):
        kgco2e, kgce = _decimal(row.kgco2e), _decimal(row.kgce)
        emission = Emission(row.utility, Decimal(row.quantity), row.unit, kgco2e, kgce)
        found.setdefault(row.department, []).append(emission)
    return found


def _line_row(month: str, department: str, place: int, line: Line) -> dict[str, object]:
    row: dict[str, object] = {"month": month, "department": department, "place": place}
    for name in _LINE:
        value = getattr(line, name)
        row[name] = _text(value) if name in _EXACT else value
    return row | {"quality": _shares_text(line.quality)}


def _line(row: Any) -> Line:
    exact: dict[str, Any] = {name: _decimal(getattr(row, name)) for name in _EXACT}
    other = {name: getattr(row, name) for name in _LINE if name not in _EXACT}
    return Line(**exact | other | {"quality": _shares(row.quality)})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _shares_text(shares: Shares) -> str:
    return json.dumps([str(shares.measured), str(shares.estimated), str(shares.missing)])


def _shares(text: str) -> Shares:
    return Shares(*(Decimal(share) for share in json.loads(text)))

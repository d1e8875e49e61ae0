"""Why a line is what it is, for the API and the pages alike."""

from __future__ import annotations

from api.disputing import in_full, of_line
from api.port import Rooms
from api.schemas.explanation import ExplanationOut
from api.scope import Viewer
from meterbook.accounting.explain import explain
from meterbook.domain.statement import Line, Statement


def explained(rooms: Rooms, viewer: Viewer, statement: Statement, line: Line) -> ExplanationOut:
    """A visible line down to its readings, with what people said about it, as far as the viewer may see that."""
    ledger, books, now = rooms.ledger, rooms.books, rooms.clock()
    said = [
        in_full(ledger, books, one, now, viewer.sees_meter, line) for one in of_line(ledger, books, statement, line)
    ]
    return ExplanationOut.of(
        explain(ledger, statement, line, now), rooms.site.calendar.zone, viewer.sees_meter, disputes=said
    )

"""Why a line is what it is, for the API and the pages alike."""

from __future__ import annotations

from api.disputing import in_full, of_line
from api.port import Rooms
from api.schemas.explanation import ExplanationOut
from api.scope import Viewer
from meterbook.accounting.explain import explain


def explained(rooms: Rooms, viewer: Viewer, name: str) -> ExplanationOut:
    """A line down to its readings, with what people said about it, as the viewer may see it; raises Problem 404."""
    ledger, books, now = rooms.ledger, rooms.books, rooms.clock()
    statement, line = viewer.line(ledger, name, now)
    said = [in_full(ledger, books, one, now, viewer.sees_meter) for one in of_line(ledger, books, statement, line)]
    return ExplanationOut.of(
        explain(ledger, statement, line, now), rooms.site.calendar.zone, viewer.sees_meter, disputes=said
    )

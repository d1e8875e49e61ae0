"""What people do to an incident, from the API and the portal alike: one event in the books, one line in the audit."""

from __future__ import annotations

from http import HTTPStatus

from api.port import Rooms
from api.problem import Problem, Said
from api.scope import Viewer
from meterbook.books import audit, incidents
from meterbook.domain.incident import Deed, Event, Incident, NotPossible, Outdated
from meterbook.i18n import mark

_FASTER = Said(mark("Somebody was faster: this is how the incident stands now. Look again, then decide."))
_STILL_HOLDS = Said(mark("The fault is still there: the incident can be resolved when it has cleared."))
_NOT_NOW = Said(mark("That does not go with how the incident stands now. Look again, then decide."))


def record(rooms: Rooms, viewer: Viewer, name: int, deed: Deed, note: str | None, expected: int | None) -> Incident:
    """The incident after the deed.

    Raises Problem 404 for an incident the viewer does not see, 409 where somebody else was faster (`expected` is not
    its revision any more) or the deed does not go with its state.
    """
    now, who = rooms.clock(), viewer.user.name
    event = Event(deed, now, now, who, (note or "").strip() or None)
    with rooms.books.write() as connection:
        found = viewer.incident(incidents.get(connection, name), name)
        try:
            changed = incidents.record(connection, name, event, expected)
        except Outdated as error:
            raise Problem(HTTPStatus.CONFLICT, str(error), said=_FASTER) from error
        except NotPossible as error:
            said = _STILL_HOLDS if deed is Deed.RESOLVE and found.state in incidents.STANDING else _NOT_NOW
            raise Problem(HTTPStatus.CONFLICT, str(error), said=said) from error
        audit.add(connection, now, who, f"incident {deed}", str(name), event.note or "")
    return changed

"""Whether the parts of the service work, each with the reason when it does not."""

from __future__ import annotations

from collections.abc import Callable

from api.port import Rooms
from api.schemas.service import Check, Readiness
from meterbook.books.database import BooksError
from meterbook.readings.fault import StoreError


def readiness(rooms: Rooms) -> Readiness:
    """Ask every part once."""
    checks = [
        _asked("store", lambda: rooms.store.latest(list(rooms.site.points)[:1])),
        _asked("books", lambda: _open(rooms)),
        *(
            Check(name=f"source {status.source}", ok=status.state == "up", reason=_why(status.state, status.reason))
            for status in rooms.sources()
        ),
        *(Check(name=name, ok=False, reason=reason) for name, reason in rooms.troubles()),
    ]
    return Readiness(ready=all(check.ok for check in checks), checks=checks)


def _asked(name: str, question: Callable[[], object]) -> Check:
    try:
        question()
    except (StoreError, BooksError, OSError) as error:
        return Check(name=name, ok=False, reason=str(error))
    return Check(name=name, ok=True)


def _open(rooms: Rooms) -> None:
    with rooms.books.read():
        pass


def _why(state: str, reason: str | None) -> str | None:
    return None if state == "up" else reason or f"is {state}"

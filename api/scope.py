"""Who sees what, decided in this one place.

Every route declares what it needs with `Depends(allow(Need...))`; a test walks the routes and fails for one that does
not. What a role may do stands in ALLOWED, which rows a department sees in `Viewer`. What is not the viewer's to see
answers exactly as what does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, reduce
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from api.auth import CSRF_HEADER, Caller, caller, check_csrf
from api.port import Here
from api.problem import Problem, Said, not_here
from api.tenure import ALWAYS, Tenure, clipped, joined, of_points, tenures
from meterbook.accounting.explain import find
from meterbook.accounting.ledger import Ledger
from meterbook.books import disputes
from meterbook.books.access import User
from meterbook.books.database import Books
from meterbook.domain.calendar import Step
from meterbook.domain.device import Point
from meterbook.domain.dispute import Dispute
from meterbook.domain.incident import Incident
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Consumption
from meterbook.domain.meter import Meter
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.organisation import Department
from meterbook.domain.reading import Reading, Series
from meterbook.domain.site import Site
from meterbook.domain.statement import Line, Statement
from meterbook.i18n import mark
from meterbook.readings.port import ReadingStore
from meterbook.readings.rollups import Rollups, rollups


class Need(Enum):
    """What a route is about."""

    HOME = auto()
    PUSH = auto()
    HAND_READING = auto()
    READINGS = auto()
    METERS = auto()
    DEPARTMENTS = auto()
    STATEMENTS = auto()
    SUPPLY = auto()
    BALANCE = auto()
    CLOSING = auto()
    DISPUTES = auto()
    DISPUTE_ANSWERS = auto()
    CORRECTIONS = auto()
    QUOTA_ENTRIES = auto()
    INCIDENTS = auto()
    INCIDENT_DEEDS = auto()
    METRICS = auto()


_TECHNICAL = frozenset({"admin", "engineer"})
_CREW = _TECHNICAL | {"crew"}
_COST = _TECHNICAL | {"department"}
_ALL = _CREW | _COST

ALLOWED: dict[Need, frozenset[str]] = {
    Need.HOME: _ALL,
    Need.PUSH: _TECHNICAL,
    Need.HAND_READING: _TECHNICAL,
    Need.READINGS: _ALL,
    Need.METERS: _ALL,
    Need.DEPARTMENTS: _COST,
    Need.STATEMENTS: _COST,
    Need.SUPPLY: _CREW,
    Need.BALANCE: _TECHNICAL,
    Need.CLOSING: _TECHNICAL,
    Need.DISPUTES: _COST,
    Need.DISPUTE_ANSWERS: _TECHNICAL,
    Need.CORRECTIONS: _TECHNICAL,
    Need.QUOTA_ENTRIES: _TECHNICAL,
    Need.INCIDENTS: _ALL,
    Need.INCIDENT_DEEDS: _CREW,
    Need.METRICS: _TECHNICAL,
}
"""The roles that may use a kind of route."""


SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, so that a foreign page may send them with our cookie."""


class SignInNeeded(Problem):
    """Nobody is signed in."""

    def __init__(self) -> None:
        super().__init__(
            HTTPStatus.UNAUTHORIZED,
            "sign in, or send a token as `Authorization: Bearer mb_...`",
            headers={"WWW-Authenticate": "Bearer"},
        )


@dataclass(frozen=True)
class Viewer:
    """A user looking at a site."""

    caller: Caller
    site: Site

    @property
    def user(self) -> User:
        """Who it is."""
        return self.caller.user

    def may(self, need: Need) -> bool:
        """Whether the role may use routes of a kind."""
        return self.user.role in ALLOWED[need]

    @cached_property
    def departments(self) -> frozenset[str] | None:
        """Ids of the departments whose rows are visible; None for all."""
        if self.user.role != "department":
            return None
        own = self.user.department
        return self.site.departments_below(own) if own in self.site.departments and own else frozenset()

    @cached_property
    def meters(self) -> Mapping[str, Tenure] | None:
        """Visible meters with the time in which they are: for a department those it is charged for; None for all."""
        return None if self.departments is None else tenures(self.site.allocations, self.departments)

    @cached_property
    def points(self) -> Mapping[str, Tenure] | None:
        """Visible points with the time in which they are: for a department those its meters read; None for all."""
        if self.meters is None:
            return None
        reading = ((self.site.meters[meter].reads, tenure) for meter, tenure in self.meters.items())
        return of_points((reads, tenure) for reads, tenure in reading if reads is not None)

    def department(self, name: str) -> Department:
        """A visible department; raises Problem 404."""
        found = self.site.departments.get(name)
        if found is None or not self.sees_department(name):
            raise not_here("department", name)
        return found

    def sees_meter(self, name: str) -> bool:
        """Whether a meter is visible."""
        return self.meters is None or name in self.meters

    def sees_point(self, name: str) -> bool:
        """Whether a point is visible."""
        return self.points is None or name in self.points

    def party(self, name: str) -> str:
        """The id of a visible party of statements: a department, or unallocated for those who see all; Problem 404."""
        if name == UNALLOCATED and self.departments is None:
            return name
        return self.department(name).id

    def meter(self, name: str) -> Meter:
        """A visible meter; raises Problem 404."""
        found = self.site.meters.get(name)
        if found is None or not self.sees_meter(name):
            raise not_here("meter", name)
        return found

    def point(self, name: str) -> Point:
        """A visible point; raises Problem 404."""
        found = self.site.points.get(name)
        if found is None or not self.sees_point(name):
            raise not_here("point", name)
        return found

    def consumption(self, ledger: Ledger, meter: Meter, start: Instant, end: Instant, step: Step) -> list[Consumption]:
        """Consumption of a visible meter in local windows; missing outside the time in which it is visible."""
        tenure = ALWAYS if self.meters is None else self.meters[meter.id]
        parts = [part for span in tenure.within(start, end) for part in ledger.consumption(meter.id, *span, step)]
        return clipped(parts, self.site.calendar.edges(start, end, step))

    def readings(self, store: ReadingStore, point: Point, start: Instant, end: Instant) -> Series:
        """The readings of a visible point in [start, end), oldest first; none outside the time in which it is."""
        tenure = ALWAYS if self.points is None else self.points[point.id]
        return joined([store.read(point.id, *span) for span in tenure.within(start, end)])

    def rollups(self, store: ReadingStore, point: Point, start: Instant, end: Instant) -> Rollups:
        """A visible point quarter by quarter in [start, end), also where its readings have gone."""
        tenure = ALWAYS if self.points is None else self.points[point.id]
        parts = [rollups(store, point.id, *span) for span in tenure.within(start, end)]
        return reduce(Rollups.joined, parts, Rollups.empty())

    def latest(self, store: ReadingStore, points: Sequence[Point]) -> dict[str, Reading]:
        """The latest readings of visible points, by point; none that fell in a time in which the point is not."""
        found = store.latest([point.id for point in points])
        return {
            point: reading
            for point, reading in found.items()
            if self.points is None or self.points[point].holds(reading.at)
        }

    def incident(self, found: Incident | None, name: int) -> Incident:
        """A visible incident; raises Problem 404."""
        if found is None or not self.sees_department(found.department):
            raise not_here("incident", str(name))
        return found

    def line(self, ledger: Ledger, name: str, now: Instant) -> tuple[Statement, Line]:
        """A visible statement line with its statement; raises Problem 404."""
        found = find(ledger, name, now)
        if found is None or not self.sees_department(found[0].department):
            raise not_here("statement line", name)
        return found

    def dispute(self, books: Books, name: int) -> Dispute:
        """A visible dispute; raises Problem 404."""
        with books.read() as connection:
            found = disputes.get(connection, name)
        if found is None or not self.sees_department(found.department):
            raise not_here("dispute", str(name))
        return found

    def all_departments(self) -> list[Department]:
        """Every visible department, sorted by id."""
        return [found for name, found in sorted(self.site.departments.items()) if self.sees_department(name)]

    def all_meters(self) -> list[Meter]:
        """Every visible meter, sorted by id."""
        return [found for name, found in sorted(self.site.meters.items()) if self.sees_meter(name)]

    def all_points(self) -> list[Point]:
        """Every visible point, sorted by id."""
        return [found for name, found in sorted(self.site.points.items()) if self.sees_point(name)]

    def statements(self, found: Iterable[Statement]) -> list[Statement]:
        """The visible ones of many statements."""
        return [statement for statement in found if self.sees_department(statement.department)]

    def sees_department(self, name: str | None) -> bool:
        """Whether rows that belong to a department (or to none) are visible."""
        return self.departments is None or name in self.departments


def viewer_of(request: Request, rooms: Here) -> Viewer | None:
    """Who looks; None when nobody is signed in."""
    who = caller(request, rooms)
    return None if who is None else Viewer(who, rooms.site)


@dataclass(frozen=True)
class Gate:
    """Lets those through who may do what a route needs."""

    need: Need

    def __call__(self, request: Request, viewer: Annotated[Viewer | None, Depends(viewer_of)]) -> Viewer:
        """The viewer; raises Problem 401 for nobody, 403 for a role that may not."""
        if viewer is None:
            raise SignInNeeded
        if not viewer.may(self.need):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"role {viewer.user.role} may not do this; ask an engineer",
                said=Said(mark("Your role may not do this; ask an engineer.")),
            )
        if request.method not in SAFE and request.url.path.startswith("/api/"):
            check_csrf(viewer.caller, request.headers.get(CSRF_HEADER))
        return viewer


def allow(need: Need) -> Gate:
    """The dependency of a route that needs `need`."""
    return Gate(need)

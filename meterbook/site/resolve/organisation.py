"""Who and where."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from meterbook.domain.organisation import Department, Person, Space, Team
from meterbook.site.models.site import WEEKDAYS, Shift, SiteFile
from meterbook.site.resolve.dates import timeline


def spaces(site: SiteFile) -> dict[str, Space]:
    """The places by id."""
    return {one.id: Space(one.id, one.name, one.parent, one.area_m2) for one in site.spaces}


def people(site: SiteFile) -> dict[str, Person]:
    """The people by id."""
    return {one.id: Person(one.id, one.name, tuple(one.notify)) for one in site.people}


def departments(site: SiteFile, zone: ZoneInfo) -> dict[str, Department]:
    """The cost centres by id."""
    return {
        one.id: Department(
            one.id,
            one.name,
            one.parent,
            one.cost_centre,
            one.owner,
            timeline(one.headcount, zone),
            timeline(one.area_m2, zone),
        )
        for one in site.departments
    }


def teams(site: SiteFile) -> dict[str, Team]:
    """The crews by id; a shift of the rota is (weekdays from Monday = 0, minutes of the day, people)."""
    return {
        one.id: Team(
            one.id,
            one.name,
            tuple(one.notify),
            one.escalate_to,
            one.escalate_after,
            tuple(_shift(shift) for shift in one.rota),
        )
        for one in site.teams
    }


def _shift(shift: Shift) -> tuple[frozenset[int], tuple[int, int], tuple[str, ...]]:
    return frozenset(map(WEEKDAYS.index, shift.weekdays)), shift.hours, tuple(shift.people)

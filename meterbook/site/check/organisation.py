"""site.yaml: the site's clock and money, its trees, its people."""

from __future__ import annotations

from meterbook.domain.money import UNALLOCATED
from meterbook.domain.rule import OWNER
from meterbook.site.check.graph import by_id, no_circle, once
from meterbook.site.draft import Draft
from meterbook.site.models.site import Department, Organisation, Team
from meterbook.site.places import countries, currencies, nearest_country, nearest_currency, nearest_zone, zones
from meterbook.site.resolve.dates import timeline


def check(draft: Draft) -> None:
    """Check site.yaml."""
    if draft.site is None:
        return
    _organisation(draft, draft.site.site)
    for entries in (draft.site.spaces, draft.site.departments, draft.site.people, draft.site.teams):
        once(draft, entries)
    for space in draft.site.spaces:
        draft.refer(space.where("parent"), "space", space.parent)
    for department in draft.site.departments:
        _department(draft, department)
    for team in draft.site.teams:
        _team(draft, team)
    _trees(draft)


def _organisation(draft: Draft, site: Organisation) -> None:
    if site.timezone not in zones():
        found, hint = f"{site.timezone} is no time zone", nearest_zone(site.timezone)
        draft.problems.append(site.where("timezone").problem(found, "an IANA time zone such as Asia/Shanghai", hint))
    if site.currency not in currencies():
        found, hint = f"{site.currency} is no currency", nearest_currency(site.currency)
        draft.problems.append(site.where("currency").problem(found, "an ISO 4217 currency such as CNY", hint))
    workdays = site.workdays
    if workdays is not None and workdays.country not in countries():
        found, hint = f"{workdays.country} is no country whose holidays are known", nearest_country(workdays.country)
        draft.problems.append(workdays.where("country").problem(found, "an ISO 3166 code such as CN", hint))


def _department(draft: Draft, department: Department) -> None:
    draft.refer(department.where("parent"), "department", department.parent)
    draft.refer(department.where("owner"), "person", department.owner)
    if department.id == UNALLOCATED:
        reserved = f"{UNALLOCATED} stands for what no rule gives away"
        draft.problems.append(department.where("id").problem(reserved, "another id"))
    for key, dated in (("headcount", department.headcount), ("area_m2", department.area_m2)):
        if any(entry.refused("from") for entry in dated or ()):
            continue
        try:
            timeline(dated, draft.zone)
        except ValueError as error:
            draft.problems.append(department.where(key).problem(str(error), "one value for each day"))


def _team(draft: Draft, team: Team) -> None:
    draft.refer(team.where("escalate_to"), "team", team.escalate_to)
    if team.id == OWNER:
        draft.problems.append(team.where("id").problem(f"{OWNER} stands for a department's owner", "another id"))
    for shift in team.rota:
        for person in shift.people:
            draft.refer(shift.where("people"), "person", person)


def _trees(draft: Draft) -> None:
    if draft.site is None:
        return
    spaces = by_id(draft.site.spaces)
    departments = by_id(draft.site.departments)
    teams = by_id(draft.site.teams)
    no_circle(draft, spaces, "parent", lambda id: spaces[id].parent)
    no_circle(draft, departments, "parent", lambda id: departments[id].parent)
    no_circle(draft, teams, "escalate_to", lambda id: teams[id].escalate_to)

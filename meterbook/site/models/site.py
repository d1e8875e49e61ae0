"""site.yaml: the organisation, its places, its departments, its people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from meterbook.site.models.entry import Entry
from meterbook.site.models.values import (
    Address,
    Day,
    Duration,
    From,
    HourRange,
    Id,
    Line,
    Number,
    Numbers,
    Positive,
    Words,
)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Workdays(Entry):
    """Which days people work."""

    country: Line = Field(description="ISO 3166 code whose public holidays and make-up days hold, such as CN")


class Organisation(Entry):
    """The site itself."""

    id: Id = Field(description="the site's id; it never changes")
    name: Words = Field(description="the site's name")
    timezone: Line = Field(description="an IANA time zone such as Asia/Shanghai")
    currency: Line = Field(description="an ISO 4217 currency such as CNY")
    language: Literal["zh", "en"] = Field("zh", description="the language of messages and pages, zh or en")
    workdays: Workdays | None = Field(None, description="the calendar of working days; without it Monday to Friday")


class Person(Entry):
    """Somebody who owns a department or stands on a rota."""

    id: Id = Field(description="the person's id")
    name: Words = Field(description="the person's name")
    notify: list[Address] = Field([], description="addresses of channels, such as log: or mailto:name@example.org")


class Space(Entry):
    """A place: campus, building, floor, room."""

    id: Id = Field(description="the space's id")
    name: Words = Field(description="the space's name")
    parent: Id | None = Field(None, description="the space it lies in")
    area_m2: Positive | None = Field(None, description="floor area in square metres")


class Department(Entry):
    """A cost centre: the party that is charged."""

    id: Id = Field(description="the department's id")
    name: Words = Field(description="the department's name")
    parent: Id | None = Field(None, description="the department above it")
    cost_centre: Line | None = Field(None, description="its number in the accounts")
    owner: Id | None = Field(None, description="the person who answers for it")
    headcount: Numbers | None = Field(None, description="people working there, which may change over time")
    area_m2: Numbers | None = Field(None, description="floor area in square metres, which may change over time")


class Shift(Entry):
    """Who of a team is told during some hours of the week."""

    weekdays: list[Weekday] = Field(list(WEEKDAYS), description="days of the week, mon to sun")
    hours: HourRange = Field((0, 24 * 60), description="hours such as 08:00-18:00")
    people: list[Id] = Field(description="the people on duty")


class Team(Entry):
    """The people who are told."""

    id: Id = Field(description="the team's id")
    name: Words = Field(description="the team's name")
    notify: list[Address] = Field([], description="addresses of channels, such as log: or wecom:...")
    rota: list[Shift] = Field([], description="who is told when, week by week")
    escalate_to: Id | None = Field(None, description="the team that is told when this one does not answer")
    escalate_after: Duration | None = Field(None, description="how long it may take to answer, such as 30m")


class TermDate(Entry):
    """A time of the year, such as a term, from one day to another, both included."""

    from_: Day = Field(alias="from", description="the first day")
    to: Day = Field(description="the last day")


class Used(Entry):
    """What a supply meter had counted before its readings begin."""

    from_: From = Field(alias="from", description="since when readings exist")
    used: Number = Field(ge=0, description="use from the start of the tier's period until then, in the utility's unit")


class SiteFile(Entry):
    """site.yaml."""

    site: Organisation = Field(description="the site itself")
    spaces: list[Space] = Field([], description="places, as a tree")
    departments: list[Department] = Field([], description="cost centres, as a tree")
    people: list[Person] = Field([], description="people who are told or answer for something")
    teams: list[Team] = Field([], description="crews that mend things")
    term_dates: list[TermDate] = Field([], description="terms of a school or university")
    opening: dict[Id, Used] = Field({}, description="by supply meter: use before its readings begin, for yearly tiers")

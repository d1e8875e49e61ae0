"""The site: everything its directory declares, resolved and consistent. Built only by `meterbook.site`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from meterbook.domain.allocation import Allocation
from meterbook.domain.calendar import Calendar
from meterbook.domain.device import Connection, Device, Point
from meterbook.domain.emission import EmissionFactor
from meterbook.domain.meter import Meter
from meterbook.domain.organisation import Department, Person, Space, Team, below, within
from meterbook.domain.plans import MaintenancePlan, Opening, Quota, Scores
from meterbook.domain.rule import Rule
from meterbook.domain.stepdown import StepDown
from meterbook.domain.tariff import Tariff
from meterbook.domain.text import Language, Text


@dataclass(frozen=True)
class Site:
    """One organisation's metering: one time zone, one currency. All references inside it resolve.

    `points` holds every point of every device and one for each meter read by hand, under the meter's id.
    `version` is a SHA-256 over the files it was built from.
    """

    id: str
    name: Text
    calendar: Calendar
    currency: str
    language: Language
    spaces: Mapping[str, Space]
    departments: Mapping[str, Department]
    people: Mapping[str, Person]
    teams: Mapping[str, Team]
    connections: Mapping[str, Connection]
    devices: Mapping[str, Device]
    points: Mapping[str, Point]
    meters: Mapping[str, Meter]
    allocations: tuple[Allocation, ...] = ()
    tariffs: tuple[Tariff, ...] = ()
    quotas: tuple[Quota, ...] = ()
    scores: Scores | None = None
    plans: tuple[MaintenancePlan, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    openings: Mapping[str, Opening] = field(default_factory=dict)
    step_down: tuple[StepDown, ...] = ()
    emission_factors: tuple[EmissionFactor, ...] = ()
    version: str = ""

    @property
    def department_parents(self) -> dict[str, str | None]:
        """The tree of departments as child -> parent."""
        return {department.id: department.parent for department in self.departments.values()}

    def departments_below(self, department: str) -> frozenset[str]:
        """A department and everything below it."""
        return within(department, self._departments_under)

    @cached_property
    def _departments_under(self) -> Mapping[str, Sequence[str]]:
        return below(self.department_parents)

    def children(self, meter: str) -> Sequence[Meter]:
        """The meters whose parent is `meter`."""
        return self._children.get(meter, ())

    @cached_property
    def _children(self) -> Mapping[str, Sequence[Meter]]:
        found: dict[str, list[Meter]] = {}
        for meter in self.meters.values():
            if meter.parent is not None:
                found.setdefault(meter.parent, []).append(meter)
        return found

    def meter_of_point(self, point: str) -> Meter | None:
        """The meter that reads a point, if one does."""
        return next((meter for meter in self.meters.values() if meter.reads == point), None)

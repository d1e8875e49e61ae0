"""Which incident a decision opens, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.decision import Decision
from alerts.policy import incident_of, recipients
from meterbook.domain.incident import Deed, Evidence, State
from meterbook.domain.instant import DAY
from meterbook.domain.rule import Severity
from meterbook.domain.site import Site

SILENCE = Evidence(None, 180.0, 180.0, "s")
WATER = Evidence("b1-water.volume", 1.0, 0.83, "m3/h")


@pytest.fixture(scope="module")
def site(site_of: Callable[..., Site]) -> Site:
    return site_of(
        {
            "devices": {
                "b1-water": {"space": "b1", "points": {"volume": "volume"}},
                "chiller-1": {"space": "plant", "points": {"supply_temperature": "temperature"}},
                "boxed": {"points": {"volume": "volume"}},
            },
            "meters": {
                "W-B1": {"reads": "b1-water.volume", "space": "plant"},
                "W-BOX": {"reads": "boxed.volume", "space": "plant"},
            },
            "rules": [
                {"id": "night", "kind": "night_flow"},
                {"id": "hot", "kind": "limit", "points": ["chiller-1.supply_temperature"], "above": 12},
                {"id": "silent", "kind": "no_data", "team": "owner"},
            ],
            "allocations": [
                {"meter": "W-B1", "from": "10d", "to": "ward"},
                {"meter": "W-B1", "from": "5d", "to": "surgery"},
                {"meter": "W-B1", "from": "11d", "to": "hospital", "losses": True},
                {"meter": "W-B1", "from": "20d"},
            ],
        }
    )


def decision(rule: str, subject: str, evidence: Evidence, at: int = 12 * DAY) -> Decision:
    return Decision(Deed.RAISE, rule, subject, at, at - DAY, evidence, late=False)


def test_a_night_leak_names_meter_device_space_and_department(site: Site) -> None:
    incident = incident_of(site, decision("night", "W-B1", WATER))
    assert (incident.id, incident.revision, incident.state) == (0, 1, State.RAISED)
    assert (incident.rule, incident.subject, incident.severity) == ("night", "W-B1", Severity.HIGH)
    assert (incident.meter, incident.device, incident.space, incident.department) == ("W-B1", "b1-water", "b1", "ward")
    assert (incident.since, incident.raised, incident.cleared) == (11 * DAY, 12 * DAY, None)
    assert incident.name.en == "Rule"
    assert incident.cause is not None
    assert incident.action is not None
    assert incident.evidence == WATER


@pytest.mark.parametrize(("day", "department"), [(4, None), (5, "surgery"), (10, "ward"), (20, None)])
def test_the_department_is_the_one_of_that_day(site: Site, day: int, department: str | None) -> None:
    assert incident_of(site, decision("night", "W-B1", WATER, day * DAY)).department == department


def test_a_point_without_a_meter_has_its_device_and_space(site: Site) -> None:
    evidence = Evidence("chiller-1.supply_temperature", 13.0, 12.0, "degC")
    incident = incident_of(site, decision("hot", "chiller-1.supply_temperature", evidence))
    assert (incident.meter, incident.device, incident.space) == (None, "chiller-1", "plant")


def test_a_silent_device_concerns_the_meter_it_reads_out(site: Site) -> None:
    incident = incident_of(site, decision("silent", "boxed", SILENCE))
    assert (incident.device, incident.meter, incident.space) == ("boxed", "W-BOX", "plant")


def test_a_silent_connection_is_nowhere_in_particular(site: Site) -> None:
    incident = incident_of(site, decision("silent", "broker", SILENCE))
    assert (incident.device, incident.meter, incident.space, incident.department) == (None, None, None, None)
    assert recipients(site, incident) == []


def test_each_address_of_the_team_is_told_once(site: Site) -> None:
    incident = incident_of(site, decision("night", "W-B1", WATER))
    assert recipients(site, incident) == [("log", "log:"), ("wecom", "wecom:plumbers")]


def test_nobody_is_told_of_what_is_late(site: Site) -> None:
    incident = incident_of(site, replace(decision("night", "W-B1", WATER), late=True))
    assert incident.late
    assert recipients(site, incident) == []


def test_owner_means_the_nearest_owner_of_the_department(site: Site) -> None:
    incident = incident_of(site, decision("silent", "b1-water", SILENCE))
    assert incident.department == "ward"
    assert recipients(site, incident) == [("log", "log:li"), ("mail", "mail:li@example.org")]
    assert recipients(site, replace(incident, department="hospital")) == [("log", "log:wang")]

"""What a decision means to people: which incident it is, and who is told."""

from __future__ import annotations

from alerts.decision import Decision
from meterbook.domain.device import Device
from meterbook.domain.incident import Incident, State
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter
from meterbook.domain.organisation import path
from meterbook.domain.rule import OWNER
from meterbook.domain.site import Site


def incident_of(site: Site, decision: Decision) -> Incident:
    """The incident that a raising decision opens: id 0 until the books give it one, revision 1.

    Raises KeyError when the site no longer has the rule.
    """
    rule = site.rules[decision.rule]
    device, meter = _concerned(site, decision)
    return Incident(
        id=0,
        rule=rule.id,
        subject=decision.subject,
        name=rule.name,
        severity=rule.severity,
        team=rule.team,
        state=State.RAISED,
        since=decision.since,
        raised=decision.at,
        cleared=None,
        acknowledged_by=None,
        space=_space(device, meter),
        department=_department(site, meter, decision.at),
        device=device.id if device is not None else None,
        meter=meter.id if meter is not None else None,
        evidence=decision.evidence,
        cause=rule.cause,
        action=rule.action,
        late=decision.late,
        revision=1,
    )


def recipients(site: Site, incident: Incident) -> list[tuple[str, str]]:
    """(channel, address) of everybody who is told at once, in the order the site names them; nobody when late.

    `owner` is the owner of the department concerned, or of the nearest department above that has one.
    """
    if incident.late:
        return []
    addresses = _owner(site, incident.department) if incident.team == OWNER else site.teams[incident.team].notify
    return [(address.partition(":")[0], address) for address in dict.fromkeys(addresses)]


def _concerned(site: Site, decision: Decision) -> tuple[Device | None, Meter | None]:
    """The device and the meter behind a decision, as far as it has them."""
    point = decision.evidence.point
    if point is None:  # silence: the subject is a device or a whole connection
        device = site.devices.get(decision.subject)
        reading = [meter for meter in site.meters.values() if device is not None and _reads(site, meter, device)]
        return device, reading[0] if len(reading) == 1 else None
    wired = site.points[point].device
    meter = site.meters.get(decision.subject) or site.meter_of_point(point)
    return site.devices[wired] if wired is not None else None, meter


def _reads(site: Site, meter: Meter, device: Device) -> bool:
    return meter.reads is not None and site.points[meter.reads].device == device.id


def _space(device: Device | None, meter: Meter | None) -> str | None:
    if device is not None and device.space is not None:
        return device.space
    return meter.space if meter is not None else None


def _department(site: Site, meter: Meter | None, at: Instant) -> str | None:
    """The one department that carries a meter at an instant; None where it is shared or nobody's."""
    if meter is None:
        return None
    held = [rule for rule in site.allocations if rule.meter == meter.id and not rule.losses and rule.start <= at]
    return max(held, key=lambda rule: rule.start).to if held else None


def _owner(site: Site, department: str | None) -> tuple[str, ...]:
    if department is None:
        return ()
    for above in reversed(path(department, site.department_parents)):
        owner = site.departments[above].owner
        if owner is not None:
            return site.people[owner].notify
    return ()

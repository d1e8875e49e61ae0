"""allocations.yaml: every meter is charged once, to somebody who exists."""

from __future__ import annotations

from collections.abc import Iterator

from meterbook.site.check import charged
from meterbook.site.check.graph import by_id
from meterbook.site.draft import Draft
from meterbook.site.models.allocations import Allocation, Split
from meterbook.site.models.meters import Meter
from meterbook.site.resolve.dates import since


def check(draft: Draft) -> None:
    """Check allocations.yaml."""
    meters = by_id(draft.meters.meters)
    for entry in draft.allocations.allocations:
        draft.refer(entry.where("meter"), "meter", entry.meter)
        draft.refer(entry.where("to"), "department", entry.to)
        if entry.split is not None:
            _split(draft, entry, entry.split, meters)
        _losses(draft, entry, meters)
    _once_from(draft)
    charged.check(draft)


def _parties(entry: Allocation) -> set[str]:
    return {entry.to} if entry.to is not None else set(entry.split.among if entry.split else ())


def _split(draft: Draft, entry: Allocation, split: Split, meters: dict[str, Meter]) -> None:
    where = split.where("among")
    departments = {department.id: department for department in draft.site.departments} if draft.site else {}
    for id in split.among:
        if (
            not draft.refer(where, "department", id)
            or id not in departments
            or split.by not in ("headcount", "area_m2")
        ):
            continue
        department = departments[id]
        if (department.headcount if split.by == "headcount" else department.area_m2) is None:
            draft.problems.append(where.problem(f"{id} declares no {split.by}", f"departments that declare {split.by}"))
    owners = {other.meter for other in draft.allocations.allocations if other.to is not None and not other.losses}
    for id in split.meters:
        if draft.refer(split.where("meters"), "meter", id) and id in meters and id not in owners:
            found = f"{id} goes to no single department"
            draft.problems.append(split.where("meters").problem(found, "meters that a rule gives to one department"))
    if split.by == "consumption" and entry.meter in meters:
        _weighs(draft, entry, split, meters)


def _weighs(draft: Draft, entry: Allocation, split: Split, meters: dict[str, Meter]) -> None:
    utility = meters[entry.meter].utility
    others = [other for other in draft.allocations.allocations if other is not entry and other.meter in meters]
    using = {party for other in others if meters[other.meter].utility == utility for party in _parties(other)}
    for id in split.among:
        if id not in using and draft.known("department", id):
            found = f"{id} gets {utility} by no other rule, so its share is always 0"
            draft.problems.append(split.where("among").warning(found, "departments with consumption of their own"))


def _losses(draft: Draft, entry: Allocation, meters: dict[str, Meter]) -> None:
    whole = all(id in meters for id in draft.names["meter"] or ())
    if entry.losses and whole and entry.meter in meters and not any(_children(entry.meter, meters)):
        found = f"{entry.meter} has no sub-meters, so it has no losses"
        draft.problems.append(entry.where("losses").problem(found, "a meter that is the parent of others"))


def _once_from(draft: Draft) -> None:
    seen: dict[tuple[str, bool, int], Allocation] = {}
    for entry in draft.allocations.allocations:
        if entry.refused("from"):
            continue
        first = seen.setdefault((entry.meter, entry.losses, since(entry.from_, draft.zone)), entry)
        if first is not entry:
            what = f"the losses of {entry.meter}" if entry.losses else entry.meter
            found = f"{what} is given away from the same day on line {first.where().line}"
            draft.problems.append(entry.where("meter").problem(found, "one rule for each meter and day"))


def _children(parent: str, meters: dict[str, Meter]) -> Iterator[str]:
    return (meter.id for meter in meters.values() if meter.parent == parent)

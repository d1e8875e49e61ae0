"""Rules into conditions; what a rule leaves unsaid comes from the texts of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from meterbook.domain.device import Device
from meterbook.domain.meter import Meter
from meterbook.domain.rule import Condition, FaultState, Limit, NightFlow, NoData, NotBuilt, Rule, Severity, Stuck
from meterbook.domain.text import Text
from meterbook.site.draft import Draft
from meterbook.site.models.rules import (
    AnyRule,
    LimitRule,
    NightFlowRule,
    NoDataRule,
    RuleEntry,
    StateRule,
    StuckRule,
)


def rules(draft: Draft, wired: Mapping[str, Device], counted: Mapping[str, Meter]) -> dict[str, Rule]:
    """The rules by id."""
    return {entry.id: _rule(entry, draft, _condition(entry, wired, counted)) for entry in draft.rules.rules}


def point_of_meter(meter: Meter, quantity: str, wired: Mapping[str, Device]) -> str | None:
    """The point of the meter's device with a quantity: under its own name, or under that of the total."""
    if meter.reads is None or meter.manual:
        return None
    device = wired[meter.reads.rpartition(".")[0]]
    return next((f"{device.id}.{name}" for name in (quantity, f"{quantity}_total") if name in device.specs), None)


def _rule(entry: AnyRule, draft: Draft, condition: Condition) -> Rule:
    texts = draft.texts.get(entry.kind)
    return Rule(
        id=entry.id,
        kind=entry.kind,
        name=entry.name or (texts.name if texts else Text.same(entry.id)),
        condition=condition,
        severity=Severity(entry.severity),
        team=entry.team,
        cause=entry.cause or (texts.cause if texts else None),
        action=entry.action or (texts.action if texts else None),
        enabled=entry.enabled,
    )


def _condition(entry: AnyRule, wired: Mapping[str, Device], counted: Mapping[str, Meter]) -> Condition:
    if isinstance(entry, LimitRule):
        return _limit(entry, wired, counted)
    if isinstance(entry, NoDataRule):
        return NoData(tuple(wired) if entry.devices == "all" else entry.devices, entry.after)
    if isinstance(entry, NightFlowRule):
        return NightFlow(tuple(entry.meters) or _outermost(entry.utility, counted), entry.window, entry.nights)
    if isinstance(entry, StateRule):
        bits = sum(1 << bit for bit in set(entry.bits))
        return FaultState(entry.watched, frozenset(entry.values), bits, entry.for_, entry.keep_firing_for)
    if isinstance(entry, StuckRule):
        return Stuck(entry.watched, entry.within, entry.for_)
    common = set(RuleEntry.model_fields) | {"kind"}
    return NotBuilt(entry.model_dump(exclude=common, exclude_unset=True))


def _limit(entry: LimitRule, wired: Mapping[str, Device], counted: Mapping[str, Meter]) -> Limit:
    points: list[tuple[str, str | None]] = [(point, None) for point in (entry.point, *entry.points) if point]
    for meter in (entry.meter, *entry.meters):
        point = point_of_meter(counted[meter], entry.quantity or "", wired) if meter else None
        if point is not None:
            points.append((point, meter))
    return Limit(
        points=tuple(points),
        above=entry.above,
        below=entry.below,
        clear_below=entry.clear_below,
        clear_above=entry.clear_above,
        hold=entry.for_,
        keep_firing=entry.keep_firing_for,
    )


def _outermost(utility: str | None, counted: Mapping[str, Meter]) -> tuple[str, ...]:
    """The meters of a utility without sub-meters that read themselves: a leak then shows at one of them, once."""
    parents = {meter.parent for meter in counted.values()}
    return tuple(
        meter.id
        for meter in counted.values()
        if meter.utility == utility and meter.physical and not meter.manual and meter.id not in parents
    )

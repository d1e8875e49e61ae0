"""rules.yaml: rules watch what exists and tell people who exist."""

from __future__ import annotations

from meterbook.domain.quantity import UNITS
from meterbook.domain.rule import OWNER
from meterbook.site.check.graph import by_id, once
from meterbook.site.check.meters import known_utility
from meterbook.site.check.offers import Offers, refer_to_point
from meterbook.site.draft import Draft
from meterbook.site.models.meters import Meter
from meterbook.site.models.rules import LaterRule, LimitRule, NightFlowRule, NoDataRule, StateRule, StuckRule
from meterbook.site.problem import nearest


def check(draft: Draft, offered: Offers) -> None:
    """Check rules.yaml."""
    once(draft, draft.rules.rules)
    meters = by_id(draft.meters.meters)
    for rule in draft.rules.rules:
        if rule.team != OWNER:
            draft.refer(rule.where("team"), "team", rule.team)
        if isinstance(rule, LimitRule | NightFlowRule | LaterRule):
            _meters(draft, rule, meters, offered)
        if isinstance(rule, NoDataRule | LaterRule) and rule.devices != "all":
            for device in rule.devices:
                draft.refer(rule.where("devices"), "device", device)
        if isinstance(rule, LimitRule | StateRule | StuckRule | LaterRule):
            _points(draft, rule, offered)
        if isinstance(rule, LaterRule):
            _later(draft, rule)


def _meters(
    draft: Draft, rule: LimitRule | NightFlowRule | LaterRule, meters: dict[str, Meter], offered: Offers
) -> None:
    if not isinstance(rule, LimitRule) and rule.utility is not None:
        known_utility(draft, rule, rule.utility)
    single = None if isinstance(rule, NightFlowRule) else rule.meter
    for key, id in [("meter", single), *(("meters", id) for id in rule.meters)]:
        if id is None or not draft.refer(rule.where(key), "meter", id) or id not in meters:
            continue
        if isinstance(rule, LaterRule):
            continue
        if meters[id].reads is None:
            found = f"{id} is {'a formula' if meters[id].formula else 'read by hand'}"
            draft.problems.append(rule.where(key).problem(found, "a meter that a device reads"))
        elif isinstance(rule, LimitRule):
            _quantity(draft, rule, meters[id], offered)


def _quantity(draft: Draft, rule: LimitRule, meter: Meter, offered: Offers) -> None:
    quantity, device = rule.quantity or "", (meter.reads or "").rpartition(".")[0]
    specs = offered.get(device)
    if specs is None or quantity in specs or f"{quantity}_total" in specs:
        return
    where = rule.where("quantity")
    if quantity not in UNITS:
        hint = nearest(quantity, UNITS)
        draft.problems.append(where.problem(f"{quantity} is no quantity", f"one of {', '.join(UNITS)}", hint))
    else:
        found = f"{device}, which {meter.id} reads, offers no {quantity}"
        draft.problems.append(where.problem(found, f"one of {', '.join(specs)}", nearest(quantity, specs)))


def _points(draft: Draft, rule: LimitRule | StateRule | StuckRule | LaterRule, offered: Offers) -> None:
    by_hand = {meter.id for meter in draft.meters.meters if meter.entry == "manual"}
    for key, point in [("point", rule.point), *(("points", point) for point in rule.points)]:
        if point is not None and point not in by_hand:
            refer_to_point(draft, offered, rule.where(key), point)


def _later(draft: Draft, rule: LaterRule) -> None:
    draft.refer(rule.where("parent"), "meter", rule.parent)
    draft.refer(rule.where("device"), "device", rule.device)
    if rule.departments != "all":
        for department in rule.departments:
            draft.refer(rule.where("departments"), "department", department)

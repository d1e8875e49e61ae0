"""meters.yaml: registers, formulas and the tree they form."""

from __future__ import annotations

from fractions import Fraction

from meterbook.domain.formula import FormulaError, linear, parse
from meterbook.domain.quantity import UTILITIES
from meterbook.site.check.graph import by_id, circles, once
from meterbook.site.check.offers import Offers, refer_to_point
from meterbook.site.draft import Draft
from meterbook.site.models.entry import Entry
from meterbook.site.models.meters import Meter
from meterbook.site.problem import nearest
from meterbook.site.resolve.meters import multiplier, pulse

RATIO_DECIMALS = 6
"""Decimals of a multiplier: consumption counts whole least digits times the last of them, up to 9.2e18."""


def check(draft: Draft, offered: Offers) -> None:
    """Check meters.yaml."""
    once(draft, draft.meters.meters)
    meters = by_id(draft.meters.meters)
    for meter in draft.meters.meters:
        draft.refer(meter.where("space"), "space", meter.space)
        known = known_utility(draft, meter, meter.utility)
        _parent(draft, meter, meters)
        _formula(draft, meter)
        _reads(draft, meter, offered)
        _register(draft, meter)
        if known:
            _counts_its_utility(draft, meter, meters, offered)
    _circles(draft, meters)
    _read_once(draft, meters)
    _openings(draft, meters)


def known_utility(draft: Draft, entry: Entry, utility: str) -> bool:
    """Check that a utility is known."""
    if utility in UTILITIES:
        return True
    expected = f"one of {', '.join(UTILITIES)}"
    draft.problems.append(
        entry.where("utility").problem(f"{utility} is no utility", expected, nearest(utility, UTILITIES))
    )
    return False


def factors(meter: Meter) -> dict[str, Fraction]:
    """The factor of each meter in a formula; none where it cannot be read."""
    try:
        return linear(parse(meter.formula)) if meter.formula else {}
    except FormulaError:
        return {}


def _parent(draft: Draft, meter: Meter, meters: dict[str, Meter]) -> None:
    draft.refer(meter.where("parent"), "meter", meter.parent)
    parent = meters.get(meter.parent or "")
    if parent is not None and parent.formula is not None:
        found = f"{parent.id} is a formula and feeds nothing"
        draft.problems.append(meter.where("parent").problem(found, "a parent with a register"))


def _reads(draft: Draft, meter: Meter, offered: Offers) -> None:
    device, _, name = meter.id.rpartition(".")
    if meter.entry == "manual" and name in (offered.get(device) or ()):
        draft.problems.append(meter.where("id").problem(f"{meter.id} is also a point", "an id of its own"))
    spec = refer_to_point(draft, offered, meter.where("reads"), meter.reads) if meter.reads else None
    if spec is not None and spec.kind not in (("counter", "delta", "gauge") if meter.signed else ("counter", "delta")):
        draft.problems.append(meter.where("reads").problem(f"{meter.reads} is a {spec.kind}", "a counter, or a delta"))
    for point in meter.reactive:
        reactive = refer_to_point(draft, offered, meter.where("reactive"), point)
        if reactive is not None and reactive.quantity != "reactive_energy":
            found = f"{point} is {reactive.quantity}"
            draft.problems.append(meter.where("reactive").problem(found, "points of reactive_energy"))


def _counts_its_utility(draft: Draft, meter: Meter, meters: dict[str, Meter], offered: Offers) -> None:
    wanted = UTILITIES[meter.utility][0]
    device, _, name = (meter.reads or "").rpartition(".")
    spec = (offered.get(device) or {}).get(name)
    if spec is not None and spec.quantity != wanted:
        found = f"{meter.reads} is {spec.quantity}, and {meter.utility} is counted in {wanted}"
        draft.problems.append(meter.where("reads").problem(found, f"a counter of {wanted}"))
    for key, id in [("parent", meter.parent or ""), *(("formula", operand) for operand in factors(meter))]:
        other = meters.get(id)
        if other is not None and other.utility in UTILITIES and other.utility != meter.utility:
            found = f"{id} counts {other.utility}, {meter.id} counts {meter.utility}"
            draft.problems.append(meter.where(key).problem(found, "meters of one utility"))


def _register(draft: Draft, meter: Meter) -> None:
    try:
        if not any(entry.refused("from") for entry in meter.multiplier or ()):
            multiplier(meter, draft.zone)
    except ValueError as error:
        draft.problems.append(meter.where("multiplier").problem(str(error), "one multiplier for each instant"))
    stated = [entry.value for entry in meter.multiplier or () if not entry.refused("value")]
    for ratio in [*stated, *(entry.multiplier for entry in meter.installations)]:
        if ratio is not None and -int(ratio.normalize().as_tuple().exponent) > RATIO_DECIMALS:
            expected = f"at most {RATIO_DECIMALS} decimals"
            draft.problems.append(meter.where("multiplier").problem(f"{ratio} is no ratio of transformers", expected))
    try:
        if meter.pulse and meter.utility in UTILITIES:
            pulse(meter.pulse, meter.utility)
    except ValueError as error:
        draft.problems.append(meter.where("pulse").problem(str(error), 'an amount with its unit, such as "10 L"'))
    _installations(draft, meter)


def _installations(draft: Draft, meter: Meter) -> None:
    """Check that each register can have shown what it is said to have shown, first and last."""
    highest, first = meter.register_max, None
    for entry in meter.installations:
        new = entry.register_max or highest
        for key, figure, limit in (("old_final", entry.old_final, highest), ("new_initial", entry.new_initial, new)):
            if limit is not None and figure > limit:
                draft.problems.append(entry.where(key).problem(f"{figure} is above register_max", f"at most {limit}"))
        if first is not None and entry.old_final < first and highest is None and not meter.signed:
            found = f"{entry.old_final} is below {first}, the new_initial before it"
            expected = f"at least {first}, or a register_max that it went past"
            draft.problems.append(entry.where("old_final").problem(found, expected))
        highest, first = new, entry.new_initial


def _formula(draft: Draft, meter: Meter) -> None:
    if meter.formula is None:
        return
    where = meter.where("formula")
    try:
        operands = linear(parse(meter.formula))
    except FormulaError as error:
        draft.problems.append(where.problem(str(error), '+ and - between spaces, such as "E-B1 - E-B1-CT"'))
        return
    for operand in operands:
        draft.refer(where, "meter", operand)


def _circles(draft: Draft, meters: dict[str, Meter]) -> None:
    for key, links in (
        ("parent", {id: [meter.parent] if meter.parent else [] for id, meter in meters.items()}),
        ("formula", {id: list(factors(meter)) for id, meter in meters.items()}),
    ):
        for circle in circles(links):
            around = " -> ".join((*circle, circle[0]))
            where = meters[circle[0]].where(key)
            draft.problems.append(where.problem(f"goes round in a circle: {around}", "meters that lead to registers"))


def _read_once(draft: Draft, meters: dict[str, Meter]) -> None:
    """Check that no register is counted twice: two meters that read it would supply, and charge, the same."""
    readers: dict[str, str] = {}
    for meter in draft.meters.meters:
        if meter.reads is None:
            continue
        first = readers.setdefault(meter.reads, meter.id)
        if first == meter.id:
            continue
        found, expected = f"{meter.reads} is read by {first} too", "one meter for each counter"
        if first in _above(meter.id, meters) or meter.id in _above(first, meters):
            draft.problems.append(meter.where("reads").warning(found, expected))
        else:
            draft.problems.append(meter.where("reads").problem(f"{found}, and would be charged twice", expected))


def _above(id: str, meters: dict[str, Meter]) -> set[str]:
    """The meters that feed a meter."""
    found: set[str] = set()
    at = meters[id].parent
    while at is not None and at in meters and at not in found:
        found.add(at)
        at = meters[at].parent
    return found


def _openings(draft: Draft, meters: dict[str, Meter]) -> None:
    for id, used in draft.site.opening.items() if draft.site else ():
        known = draft.refer(used.where(), "meter", id)
        if known and id in meters and not is_supply(meters[id]):
            draft.problems.append(
                used.where().problem(f"{id} is no supply meter", "a meter without parent and formula")
            )


def is_supply(meter: Meter) -> bool:
    """Whether a meter stands where the site is supplied: neither parent nor formula."""
    return meter.parent is None and meter.formula is None

"""What is charged twice, and what never: the tree of meters, the formulas and the allocations as one graph (trap 34).

Every meter is written as the remainders it is made of: its own (itself minus its sub-meters) and those below it. All
that is supplied is in exactly one remainder, so a remainder that two rules give away would be charged twice, and one
that no rule gives away stays unallocated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from meterbook.domain.instant import Instant, to_datetime
from meterbook.domain.timeline import BEGINNING, Timeline
from meterbook.site.check.graph import by_id, circles, depths
from meterbook.site.check.meters import factors
from meterbook.site.draft import Draft
from meterbook.site.models.allocations import Allocation, Split
from meterbook.site.models.meters import Meter
from meterbook.site.problem import errors
from meterbook.site.resolve.dates import since, timeline

DEEPEST = 100
"""Levels of sub-meters and formulas below a meter that are followed."""

Parts = Mapping[str, Fraction]
"""The remainders a meter is made of, by the meter whose own remainder each is, with the factor by which it enters."""


@dataclass
class _Graph:
    """Meters and rules; `plain` and `losses` are the rules of each meter in the order of the file."""

    draft: Draft
    meters: dict[str, Meter]
    children: dict[str, list[str]] = field(default_factory=dict)
    plain: dict[str, list[Allocation]] = field(default_factory=dict)
    losses: dict[str, list[Allocation]] = field(default_factory=dict)
    made_of: dict[str, Parts] = field(default_factory=dict)
    rest: dict[str, list[str]] = field(default_factory=dict)
    """By parent the formula meters that are what its sub-meters leave of it."""

    def parts(self, id: str) -> Parts:
        """The remainders a meter is made of; what cancels out is left away."""
        if id in self.made_of:
            return self.made_of[id]
        meter = self.meters[id]
        terms = factors(meter) if meter.formula else dict.fromkeys(self.children.get(id, ()), Fraction(1))
        found = {} if meter.formula else {id: Fraction(1)}
        for term, factor in terms.items():
            for part, share in self.parts(term).items():
                found[part] = found.get(part, Fraction()) + factor * share
        self.made_of[id] = {part: share for part, share in found.items() if share}
        return self.made_of[id]

    def begins(self, rules: Iterable[Allocation]) -> Instant:
        """When the first of some rules begins, the beginning of time without any."""
        return min((since(rule.from_, self.draft.zone) for rule in rules), default=BEGINNING)


def check(draft: Draft) -> None:
    """Name what would be charged twice, and warn of what would never be charged.

    Warnings wait until rules and meters are without mistakes: what a refused rule means to give away is not forgotten.
    """
    graph = _graph(draft)
    if graph is None:
        return
    for id, rules in graph.plain.items():
        _is_a_remainder(graph, id, rules[-1])
    _twice(graph)
    for id, rules in graph.losses.items():
        _losses_twice(graph, id, rules[-1])
    if not any(problem.file.startswith(("meters.", "allocations.")) for problem in errors(draft.problems)):
        _never(graph)
        for rules in (*graph.plain.values(), *graph.losses.values()):
            for rule in rules:
                if rule.split is not None and rule.split.by in ("headcount", "area_m2"):
                    _weighed_by_nothing(graph, rules, rule, rule.split)


def _graph(draft: Draft) -> _Graph | None:
    """The graph, None where it goes round in a circle, ends nowhere or is too deep: then there is a problem already."""
    meters = by_id(draft.meters.meters)
    graph = _Graph(draft, meters)
    for meter in meters.values():
        if meter.parent is not None:
            graph.children.setdefault(meter.parent, []).append(meter.id)
    feeds = {id: [*graph.children.get(id, ()), *factors(meter)] for id, meter in meters.items()}
    if circles(feeds) or any(operand not in meters for meter in meters.values() for operand in factors(meter)):
        return None
    id, levels = max(depths(feeds).items(), key=lambda one: one[1], default=("", 0))
    if levels > DEEPEST:
        found = f"{levels} levels of meters stand below {id}"
        draft.problems.append(meters[id].where("id").problem(found, f"at most {DEEPEST}"))
        return None
    for rule in draft.allocations.allocations:
        if rule.meter in meters:
            (graph.losses if rule.losses else graph.plain).setdefault(rule.meter, []).append(rule)
    for id, meter in meters.items():
        parent = _remainder_of(graph, id) if meter.formula else None
        if parent is not None:
            graph.rest.setdefault(parent, []).append(id)
    return graph


def _remainder_of(graph: _Graph, id: str) -> str | None:
    """The parent whose sub-meters leave what a formula meter counts, None for any other formula."""
    parts = graph.parts(id)
    if len(parts) != 1:
        return None
    ((part, share),) = parts.items()
    return part if share == 1 and graph.children.get(part) else None


def _is_a_remainder(graph: _Graph, id: str, rule: Allocation) -> None:
    """Check that a formula which is given away is what its parent's sub-meters leave: nothing else is ever supplied."""
    if graph.meters[id].formula is not None and _remainder_of(graph, id) is None:
        found = f"{id} is not what the sub-meters of one meter leave of it"
        expected = "a formula such as 'parent - child - child', or rules for the meters in it"
        graph.draft.problems.append(rule.where("meter").problem(found, expected))


def _twice(graph: _Graph) -> None:
    told: set[tuple[str, ...]] = set()
    for part in sorted({part for id in graph.plain for part in graph.parts(id)}):
        takers = tuple(id for id in graph.plain if graph.parts(id).get(part, 0) > 0)
        if len(takers) > 1 and sum(graph.parts(id)[part] for id in takers) > 1 and takers not in told:
            told.add(takers)
            found = f"{' and '.join(takers)} are both given away, and both contain the consumption of {part}"
            where = graph.plain[takers[-1]][-1].where("meter")
            expected = "each consumption charged once: the sub-meter and a formula of the rest"
            graph.draft.problems.append(where.problem(found, expected))


def _losses_twice(graph: _Graph, id: str, rule: Allocation) -> None:
    """Check that losses are not given away by a meter above, and warn where something else takes them first.

    A rule for the meter itself and a formula that equals its losses stand beside a `losses` rule by right (see the
    order in accounting.sources), and leave it nothing.
    """
    above = [taker for taker in graph.plain if not graph.meters[taker].formula and id in graph.parts(taker)]
    where, problems = rule.where("losses"), graph.draft.problems
    if id in above and graph.begins(graph.plain[id]) <= graph.begins(graph.losses[id]):
        found = f"{id} is given away as a whole, and what its sub-meters leave with it: its losses have nothing to give"
        problems.append(where.warning(found, "rules for its sub-meters, or no losses"))
    elif above and id not in above:
        found = f"{above[0]} and the losses of {id} are both given away, and both contain the consumption of {id}"
        problems.append(where.problem(found, "each consumption charged once: rules for the sub-meters"))
    elif id in graph.rest:
        formula = graph.rest[id][0]
        given = any(other in graph.plain for other in (id, *graph.rest[id]))
        expected = "no losses" if given else f"a rule for {formula}, or no such formula"
        found = f"what the sub-meters of {id} leave of it is {formula}: its losses have nothing to give"
        problems.append(where.warning(found, expected))


def _never(graph: _Graph) -> None:
    """Warn of what no rule gives away, on a site that gives anything away: it stays unallocated."""
    every = [rule for rules in (*graph.plain.values(), *graph.losses.values()) for rule in rules]
    for utility in sorted({meter.utility for meter in graph.meters.values()}) if every else ():
        first = _first(graph, utility, [rule for rule in every if graph.meters[rule.meter].utility == utility])
        for meter in graph.meters.values():
            if meter.utility == utility and meter.parent is None and meter.formula is None:
                _never_below(graph, meter.id, first)


def _first(graph: _Graph, utility: str, rules: list[Allocation]) -> Instant:
    """Since when a utility is given away: its first rule, and not before it has a price."""
    zone = graph.draft.zone
    prices = [since(one.from_, zone) for one in graph.draft.tariffs.tariffs if one.utility == utility]
    first = max(graph.begins(rules), min(prices, default=BEGINNING))
    dated = [start for rule in rules if (start := since(rule.from_, zone)) != BEGINNING]
    return min(dated, default=first) if first == BEGINNING else first


def _never_below(graph: _Graph, id: str, first: Instant) -> None:
    """Warn of a meter and of those below it, once for a meter of which nothing is given away."""
    below = list(_below(graph, id))
    if id in graph.plain:
        _not_before(graph, id, graph.plain[id], first)
    elif not any(_takers(graph, part) for part in below):
        whom = f"{id} and the meters below it are" if len(below) > 1 else f"{id} is"
        warning = graph.meters[id].where("id").warning(f"{whom} given to nobody, and unallocated", "a rule for it")
        graph.draft.problems.append(warning)
    else:
        for child in graph.children.get(id, ()):
            _never_below(graph, child, first)
        _remainder_never(graph, id, first)


def _remainder_never(graph: _Graph, id: str, first: Instant) -> None:
    takers = _takers(graph, id)
    if takers:
        _not_before(graph, f"what the sub-meters of {id} leave of it", takers, first)
    elif id in graph.rest:
        formula = graph.meters[graph.rest[id][0]]
        if id not in graph.losses:  # which was warned of already
            found = f"{formula.id} is given to nobody, and unallocated"
            graph.draft.problems.append(formula.where("id").warning(found, "a rule for it"))
    else:
        children = " - ".join((id, *graph.children[id]))
        found = f"what the sub-meters of {id} leave of it is given to nobody, and unallocated"
        expected = f"a rule with losses: true, or one for a formula '{children}'"
        graph.draft.problems.append(graph.meters[id].where("id").warning(found, expected))


def _takers(graph: _Graph, id: str) -> list[Allocation]:
    """The rules that give away a meter's own remainder, or the meter itself, without those of meters above it."""
    if id in graph.plain:
        return graph.plain[id]
    if id in graph.rest:
        return [rule for formula in graph.rest[id] for rule in graph.plain.get(formula, ())]
    return graph.losses.get(id, [])


def _below(graph: _Graph, id: str) -> Iterator[str]:
    yield id
    for child in graph.children.get(id, ()):
        yield from _below(graph, child)


def _not_before(graph: _Graph, what: str, rules: list[Allocation], first: Instant) -> None:
    """Warn where rules begin later than those of other meters."""
    begins = graph.begins(rules)
    if begins > first:
        rule = next(rule for rule in rules if since(rule.from_, graph.draft.zone) == begins)
        found = f"{what} is given to nobody before {rule.from_}, and other meters are since {_day(graph, first)}"
        graph.draft.problems.append(rule.where("from").warning(found, "a rule for the time before; it is unallocated"))


def _day(graph: _Graph, instant: Instant) -> date:
    return to_datetime(instant, graph.draft.zone).date()


def _weighed_by_nothing(graph: _Graph, rules: list[Allocation], rule: Allocation, split: Split) -> None:
    """Warn where nobody of a split has any heads or area: all of it is unallocated then."""
    zone, start = graph.draft.zone, since(rule.from_, graph.draft.zone)
    until = min((other for one in rules if (other := since(one.from_, zone)) > start), default=None)
    held = _held(graph.draft, split)
    changes = {at for one in held for at in one.starts if at > start and (until is None or at < until)}
    for at in sorted({start, *changes} - {BEGINNING}):
        if not any(one.at(at) for one in held):
            found = f"nobody of {', '.join(split.among)} has any {split.by} on {_day(graph, at)}"
            expected = f"a department with some; until then {rule.meter} is unallocated"
            graph.draft.problems.append(split.where("among").warning(found, expected))
            return


def _held(draft: Draft, split: Split) -> list[Timeline[Decimal]]:
    """The heads or areas of a split's departments; what is wrong with them is complained of elsewhere."""
    departments = by_id(draft.site.departments) if draft.site is not None else {}
    found = []
    for id in split.among:
        dated = getattr(departments[id], split.by) if id in departments else None
        with suppress(ValueError):
            found.append(timeline(dated, draft.zone) or Timeline.always(Decimal(0)))
    return found

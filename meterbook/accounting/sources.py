"""Where consumption comes from: the tree of meters cut into sources that one rule (or none) gives away.

Every interval of a utility's supply ends up in exactly one source: a meter with a rule, a formula that equals a
parent's remainder, a remainder that is a loss, or nobody's. So the sources always add up to the supply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from meterbook.accounting.consumption import combined
from meterbook.domain.allocation import Allocation
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Intervals
from meterbook.domain.meter import Meter
from meterbook.domain.site import Site
from meterbook.domain.statement import LineKind


@dataclass(frozen=True, slots=True)
class Source:
    """Consumption over [start, end) that one rule (or none) gives away.

    `under` is the meter in whose tree a split by consumption weighs departments: the parent of a remainder. `unknown`
    marks what is left of a parent while it or one of its children is missing: nobody's, and of missing quality.
    """

    meter: str
    under: str
    kind: LineKind
    rule: Allocation | None
    intervals: Intervals
    start: Instant
    end: Instant
    unknown: bool = False


def sources(site: Site, utility: str, used: Mapping[str, Intervals], start: Instant, end: Instant) -> list[Source]:
    """The sources of a utility over [start, end), cut where a rule begins; `used` holds all its meters' intervals."""
    rules = [rule for rule in site.allocations if site.meters[rule.meter].utility == utility]
    cuts = sorted({start, end, *(rule.start for rule in rules if start < rule.start < end)})
    formulas = _formulas(site)
    found: dict[tuple[str, LineKind, bool], list[Source]] = {}
    for begin, finish in pairwise(cuts):
        within = {meter: cells.between(begin, finish) for meter, cells in used.items()}
        part = _Part(site, rules, within, formulas, begin, finish)
        for root in roots(site, utility):
            for source in part.walk(root):
                _append(found.setdefault((source.meter, source.kind, source.unknown), []), source)
    return [source for group in found.values() for source in group]


def roots(site: Site, utility: str) -> list[Meter]:
    """The supply meters of a utility: neither parent nor formula."""
    return [meter for meter in site.meters.values() if meter.utility == utility and meter.physical and not meter.parent]


def physical(site: Site, factors: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """A weighted sum of meters, formulas among them, as one of physical meters; what cancels out is left away."""
    found: dict[str, Fraction] = {}
    for id_, factor in factors.items():
        meter = site.meters[id_]
        inner = {id_: Fraction(1)} if meter.physical else physical(site, meter.factors)
        for other, weight in inner.items():
            found[other] = found.get(other, Fraction()) + factor * weight
    return {id_: factor for id_, factor in found.items() if factor}


_Formulas = Mapping[frozenset[tuple[str, Fraction]], Sequence[str]]
"""Formula meters by the weighted sum of physical ones that they are."""


def _formulas(site: Site) -> _Formulas:
    found: dict[frozenset[tuple[str, Fraction]], list[str]] = {}
    for meter in site.meters.values():
        if meter.factors:
            found.setdefault(frozenset(physical(site, meter.factors).items()), []).append(meter.id)
    return found


def _append(group: list[Source], source: Source) -> None:
    """Join a source to the one before it when only somebody else's rule changed between them."""
    last = group[-1] if group else None
    if last is None or last.end != source.start or last.rule != source.rule:
        group.append(source)
        return
    one, other = last.intervals, source.intervals
    joined = Intervals(
        np.concatenate((one.edges, other.edges[1:])),
        np.concatenate((one.amount, other.amount)),
        np.concatenate((one.estimated, other.estimated)),
        np.concatenate((one.missing, other.missing)),
        np.concatenate((one.reasons, other.reasons)),
        one.quantum,
    )
    group[-1] = replace(last, intervals=joined, end=source.end)


class _Part:
    """A stretch of time in which no rule begins."""

    def __init__(
        self,
        site: Site,
        rules: Sequence[Allocation],
        used: Mapping[str, Intervals],
        formulas: _Formulas,
        start: Instant,
        end: Instant,
    ) -> None:
        self.site, self.used, self.formulas, self.start, self.end = site, used, formulas, start, end
        begun = sorted((rule for rule in rules if rule.start <= start), key=lambda rule: rule.start)
        self.plain = {rule.meter: rule for rule in begun if not rule.losses}
        self.losses = {rule.meter: rule for rule in begun if rule.losses}

    def walk(self, meter: Meter) -> Iterator[Source]:
        """The sources in the tree below a meter."""
        children = [child for child in self.site.children(meter.id) if child.physical]
        rule = self.plain.get(meter.id)
        if rule is not None or not children:
            under = meter.id if children else meter.parent or ""
            yield self._source(meter.id, under, _kind(rule), rule, self.used[meter.id])
            return
        for child in children:
            yield from self.walk(child)
        yield from self._remainder(meter, children)

    def _remainder(self, parent: Meter, children: Sequence[Meter]) -> Iterator[Source]:
        factors = {parent.id: Fraction(1), **{child.id: Fraction(-1) for child in children}}
        operands = {meter: self.used[meter] for meter in factors}
        known = combined(factors, operands)
        formula = self._formula_of(factors)
        if formula is not None:
            rule = self.plain.get(formula)
            yield self._source(formula, parent.id, _kind(rule), rule, known)
        else:
            rule = self.losses.get(parent.id)
            yield self._source(parent.id, parent.id, "loss" if rule else "direct", rule, known)
        if bool(known.missing.any()):
            rest = _unexplained(factors, operands, known)
            yield replace(self._source(parent.id, parent.id, "direct", None, rest), unknown=True)

    def _formula_of(self, factors: Mapping[str, Fraction]) -> str | None:
        """The formula meter that equals a remainder; of several the one that a rule gives away, or the smallest id."""
        equal = self.formulas.get(frozenset(factors.items()), ())
        return min(equal, key=lambda meter: (meter not in self.plain, meter), default=None)

    def _source(self, meter: str, under: str, kind: LineKind, rule: Allocation | None, cells: Intervals) -> Source:
        return Source(meter, under, kind, rule, cells, self.start, self.end)


def _kind(rule: Allocation | None) -> LineKind:
    return "shared" if rule is not None and rule.split is not None else "direct"


def _unexplained(factors: Mapping[str, Fraction], operands: Mapping[str, Intervals], known: Intervals) -> Intervals:
    """What is known of the difference between parent and children in the intervals in which one of them is missing."""
    whole = {meter: replace(cells, missing=np.zeros(len(cells), bool)) for meter, cells in operands.items()}
    rest = combined(factors, whole)
    return replace(
        rest,
        amount=np.where(known.missing, rest.amount, 0),
        estimated=np.zeros(len(rest)),
        missing=known.missing,
    )

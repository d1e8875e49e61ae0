"""Who carries what, a second time: the rules of calculation from 11 to 16; see registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from accounting.reference.registers import NOBODY, Window, divided

from meterbook.domain.allocation import Allocation
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter

LAST = (2, 0)
"""The turn of losses: nothing is weighed by them."""


class Piece(NamedTuple):
    """What a party carries of a meter in a tariff version and band since `start`."""

    party: str
    kind: str
    meter: str
    start: Instant
    tariff: str | None
    band: str | None
    quantity: Fraction


class Source(NamedTuple):
    """The intervals that one rule gives away, or none; a split by consumption weighs what is `under` a meter [14]."""

    meter: str
    kind: str
    under: str
    rule: Allocation | None
    cells: dict[int, Fraction]


class Division:
    """The supply of one utility among departments [11] to [16]."""

    def __init__(self, window: Window, utility: str) -> None:
        self.window, self.utility, self.site = window, utility, window.site
        self.meters = {id_: one for id_, one in window.site.meters.items() if one.utility == utility}
        self.cells = range(len(window.edges) - 1)
        self._known: dict[tuple[Instant, Instant, tuple[int, int]], list[Piece]] = {}

    @cached_property
    def roots(self) -> list[Meter]:
        """The supply meters [11]."""
        return [one for one in self.meters.values() if one.physical and not one.parent]

    def supplied(self, root: Meter, start: Instant, end: Instant) -> Fraction:
        """What a root counted between two instants, as far as it is known."""
        cells = [(max(low, start), min(high, end)) for low, high in pairwise(self.window.edges)]
        found = [self.window.between(root, root.id, low, high) for low, high in cells if low < high]
        return sum((amount for amount in found if amount is not None), Fraction())

    def below(self, meter: str) -> list[Meter]:
        """The physical meters fed by one."""
        return [one for one in self.meters.values() if one.parent == meter and one.physical]

    def rule(self, meter: str, losses: bool, at: Instant) -> Allocation | None:
        """The rule of a meter, or of its losses, that holds at an instant [13]."""
        begun = [one for one in self.site.allocations if (one.meter, one.losses) == (meter, losses) and one.start <= at]
        return max(begun, key=lambda one: one.start, default=None)

    def _given(self, meter: Meter, cell: int) -> Iterator[tuple[str, str, str, Allocation | None, Fraction]]:
        """What of a meter is given away in an interval: meter, kind, under, rule, amount [11]."""
        amounts = self.window.amounts
        below, rule = self.below(meter.id), self.rule(meter.id, False, self.window.edges[cell])
        if rule is not None or not below:
            under = meter.id if below else meter.parent or ""
            yield meter.id, _kind(rule), under, rule, amounts(meter)[cell] or Fraction()
            return
        for child in below:
            yield from self._given(child, cell)
        known = [amounts(one)[cell] for one in (meter, *below)]
        rest = (known[0] or Fraction()) - sum((one or Fraction() for one in known[1:]), Fraction())
        if None in known:
            yield meter.id, "direct", meter.id, None, rest
            rest = Fraction()
        formula = self._equal(meter, below)
        rule = self.rule(formula or meter.id, formula is None, self.window.edges[cell])
        kind = _kind(rule) if formula else "loss" if rule else "direct"
        yield formula or meter.id, kind, meter.id, rule, rest

    def _equal(self, parent: Meter, below: Sequence[Meter]) -> str | None:
        """The formula that is what sub-meters leave of their parent."""
        wanted = {parent.id: Fraction(1), **{one.id: Fraction(-1) for one in below}}
        return next((id_ for id_, one in self.meters.items() if one.factors and self.spelt(one) == wanted), None)

    def spelt(self, meter: Meter) -> dict[str, Fraction]:
        """A formula in terms of physical meters."""
        found: dict[str, Fraction] = {}
        for one, factor in meter.factors.items():
            inner = self.spelt(self.meters[one]) if self.meters[one].factors else {one: Fraction(1)}
            for other, part in inner.items():
                found[other] = found.get(other, Fraction()) + factor * part
        return {one: factor for one, factor in found.items() if factor}

    def sources(self, start: Instant, end: Instant) -> list[Source]:
        """What each rule gives away between two instants."""
        found: dict[tuple[object, ...], Source] = {}
        for cell in self.cells:
            if start <= self.window.edges[cell] < end:
                for root in self.roots:
                    for meter, kind, under, rule, amount in self._given(root, cell):
                        key = (meter, kind, rule and rule.start)
                        source = found.setdefault(key, Source(meter, kind, under, rule, {}))
                        source.cells[cell] = source.cells.get(cell, Fraction()) + amount
        return list(found.values())

    def turn(self, source: Source) -> tuple[int, int]:
        """When a source is divided: first what weighs no consumption, then the deepest in the tree, losses last."""
        if source.kind == "loss":
            return LAST
        split = source.rule.split if source.rule else None
        return (1, -self._depth(source.under)) if split and split.by == "consumption" else (0, 0)

    def _depth(self, meter: str) -> int:
        return 1 + self._depth(self.meters[meter].parent or "") if meter else 0

    def pieces(self, start: Instant, end: Instant, before: tuple[int, int] = (3, 0)) -> list[Piece]:
        """What everybody carries between two instants of the sources that are divided `before` a turn."""
        key = (start, end, before)
        if key not in self._known:
            sources = self.sources(start, end)
            self._known[key] = [piece for one in sources if self.turn(one) < before for piece in self._divided(one)]
        return self._known[key]

    def _divided(self, source: Source) -> Iterator[Piece]:
        """A source by weights, tariff versions and bands; what is split is counted in thousandths [15]."""
        for cells, weights in self._weighed(source):
            slots: dict[tuple[str | None, str | None], Fraction] = {}
            begins: dict[str | None, Instant] = {}
            for cell in cells:
                rate = self.window.rate(self.utility, cell)
                slots[rate] = slots.get(rate, Fraction()) + source.cells[cell]
                begins.setdefault(rate[0], self.window.edges[cell])
            for (tariff, band), quantity in slots.items():
                if len(weights) == 1 and sum(weights.values()) > 0:
                    parts = dict.fromkeys(weights, quantity)
                else:
                    thousandths = quantity * 1000
                    assert thousandths.denominator == 1, "registers are drawn so that a split needs no finer step"
                    parts = {party: Fraction(part, 1000) for party, part in divided(int(thousandths), weights).items()}
                for party, part in parts.items():
                    yield Piece(party, source.kind, source.meter, begins[tariff], tariff, band, part)

    def _weighed(self, source: Source) -> Iterator[tuple[list[int], dict[str, Fraction]]]:
        """The intervals of a source with the weights that hold in them [12] to [14]."""
        cells, split = sorted(source.cells), source.rule.split if source.rule else None
        if split is None or split.by in ("shares", "consumption"):
            yield cells, self._weights(source)
            return
        lines = {party: getattr(self.site.departments[party], split.by) for party in split.among}
        changes = {at for line in lines.values() for at in line.starts}
        first, last = self.window.edges[cells[0]], self.window.edges[cells[-1] + 1]
        for low, high in pairwise(sorted({first, last, *(at for at in changes if first < at < last)})):
            held = {party: Fraction(line.at(low) or 0) for party, line in lines.items()}
            yield [cell for cell in cells if low <= self.window.edges[cell] < high], held

    def _weights(self, source: Source) -> dict[str, Fraction]:
        rule = source.rule
        if rule is None or rule.split is None:
            return {rule.to if rule and rule.to else NOBODY: Fraction(1)}
        split = rule.split
        if split.by == "shares":
            given = {party: Fraction(share) for party, share in split.shares.items()}
            rest = 100 - sum(given.values(), Fraction())
            return {**given, NOBODY: rest} if rest else given
        first, last = min(source.cells), max(source.cells)
        carried = self.pieces(self.window.edges[first], self.window.edges[last + 1], self.turn(source))
        weights = {party: Fraction() for party in split.among}
        for piece in carried:
            if split.meters and piece.meter in split.meters and piece.party != NOBODY:
                weights[piece.party] = weights.get(piece.party, Fraction()) + piece.quantity
            if not split.meters and piece.party in weights and self._stands_under(piece.meter, source.under):
                weights[piece.party] += piece.quantity
        return weights

    def _stands_under(self, meter: str, above: str) -> bool:
        """Whether all of a meter is in the tree of another; of a formula, whether all its meters are."""
        one = self.meters[meter]
        if not above or meter == above:
            return True
        if one.factors:
            return all(self._stands_under(other, above) for other in self.spelt(one))
        return bool(one.parent) and self._stands_under(one.parent or "", above)


def _kind(rule: Allocation | None) -> str:
    return "shared" if rule is not None and rule.split is not None else "direct"

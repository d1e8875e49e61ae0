"""Who carries which consumption: sources divided among departments, by tariff version and band."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import bands
from meterbook.accounting.sources import Source, physical, sources
from meterbook.domain.allocation import Split
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Intervals
from meterbook.domain.money import SPLIT, UNALLOCATED, apportion, round_half_up
from meterbook.domain.organisation import path, subtree
from meterbook.domain.site import Site
from meterbook.domain.statement import LineKind
from meterbook.domain.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Cells:
    """Intervals that need not follow each other, in columns: `amount` counts whole `quantum`s (see Intervals)."""

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    amount: NDArray[np.int64]
    estimated: NDArray[np.float64]
    missing: NDArray[np.bool_]
    quantum: Decimal

    @property
    def quantity(self) -> Decimal:
        """All of it, in the canonical unit."""
        return self.quantum * int(self.amount.sum())

    @cached_property
    def estimated_share(self) -> Fraction:
        """The estimated part of the absolute quantity; exact enough for what is only shown."""
        if not self.estimated.any():
            return Fraction()
        absolute = np.abs(self.amount).astype(np.float64)
        whole = float(absolute.sum())
        return Fraction(float((absolute * self.estimated).sum()) / whole) if whole else Fraction()

    @cached_property
    def time(self) -> int:
        """How long they are, in microseconds."""
        return int(self.length.sum())

    @cached_property
    def lost(self) -> int:
        """How long nothing is known in them, in microseconds."""
        return int(self.length[self.missing].sum()) if self.missing.any() else 0

    def joined(self, other: Cells) -> Cells:
        """These and others, in order of time."""
        start = np.concatenate((self.start, other.start))
        order = np.argsort(start, kind="stable")
        columns = ("length", "amount", "estimated", "missing")
        merged = {name: np.concatenate((getattr(self, name), getattr(other, name)))[order] for name in columns}
        return Cells(start=start[order], quantum=self.quantum, **merged)


class Piece(NamedTuple):
    """What one party carries of one source in one tariff version and band; `quantity` in the canonical unit.

    `cells` are the source's intervals, of which the party carries `share`; `unknown` as in Source.
    """

    party: str
    kind: LineKind
    meter: str
    start: Instant
    end: Instant
    tariff: str | None
    band: str | None
    share: Fraction
    quantity: Decimal
    cells: Cells
    unknown: bool

    def quantities(self, edges: Sequence[Instant]) -> list[Decimal]:
        """The quantity in each of the windows between `edges`, rounded once at each edge, so that they add up."""
        counted = np.concatenate(([0], np.cumsum(self.cells.amount)))
        until = counted[np.searchsorted(self.cells.start, edges)].tolist()
        total = int(counted[-1])
        if self.quantity == self.cells.quantity:
            figures = [self.cells.quantum * amount for amount in until]
        elif total:
            step = min(SPLIT, self.cells.quantum)
            figures = [round_half_up(Fraction(self.quantity) * amount / total, step) for amount in until]
        else:
            figures = [round_half_up(self.share * amount * Fraction(self.cells.quantum), SPLIT) for amount in until]
        return [high - low for low, high in pairwise(figures)]


def pieces(site: Site, utility: str, used: Mapping[str, Intervals], start: Instant, end: Instant) -> list[Piece]:
    """What each party carries of a utility over [start, end); their quantities add up to the supply exactly.

    The intervals of all meters in `used` lie between the same edges.
    """
    tariffs = [tariff for tariff in site.tariffs if tariff.utility == utility]
    return _Division(site, utility, used, bands.periods(tariffs, start, end, site.calendar)).pieces(start, end)


class _Carried:
    """The pieces that have been divided so far, and which of them are of which meter."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._of_meter: dict[str, list[int]] = {}

    def add(self, piece: Piece) -> None:
        """Count a piece in."""
        self._of_meter.setdefault(piece.meter, []).append(len(self.pieces))
        self.pieces.append(piece)

    def of(self, meters: set[str]) -> Iterator[Piece]:
        """The pieces of some meters, in their order."""
        places = (place for meter in meters for place in self._of_meter.get(meter, ()))
        return (self.pieces[place] for place in sorted(places))


class _Division:
    """The division of a utility's sources among departments."""

    def __init__(
        self, site: Site, utility: str, used: Mapping[str, Intervals], periods: Sequence[bands.Period]
    ) -> None:
        self.site, self.utility, self.used, self.periods = site, utility, used, periods
        self._found: dict[tuple[_Turn, Instant, Instant], _Carried] = {}
        self._parents = {meter.id: meter.parent for meter in site.meters.values()}
        self._slots: dict[tuple[Instant, Instant], list[_Slot]] = {}
        self._trees: dict[str, set[str]] = {}

    def pieces(self, start: Instant, end: Instant) -> list[Piece]:
        """The pieces of [start, end)."""
        return self._before(_NEVER, start, end).pieces

    def _before(self, turn: _Turn, start: Instant, end: Instant) -> _Carried:
        """The pieces of [start, end) whose sources are divided before a `turn`.

        A split by consumption weighs departments by what they carry, in the time in which its rule holds, of the
        sources whose turn came before its own: not of itself nor of what waits with it or for it, and of no losses.
        """
        if (turn, start, end) in self._found:
            return self._found[turn, start, end]
        within = {meter: cells.between(start, end) for meter, cells in self.used.items()}
        ordered = sorted(sources(self.site, self.utility, within, start, end), key=self._turn)
        found = _Carried()
        for now, together in groupby(ordered, self._turn):
            if now >= turn:
                break
            divided: list[Piece] = []
            for source in together:
                apart = _by_consumption(source) and (source.start, source.end) != (start, end)
                divided += self._divided(source, self._before(now, source.start, source.end) if apart else found)
            for piece in divided:
                found.add(piece)
        self._found[turn, start, end] = found
        return found

    def _turn(self, source: Source) -> _Turn:
        """When a source is divided: first what weighs no consumption, then the deepest in the tree, losses last."""
        if source.kind == "loss":
            return _LOSSES
        depth = len(path(source.under, self._parents)) if source.under else 0
        return (1, -depth) if _by_consumption(source) else _FIRST

    def _divided(self, source: Source, carried: _Carried) -> Iterator[Piece]:
        """A source cut where its weights or the price change, and each cut divided among its parties."""
        for begin, finish in self._weight_cuts(source):
            weights = self._weights(source, begin, carried)
            total = sum(weights.values(), Fraction())
            shares = {party: weight / total for party, weight in weights.items()} if total > 0 else {}
            divided = source.rule is not None and source.rule.split is not None
            for slot, cells in self._by_band(source.intervals.between(begin, finish)):
                step = min(SPLIT, cells.quantum) if divided else cells.quantum
                for party, part in apportion(cells.quantity, weights, step).items():
                    yield Piece(
                        party,
                        source.kind,
                        source.meter,
                        slot.start,
                        slot.end,
                        slot.tariff,
                        slot.band,
                        shares.get(party, _ALL),
                        part,
                        cells,
                        source.unknown,
                    )

    def _weight_cuts(self, source: Source) -> list[tuple[Instant, Instant]]:
        split = source.rule.split if source.rule is not None else None
        changes: set[Instant] = set()
        if split is not None and split.by in ("headcount", "area_m2"):
            for department in split.among:
                changes.update(self._declared(split, department).changes(source.start, source.end))
        return list(pairwise([source.start, *sorted(changes), source.end]))

    def _declared(self, split: Split, department: str) -> Timeline[Decimal]:
        declared = self.site.departments[department]
        return (declared.headcount if split.by == "headcount" else declared.area_m2) or Timeline.always(Decimal(0))

    def _weights(self, source: Source, begin: Instant, carried: _Carried) -> dict[str, Fraction]:
        rule = source.rule
        if rule is None:
            return {UNALLOCATED: Fraction(1)}
        if rule.split is None:
            return {rule.to or UNALLOCATED: Fraction(1)}
        split = rule.split
        if split.by == "shares":
            given = {department: Fraction(share) for department, share in split.shares.items()}
            rest = 100 - sum(given.values(), Fraction())
            return {**given, UNALLOCATED: rest} if rest > 0 else given
        if split.by == "consumption":
            return self._by_consumption(source, split, carried)
        held = {department: self._declared(split, department).at(begin) or Decimal(0) for department in split.among}
        return {department: Fraction(value) for department, value in held.items()}

    def _by_consumption(self, source: Source, split: Split, carried: _Carried) -> dict[str, Fraction]:
        weights = dict.fromkeys(split.among, Fraction())
        below = set(split.meters) or self._below(source.under)
        for piece in carried.of(below):
            if piece.party in weights or (split.meters and piece.party != UNALLOCATED):
                weights[piece.party] = weights.get(piece.party, Fraction()) + Fraction(piece.quantity)
        return weights or {UNALLOCATED: Fraction(1)}

    def _below(self, parent: str) -> set[str]:
        """The meters under a parent, all of the utility without one; a formula stands under it when its meters do."""
        if parent not in self._trees:
            own = {meter.id: meter for meter in self.site.meters.values() if meter.utility == self.utility}
            below = set(subtree(parent, {meter.id: meter.parent for meter in own.values()})) if parent else set(own)
            formulas = {meter.id for meter in own.values() if meter.factors}
            under = {id_ for id_ in formulas if physical(self.site, own[id_].factors).keys() <= below}
            self._trees[parent] = below | under
        return self._trees[parent]

    def _by_band(self, cells: Intervals) -> Iterator[tuple[_Slot, Cells]]:
        """The intervals of each tariff version and band."""
        span = int(cells.edges[0]), int(cells.edges[-1])
        if span not in self._slots:
            self._slots[span] = _slots(cells.edges, self.periods)
        for slot in self._slots[span]:
            yield slot, slot.cells(cells)


def _by_consumption(source: Source) -> bool:
    return source.rule is not None and source.rule.split is not None and source.rule.split.by == "consumption"


_Turn = tuple[int, int]
_FIRST, _LOSSES, _NEVER = (0, 0), (2, 0), (3, 0)
_ALL = Fraction(1)


@dataclass(frozen=True, slots=True, eq=False)
class _Slot:
    """A tariff version and band, [start, end) in which the version holds, and which intervals lie in them."""

    tariff: str | None
    band: str | None
    start: Instant
    end: Instant
    inside: NDArray[np.int64] | slice
    begins: NDArray[np.int64]
    length: NDArray[np.int64]

    def cells(self, cells: Intervals) -> Cells:
        """Those of a meter."""
        inside = self.inside
        columns = (cells.amount[inside], cells.estimated[inside], cells.missing[inside])
        return Cells(self.begins, self.length, *columns, cells.quantum)


def _slots(edges: NDArray[np.int64], periods: Sequence[bands.Period]) -> list[_Slot]:
    """The slots of the intervals between `edges`, in the order of their first intervals."""
    period_of = bands.index_of(periods, edges)
    keys: dict[tuple[str | None, str | None], list[int]] = {}
    for index in np.unique(period_of).tolist():
        period = periods[index]
        keys.setdefault((period.tariff.id if period.tariff else None, period.band), []).append(index)
    length = np.diff(edges)
    found = []
    for (tariff, band), indices in keys.items():
        same = [index for (other, _), group in keys.items() if other == tariff for index in group]
        version = np.flatnonzero(np.isin(period_of, same))
        places = np.flatnonzero(np.isin(period_of, indices))
        inside = slice(0, len(length)) if len(places) == len(length) else places
        start, end = int(edges[version[0]]), int(edges[version[-1] + 1])
        found.append(_Slot(tariff, band, start, end, inside, edges[:-1][inside], length[inside]))
    return found


def joined(one: Piece, other: Piece) -> Piece:
    """The known and the unknown remainder of one parent in a band as one piece; both count in the same quantum."""
    return one._replace(
        quantity=one.quantity + other.quantity,
        cells=one.cells.joined(other.cells),
        unknown=one.unknown and other.unknown,
    )

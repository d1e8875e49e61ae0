"""Statements: the pieces of all utilities as lines of departments, priced and summed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from meterbook.accounting import price
from meterbook.accounting.allocate import Piece, joined
from meterbook.domain.emission import Emission
from meterbook.domain.fingerprint import fingerprint
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Shares
from meterbook.domain.money import UNALLOCATED, round_half_up
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.site import Site
from meterbook.domain.statement import QUOTA_KINDS, Line, LineKind, Statement, StatementState

_SHARE = Decimal("0.000001")
_Priced = tuple[str, str | None, str | None]
"""Party, tariff and band whose charge is put on lines."""

_KINDS: tuple[LineKind, ...] = (
    "direct",
    "shared",
    "loss",
    "surcharge",
    "fixed",
    "demand",
    "power_factor",
    "quota_excess",
    "quota_reward",
    "adjustment",
)
_RANK = {kind: rank for rank, kind in enumerate(_KINDS)}


@dataclass(frozen=True, slots=True)
class Month:
    """The month of a statement: [start, end), where `end` is no later than what is known."""

    month: str
    start: Instant
    end: Instant
    state: StatementState


def lines_of(
    site: Site, month: Month, utility: str, pieces: Sequence[Piece], facts: price.Facts
) -> dict[str, list[Line]]:
    """The lines of one utility by party; those without quantity and charge are left out."""
    unit = UNITS[UTILITIES[utility][0]]
    carried = _joined(pieces)
    own = _by_tariff(carried)
    charges: dict[_Priced, dict[price.LineKey, Decimal]] = {}
    extra: dict[str, list[Line]] = defaultdict(list)
    tariffs = sorted((tariff for tariff in site.tariffs if tariff.utility == utility), key=lambda one: one.start)
    for component in price.components(tariffs, carried, unit, facts):
        whole = sum(component.parties.values(), Decimal(0))
        for party, given in component.parties.items():
            of_it = own.get((party, component.tariff), _NOBODYS)
            carrying = of_it.carrying(component.band)
            if component.kind == "direct" and carrying:
                charges[party, component.tariff, component.band] = _on_lines(given, carrying)
            else:
                extra[party].append(_summed(month, utility, component, party, whole, of_it))
    found: dict[str, list[Line]] = defaultdict(list)
    draw = _Drawing(month, utility, unit)
    for piece in carried:
        priced = charges.get((piece.party, piece.tariff, piece.band), {})
        found[piece.party].append(draw.line(piece, priced.get(_key(piece))))
    for party, more in extra.items():
        found[party].extend(more)
    return {party: kept for party, all_ in found.items() if (kept := [line for line in all_ if _worth_a_line(line)])}


class _Own:
    """What a party carries of a tariff version."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._bands: dict[str | None, list[Piece]] = {}

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self._bands.setdefault(piece.band, []).append(piece)

    def carrying(self, band: str | None) -> Sequence[Piece]:
        """What of it lies in a band, all of it without one."""
        return self.pieces if band is None else self._bands.get(band, ())

    @cached_property
    def quality(self) -> Shares:
        return quality(self.pieces)


_NOBODYS = _Own()


def _by_tariff(pieces: Sequence[Piece]) -> dict[tuple[str, str | None], _Own]:
    found: dict[tuple[str, str | None], _Own] = {}
    for piece in pieces:
        key = piece.party, piece.tariff
        if key not in found:
            found[key] = _Own()
        found[key].add(piece)
    return found


def _key(piece: Piece) -> price.LineKey:
    return (piece.meter, piece.kind, piece.start)


def _on_lines(charge: Decimal, carrying: Sequence[Piece]) -> dict[price.LineKey, Decimal]:
    return price.within(charge, {_key(piece): piece.quantity for piece in carrying})


def _worth_a_line(line: Line) -> bool:
    return bool(line.quantity) or bool(line.charge)


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Pieces of the same party, meter, kind, time, tariff and band as one."""
    groups: dict[tuple[object, ...], Piece] = {}
    for piece in pieces:
        key = (piece.party, piece.meter, piece.kind, piece.start, piece.tariff, piece.band)
        groups[key] = joined(groups[key], piece) if key in groups else piece
    return list(groups.values())


def line_id(month: str, party: str, *key: object) -> str:
    """An id that names month and party and stays the same whenever the statement is computed again."""
    return f"{month}:{party}:{_digest(*key)}"


def _digest(*key: object) -> str:
    return hashlib.sha256("|".join(str(part) for part in key).encode()).hexdigest()[:12]


class _Drawing:
    """Draws the lines of pieces, and finds only once what those of many parties have in common."""

    def __init__(self, month: Month, utility: str, unit: str) -> None:
        self.month, self.utility, self.unit = month.month, utility, unit
        self.digests: dict[tuple[object, ...], str] = {}
        self.qualities: dict[tuple[int, bool], Shares] = {}

    def line(self, piece: Piece, charge: Decimal | None) -> Line:
        """The line of a piece."""
        key = (self.utility, piece.kind, piece.meter, piece.tariff, piece.band, piece.start)
        if key not in self.digests:
            self.digests[key] = _digest(*key)
        # However much of its meter a piece is, its quality is that of the meter's intervals.
        of = (id(piece.cells), bool(piece.quantity))
        if of not in self.qualities:
            self.qualities[of] = quality([piece])
        return Line(
            id=f"{self.month}:{piece.party}:{self.digests[key]}",
            utility=self.utility,
            kind=piece.kind,
            meter=piece.meter,
            quantity=piece.quantity,
            unit=self.unit,
            share=round_half_up(piece.share, _SHARE),
            charge=charge,
            tariff=piece.tariff,
            band=piece.band,
            start=piece.start,
            end=piece.end,
            quality=self.qualities[of],
        )


def _summed(month: Month, utility: str, component: price.Component, party: str, whole: Decimal, own: _Own) -> Line:
    """One line for a component, which comes to `whole` for the site and concerns all of a party's quantity."""
    charge = component.parties[party]
    quantity = component.quantities.get(party)
    return Line(
        id=line_id(month.month, party, utility, component.kind, component.tariff, component.band),
        utility=utility,
        kind=component.kind,
        meter=None,
        quantity=quantity,
        unit=component.unit if quantity is not None else None,
        share=round_half_up(Fraction(charge) / Fraction(whole), _SHARE) if whole else None,
        charge=charge,
        tariff=component.tariff,
        band=component.band,
        start=min((piece.start for piece in own.pieces), default=month.start),
        end=max((piece.end for piece in own.pieces), default=month.end),
        quality=own.quality,
    )


def quality(own: Sequence[Piece]) -> Shares:
    """Shares of quantity. What was never measured has none: its share of the time counts as missing instead.

    The quantity of unknown pieces (what is left of a parent while a child is missing) is missing altogether.
    """
    if not own:
        return Shares.nothing()
    known = [piece for piece in own if not piece.unknown]
    total = sum((abs(piece.quantity) for piece in own), Decimal(0))
    nobody_knows = sum((abs(piece.quantity) for piece in own if piece.unknown), Decimal(0))
    estimated = sum((Fraction(abs(piece.quantity)) * piece.cells.estimated_share for piece in known), Fraction())
    time = sum(piece.cells.time for piece in known)
    lost = sum(piece.cells.lost for piece in known)
    present = (1 - Fraction(lost, time) if time else Fraction(0)) * (1 - Fraction(nobody_knows) / Fraction(total or 1))
    guessed = estimated / Fraction(total - nobody_knows) if total > nobody_knows else Fraction()
    return Shares.of_time(float(guessed * present), float(1 - present))


def compose(
    site: Site,
    month: Month,
    department: str,
    own: Sequence[Line],
    totals: Mapping[str, Decimal | None],
    remarks: Sequence[str] = (),
    quota: Sequence[QuotaStanding] = (),
    emissions: Sequence[Emission] = (),
) -> Statement:
    """A department's statement; `totals` holds the total of every department, for the roll-up of its subtree."""
    ordered = sorted(own, key=place)
    below = site.departments_below(department) if department != UNALLOCATED else frozenset({UNALLOCATED})
    total = totals.get(department, Decimal(0))
    subtree = [totals.get(other, Decimal(0)) for other in below]
    draft = Statement(
        department=department,
        month=month.month,
        state=month.state,
        revision=1,
        currency=site.currency,
        lines=tuple(ordered),
        total=total,
        payable=payable(total, ordered),
        subtree_total=None
        if any(part is None for part in subtree)
        else sum((part or Decimal(0) for part in subtree), Decimal(0)),
        quality=_overall(ordered),
        remarks=tuple(remarks),
        hash="",
        quota=tuple(quota),
        emissions=tuple(emissions),
    )
    return replace(draft, hash=fingerprint(draft))


def place(line: Line) -> tuple[str, int, str, Instant, str, str]:
    """What orders the lines of a statement."""
    return (line.utility, _RANK[line.kind], line.meter or "", line.start, line.tariff or "", line.band or "")


def total_of(own: Iterable[Line]) -> Decimal | None:
    """The sum of the site's charges; None where a quantity has no price."""
    charges = [line.charge for line in own if line.kind not in QUOTA_KINDS]
    return (
        None
        if any(charge is None for charge in charges)
        else sum((charge or Decimal(0) for charge in charges), Decimal(0))
    )


def payable(total: Decimal | None, own: Iterable[Line]) -> Decimal | None:
    """The site's charges and the quota lines; None where one of them has no price."""
    charges = [total, *(line.charge for line in own if line.kind in QUOTA_KINDS)]
    known = [charge for charge in charges if charge is not None]
    return sum(known, Decimal(0)) if len(known) == len(charges) else None


def _overall(own: Sequence[Line]) -> Shares:
    """The quality of a statement: within a utility by quantity, over the utilities by their energy charges."""
    carrying = [line for line in own if line.meter is not None]
    found: list[tuple[float, float, float]] = []
    for utility in sorted({line.utility for line in carrying}):
        of_it = [line for line in carrying if line.utility == utility]
        estimated, missing = _unsure(of_it)
        found.append((estimated, missing, float(sum((abs(line.charge or Decimal(0)) for line in of_it), Decimal(0)))))
    if not found:
        return Shares.nothing()
    weights = [Decimal(repr(weight)) for *_, weight in found]
    estimated, missing = (_mean([part[place] for part in found], weights) for place in (0, 1))
    return Shares.of_time(estimated, missing)


def mean_quality(lines: Sequence[Line]) -> Shares:
    """The quality of some lines together, by quantity."""
    return Shares.of_time(*_unsure(lines)) if lines else Shares.nothing()


def _unsure(lines: Sequence[Line]) -> tuple[float, float]:
    """The estimated and the missing share of some lines, by quantity."""
    quantities = [line.quantity for line in lines]
    estimated, missing = ([float(getattr(line.quality, of)) for line in lines] for of in ("estimated", "missing"))
    return _mean(estimated, quantities), _mean(missing, quantities)


def _mean(values: Sequence[float], weights: Sequence[Decimal | None]) -> float:
    """The mean by weight, or the plain one where nothing weighs."""
    sizes = [float(abs(weight or Decimal(0))) for weight in weights]
    whole = sum(sizes, 0.0)
    if not whole:
        return sum(values) / len(values)
    return sum(value * size for value, size in zip(values, sizes, strict=True)) / whole

"""Explaining a line: its rule, its price, its share, the meters it stands on, down to their raw readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import bands
from meterbook.accounting.adjustment import Amount, component_of
from meterbook.accounting.consumption import Segment, combined, segments
from meterbook.accounting.corrected import without_excluded
from meterbook.accounting.judgement import exact
from meterbook.accounting.ledger import Ledger
from meterbook.accounting.quota import ENERGY
from meterbook.accounting.register import figures
from meterbook.accounting.sources import physical
from meterbook.accounting.statement import place
from meterbook.domain.allocation import Allocation
from meterbook.domain.calendar import NoMonth, first_of_month
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Consumption, Intervals, Shares
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Series
from meterbook.domain.site import Site
from meterbook.domain.statement import Line, Statement
from meterbook.domain.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Raw:
    """A reading as it came: `figure` before the multiplier, `quality` as in domain.reading.Quality."""

    at: Instant
    figure: Decimal
    quality: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A register at an instant: `figure` is None where nobody knows, `readings` are those around it."""

    at: Instant
    figure: Decimal | None
    measured: bool
    readings: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which one physical meter served with one multiplier; `rollovers` of its register happened in it."""

    opening: Edge
    closing: Edge
    multiplier: Decimal
    rollovers: int


@dataclass(frozen=True, slots=True)
class Part:
    """A physical meter a line stands on, with the factor by which it enters."""

    meter: str
    factor: Fraction
    used: Consumption
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a line is what it is.

    `rule` and `tariff` are those the line was drawn by; `component` is what the whole site pays for the same component
    of which the line is a part; `days` are what the line's meter counted in its band, day by day; `stands_on` are the
    lines that carry the quantity of a surcharge or another sum. `before` is what had been charged for what an
    adjustment changes.
    """

    statement: Statement
    line: Line
    rule: Allocation | None
    tariff: Tariff | None
    name: str
    component: Amount
    parts: tuple[Part, ...]
    days: tuple[Consumption, ...]
    stands_on: tuple[str, ...]
    before: Amount | None


def find(ledger: Ledger, id: str, now: Instant) -> tuple[Statement, Line] | None:
    """The line of an id, in a closed month or as it is drawn at the moment; None where there is none."""
    month, _, rest = id.partition(":")
    party = rest.rpartition(":")[0]
    try:
        first_of_month(month)
        statement = ledger.statement(month, party, now)
    except (NoMonth, KeyError):
        return None
    return next(((statement, line) for line in statement.lines if line.id == id), None)


def explain(ledger: Ledger, statement: Statement, line: Line, now: Instant) -> Explanation:
    """A line of a statement, down to the readings there are."""
    record = ledger.closed(statement.month)
    under = ledger.of_terms(record) if record is not None else ledger
    site, name = under.site, component_of(statement.department, line)
    before = None
    if line.kind == "adjustment":
        source = site.calendar.month_of(line.start)
        before = ledger.adjustments.charged(source, statement.month).get(name, Amount())
    component = Amount()
    for other in _lines_of_component(ledger, statement.month, line, now):
        component.add(other)
    factors = _stands_on(site, line)
    carrying = {(kind, line.utility) for kind in ENERGY}
    return Explanation(
        statement=statement,
        line=line,
        rule=_rule(site, line),
        tariff=next((one for one in site.tariffs if one.id == line.tariff), None),
        name=name.name,
        component=component,
        parts=tuple(_part(under, site.meters[meter], factor, line) for meter, factor in factors.items()),
        days=tuple(_days(under, line, factors)) if line.meter is not None and factors else (),
        stands_on=tuple(
            other.id
            for other in statement.lines
            if line.meter is None and line.kind != "adjustment" and (other.kind, other.utility) in carrying
        ),
        before=before,
    )


def _lines_of_component(ledger: Ledger, month: str, line: Line, now: Instant) -> Iterator[Line]:
    """The lines of a month that are parts of the same sum as one of them, by party."""
    found = [
        (party, other)
        for party, other in ledger.lines(month, now)
        if other.tariff == line.tariff and other.utility == line.utility and _same_component(line, other)
    ]
    return (other for _, other in sorted(found, key=lambda one: (one[0], place(one[1]))))


def _same_component(line: Line, other: Line) -> bool:
    """Whether two lines of a month are parts of one sum of the site; adjustments are, of one closed month."""
    adjusted = line.kind == "adjustment"
    if (other.kind == "adjustment") != adjusted or (adjusted and other.start != line.start):
        return False
    return component_of("", other) == component_of("", line)


def _rule(site: Site, line: Line) -> Allocation | None:
    begun = [
        rule
        for rule in site.allocations
        if rule.meter == line.meter and rule.losses == (line.kind == "loss") and rule.start <= line.start
    ]
    return max(begun, key=lambda rule: rule.start, default=None)


def _stands_on(site: Site, line: Line) -> Mapping[str, Fraction]:
    """The physical meters of a line with their factors: its own, its formula's, a parent's less its children's."""
    tariff = next((one for one in site.tariffs if one.id == line.tariff), None)
    if line.kind == "demand" and tariff is not None and tariff.demand is not None:
        return {tariff.demand.meter: Fraction(1)}
    if line.kind == "power_factor" and tariff is not None and tariff.power_factor is not None:
        return {tariff.power_factor.meter: Fraction(1)}
    if line.meter is None or line.meter not in site.meters:
        return {}
    meter = site.meters[line.meter]
    if not meter.physical:
        return physical(site, meter.factors)
    children = [child for child in site.children(meter.id) if child.physical]
    remainder = line.kind == "loss" or (bool(children) and _rule(site, line) is None)
    return {meter.id: Fraction(1), **({child.id: Fraction(-1) for child in children} if remainder else {})}


def _days(ledger: Ledger, line: Line, factors: Mapping[str, Fraction]) -> Iterator[Consumption]:
    """What the line's source counted in its band, by local days."""
    site, look = ledger.site, ledger.look(line.start, line.end)
    operands = {meter: look.intervals(site.meters[meter]) for meter in factors}
    only = next(iter(operands.values())) if list(factors.values()) == [1] else combined(factors, operands)
    tariffs = [tariff for tariff in site.tariffs if tariff.utility == line.utility]
    periods = bands.periods(tariffs, line.start, line.end, site.calendar)
    of_band = [period.band == line.band for period in periods]
    inside = np.array(of_band)[bands.index_of(periods, only.edges)]
    for start, end in pairwise(site.calendar.edges(line.start, line.end, "day")):
        low, high = (int(cut) for cut in np.searchsorted(only.edges, (start, end)))
        cells = slice(low, high)
        if bool(inside[cells].any()):
            yield _counted(only, cells, inside[cells], start, end)


def _counted(cells: Intervals, of_day: slice, inside: NDArray[np.bool_], start: Instant, end: Instant) -> Consumption:
    length = np.diff(cells.edges)[of_day][inside].astype(np.float64)
    estimated, missing = cells.estimated[of_day][inside], cells.missing[of_day][inside]
    span = float(length.sum())
    reasons = int(np.bitwise_or.reduce(cells.reasons[of_day][inside]))
    shares = Shares.of_time(float((length * estimated)[~missing].sum()) / span, float(length[missing].sum()) / span)
    amount = cells.quantum * int(cells.amount[of_day][inside].sum())
    return Consumption(start, end, None if bool(missing.all()) else amount, shares, reasons)


def _part(ledger: Ledger, meter: Meter, factor: Fraction, line: Line) -> Part:
    register = ledger.register(meter)
    declared, series = register.meter, ledger.readings(register.point)
    counted = without_excluded(series, register.corrections)
    changes = [one.at for one in declared.installations if line.start < one.at < line.end]
    cuts = sorted({line.start, *changes, *declared.multiplier.changes(line.start, line.end), line.end})
    used = ledger.look(line.start, line.end).intervals(meter).total()
    stretches = []
    for segment in segments(declared, counted):
        for start, end in pairwise(cuts):
            if segment.start <= start and end <= segment.end:
                stretches.append(_stretch(segment, declared, series, start, end))
    return Part(meter.id, factor, used, tuple(stretches))


def _stretch(segment: Segment, meter: Meter, series: Series, start: Instant, end: Instant) -> Stretch:
    seen = figures(segment.accepted, segment.register, np.array([start, end], np.int64), meter.period)
    digits, span, digit = seen.digits.tolist(), segment.register.span, segment.register.digit
    edges = [
        Edge(
            at,
            digit * (digits[place] % span if span else digits[place]) if seen.known[place] else None,
            bool(seen.measured[place]),
            _around(series, at),
        )
        for place, at in enumerate((start, end))
    ]
    turns = [digit // span if span else 0 for digit in digits]
    return Stretch(edges[0], edges[1], meter.multiplier.at(start) or Decimal(1), turns[1] - turns[0])


def _around(series: Series, at: Instant) -> tuple[Raw, ...]:
    """The last reading up to an instant and, where that is not one at the instant, the first one after it."""
    right = int(np.searchsorted(series.at, at, side="left"))
    there = right < len(series) and int(series.at[right]) == at
    chosen: Sequence[int] = (right,) if there else (right - 1, right)
    return tuple(
        Raw(int(series.at[index]), exact(series.value[index]), int(series.quality[index]))
        for index in chosen
        if 0 <= index < len(series)
    )

"""The ledger: a site's readings as consumption, balances and statements.

Every answer is a function of the site, of the readings there are and of the corrections in force, and says so with its
quality. What is kept of the way there (see upkeep) changes how soon it comes, never what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import allocate
from meterbook.accounting.adjustment import Adjustments
from meterbook.accounting.balance import balance
from meterbook.accounting.carried import carried
from meterbook.accounting.computation import Question, Register
from meterbook.accounting.consumption import END, combined
from meterbook.accounting.corrected import as_declared
from meterbook.accounting.grid import Grid, blocks, months
from meterbook.accounting.imbalance import Imbalance, imbalances
from meterbook.accounting.port import Closings, Corrections, QuotaEntries, Registers
from meterbook.accounting.price import Facts, remarks
from meterbook.accounting.quota import Quotas, Use, uses
from meterbook.accounting.sources import roots
from meterbook.accounting.statement import Month, compose, lines_of, total_of
from meterbook.accounting.supply import Supply, cos_phi, peak
from meterbook.accounting.upkeep import Kept, Upkeep
from meterbook.domain.calendar import GRID, Step
from meterbook.domain.closing import Closed, Signature
from meterbook.domain.correction import Correction, Exchange
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Consumption, Intervals
from meterbook.domain.meter import Meter
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.reading import ABSURD_PAST, Series
from meterbook.domain.site import Site
from meterbook.domain.statement import Balance, Line, Statement, StatementState
from meterbook.domain.tariff import Tariff


class Ledger:
    """Answers questions about consumption and charges; each call sees the readings there are at that moment."""

    def __init__(
        self,
        site: Site,
        readings: Registers,
        corrections: Corrections | None = None,
        kept: Kept | None = None,
        entries: QuotaEntries | None = None,
        closings: Closings | None = None,
    ) -> None:
        self.site = site
        self._grid = Grid(site)
        self._readings, self._corrections, self._kept, self._closings = readings, corrections, kept, closings
        self._upkeep = Upkeep(self._grid, readings, kept)
        self.adjustments = Adjustments(site.calendar, closings, self._recomputed)
        self._entries, self._quotas = entries, Quotas(site, entries, self.carried, self.charged_when_over)

    def consumption(self, meter: str, start: Instant, end: Instant, step: Step) -> list[Consumption]:
        """Consumption of a meter over [start, end) in local windows; raises KeyError for an unknown meter."""
        edges = self.site.calendar.edges(start, end, step)
        return self.look(start, end, edges).intervals(self.site.meters[meter]).windows(edges)

    def questions(self) -> list[Question]:
        """Meters whose readings fell and stayed down, in order of their ids: an exchange or reset must be declared."""
        self._upkeep.follow()
        active = self._active()
        found = []
        for meter in sorted(self.site.meters.values(), key=lambda meter: meter.id):
            if meter.physical and not meter.delta:
                entries = active.get(meter.id, ())
                found.append(self._upkeep.question(Register(as_declared(meter, entries), entries)))
        return [question for question in found if question is not None]

    def department_consumption(
        self, department: str, utility: str, start: Instant, end: Instant, step: Step
    ) -> list[Consumption]:
        """What a department carries of a utility (direct, shared and losses) over [start, end) in local windows.

        Shares are those of the month, as on the statement, so that the windows of a month add up to it. Raises
        KeyError for an unknown department.
        """
        if department != UNALLOCATED:
            self.site.departments[department]
        calendar = self.site.calendar
        edges = calendar.edges(start, end, step)
        own: list[allocate.Piece] = []
        for begin, finish in self._months(start, end):
            look = self.look(begin, finish, edges)
            found = allocate.pieces(self.site, utility, look.utility(utility), begin, finish)
            own.extend(piece for piece in found if piece.party == department)
        return carried(own, edges)

    def _months(self, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """The local months that [start, end) touches, whole."""
        return [self.site.calendar.month(month) for month in months(self.site.calendar, start, end)]

    def signature(self, month: str) -> Signature | None:
        """Who closed a month; None where nobody has."""
        signed = self._closings.signatures() if self._closings is not None else ()
        return next((one for one in signed if one.month == month), None)

    def _record(self, month: str, current: bool) -> Closed | None:
        """The record to answer from, if the month is closed and not asked for as it is at the moment."""
        if self._closings is None or current or self.signature(month) is None:
            return None
        return self._closings.closed(month)

    def of_terms(self, record: Closed) -> Ledger:
        """A ledger of today's readings under the rules, prices and calendar of a closed month."""
        month, site = record.signature.month, record.terms.site(self.site)
        # What is kept is cut for today's site: other cuts or another calendar would only make it over and over.
        alike = site.calendar is self.site.calendar and Grid(site).month(month).digest == self._grid.month(month).digest
        kept = self._kept if alike else None
        return Ledger(site, self._readings, self._corrections, kept, self._entries, self._closings)

    def _recomputed(self, record: Closed) -> Mapping[str, Sequence[Line]]:
        """The lines of a closed month by its terms and today's readings, without quotas and adjustments."""
        return self.of_terms(record).charged_when_over(record.signature.month)

    def closed(self, month: str) -> Closed | None:
        """The record of a month; None where it is not closed."""
        return self._record(month, current=False)

    def register(self, meter: Meter) -> Register:
        """The register of a physical meter with the corrections in force."""
        entries = self._active().get(meter.id, ())
        return Register(as_declared(meter, entries), entries)

    def readings(self, point: str) -> Series:
        """All readings of a point."""
        return self._readings.read(point, ABSURD_PAST, END)

    def balances(self, month: str, now: Instant, *, current: bool = False) -> list[Balance]:
        """Where each utility's supply of a month went; an open month up to the last full quarter hour before `now`.

        A closed month answers from its record; `current` computes it anew.
        """
        record = self._record(month, current)
        if record is not None:
            return list(record.balances)
        period = self._month(month, now)
        start, end = period.start, period.end
        if end == start:
            return []
        look = self.look(start, end)
        found = []
        for utility in self._utilities():
            used = look.utility(utility)
            pieces = allocate.pieces(self.site, utility, used, start, end)
            found.append(balance(self.site, utility, used, pieces, start, end))
        return found

    def imbalances(self, month: str, now: Instant) -> list[Imbalance]:
        """Each parent against its children in a month, as the readings are now; an open one until `now`."""
        period = self._month(month, now)
        if period.end == period.start:
            return []
        look = self.look(period.start, period.end)
        used = {meter.id: look.intervals(meter).total() for meter in self.site.meters.values() if meter.physical}
        return list(imbalances(self.site, used))

    def statements(self, month: str, now: Instant, *, current: bool = False) -> list[Statement]:
        """The statements of a month, ordered by department, those with lines of their own; see docs for `unallocated`.

        An open month is answered up to the last full quarter hour before `now`, a closed one from its record, unless
        it is asked for as it would be at the moment (`current`).
        """
        record = self._record(month, current)
        if record is not None:
            return [one for one in record.statements if one.lines]
        drawn = self._drawn(month, now)
        return [drawn.statement(self.site, party) for party in sorted(drawn.lines)]

    def every_statement(self, month: str, now: Instant) -> list[Statement]:
        """As `statements`, with those of everybody who carries nothing, for a month that is not closed."""
        drawn = self._drawn(month, now)
        return [drawn.statement(self.site, party) for party in sorted({*drawn.lines, *self.site.departments})]

    def statement(self, month: str, department: str, now: Instant, *, current: bool = False) -> Statement:
        """One department's statement; without lines where it carries nothing. Raises KeyError for an unknown one."""
        if department != UNALLOCATED:
            self.site.departments[department]
        record = self._record(month, current)
        if record is None:
            return self._drawn(month, now).statement(self.site, department)
        found = next((one for one in record.statements if one.department == department), None)
        return found or compose(self.site, replace(self._month(month, now), state="closed"), department, (), {})

    def quotas(self, month: str, now: Instant, *, current: bool = False) -> list[QuotaStanding]:
        """How departments stand against each quota of the year at the end of a month; a running one until `now`.

        A closed month answers from its record; `current` computes it anew.
        """
        record = self._record(month, current)
        if record is not None:
            return [standing for one in record.statements for standing in one.quota]
        return self._drawn(month, now).quotas

    def _drawn(self, month: str, now: Instant) -> _Drawn:
        """The lines of everybody's statement of a month."""
        drawn = self._charged(month, now)
        if now >= self.site.calendar.month(month)[0]:
            for standing, lines in self._quotas.of(drawn.month, drawn.lines, drawn.uses):
                drawn.quotas.append(standing)
                if lines:
                    drawn.lines.setdefault(standing.department, []).extend(lines)
            for party, adjusted in self.adjustments.of(drawn.month).items():
                drawn.lines.setdefault(party, []).extend(adjusted)
        return drawn

    def charged_when_over(self, month: str) -> Mapping[str, Sequence[Line]]:
        """What the site's tariffs charge for a whole month, by party."""
        return self._charged(month, self.site.calendar.month(month)[1]).lines

    def carried(self, utility: str, start: Instant, end: Instant) -> list[allocate.Piece]:
        """What each party carries of a utility over [start, end)."""
        return allocate.pieces(self.site, utility, self.look(start, end).utility(utility), start, end)

    def _charged(self, month: str, now: Instant) -> _Drawn:
        """What the site's tariffs charge everybody for a month."""
        drawn = _Drawn(self._month(month, now))
        start, end = drawn.month.start, drawn.month.end
        if end == start:
            return drawn
        look = self.look(start, end)
        for utility in self._utilities():
            pieces = allocate.pieces(self.site, utility, look.utility(utility), start, end)
            drawn.uses[utility] = uses(pieces, start)
            held = [tariff for tariff in self.site.tariffs if tariff.utility == utility and tariff.start < end]
            last = max(held, key=lambda tariff: tariff.start, default=None)
            supply = self._supply_meter(look, last, start, end) if last else Supply()
            drawn.remarks += [f"{utility}: {word}" for word in (remarks(last, supply) if last else ())]
            facts = Facts(self._used_before(utility, drawn.month), supply, self._held(utility, month))
            for party, own in lines_of(self.site, drawn.month, utility, pieces, facts).items():
                drawn.lines.setdefault(party, []).extend(own)
        return drawn

    def _supply_meter(self, look: Look, tariff: Tariff, start: Instant, end: Instant) -> Supply:
        """What the tariff's supply meter says of [start, end): the highest demand and the power factor."""
        highest, cos = None, None
        if tariff.demand is not None:
            window, meter = tariff.demand.window, self.site.meters[tariff.demand.meter]
            windows = look.intervals(meter).windows(blocks(self.site.calendar, window, start, end))
            highest = peak([one for one in windows if one.end - one.start == window])
        if tariff.power_factor is not None:
            meter = self.site.meters[tariff.power_factor.meter]
            registers = [look.reactive(meter, point).total().value for point in meter.reactive]
            known = [abs(value) for value in registers if value is not None]
            active = look.intervals(meter).total().value
            if active is not None and known and len(known) == len(registers):
                cos = cos_phi(active, sum(known, Decimal(0)))
        return Supply(highest, cos)

    def _month(self, month: str, now: Instant) -> Month:
        start, end = self.site.calendar.month(month)
        state: StatementState = "provisional" if now >= end else "open"
        return Month(month, start, max(start, min(end, now // GRID * GRID)), state)

    def _held(self, utility: str, month: str) -> dict[str, Fraction]:
        """The part of the month's days that began under each tariff version of a utility."""
        start, end = self.site.calendar.month(month)
        days = self.site.calendar.edges(start, end, "day")[:-1]
        versions = sorted((one for one in self.site.tariffs if one.utility == utility), key=lambda one: one.start)
        ends = [*(version.start for version in versions[1:]), end]
        return {
            version.id: Fraction(sum(version.start <= day < until for day in days), len(days))
            for version, until in zip(versions, ends, strict=False)
        }

    def _used_before(self, utility: str, month: Month) -> dict[tuple[str, str | None], Decimal]:
        """What was used since the start of the tiers' period until a tariff holds in this month; see price.Facts."""
        used: dict[tuple[str, str | None], Decimal] = {}
        for tariff in self.site.tariffs:
            if tariff.utility != utility or tariff.tiers is None or tariff.start >= month.end:
                continue
            until = max(month.start, tariff.start)
            day = self.site.calendar.day_of(month.start)
            first = self.site.calendar.midnight(
                date(day.year, 1, 1) if tariff.tiers.period == "year" else day.replace(day=1)
            )
            if tariff.apply == "department" and until > first:
                look = self.look(first, until)
                for piece in allocate.pieces(self.site, utility, look.utility(utility), first, until):
                    key = (tariff.id, piece.party)
                    used[key] = used.get(key, Decimal(0)) + piece.quantity
            supplied = (self._supply(root, first, until, month.end) for root in roots(self.site, utility))
            used[tariff.id, None] = sum(supplied, Decimal(0))
        return used

    def _supply(self, root: Meter, start: Instant, until: Instant, latest: Instant) -> Decimal:
        """The supply through a root from `start`, where a tier's period begins, until `until`.

        An opening between `start` and `latest` says what had been used by then; readings tell the rest.
        """
        opening = self.site.openings.get(root.id)
        if opening is None or not start <= opening.at < latest:
            return self._supply_known(root, start, until)
        if opening.at <= until:
            return opening.used + self._supply_known(root, opening.at, until)
        return opening.used - self._supply_known(root, until, opening.at)

    def _supply_known(self, root: Meter, start: Instant, end: Instant) -> Decimal:
        if end <= start:
            return Decimal(0)
        look = self.look(start, end)
        return look.intervals(root).total().value or Decimal(0)

    def _utilities(self) -> list[str]:
        return sorted({meter.utility for meter in self.site.meters.values()})

    def look(self, start: Instant, end: Instant, edges: Sequence[Instant] = ()) -> Look:
        """A look at [start, end), cut wherever something changes and at `edges`."""
        self._upkeep.follow()
        return Look(self.site, self._upkeep, self._grid.within(start, end, edges), self._active())

    def _active(self) -> Mapping[str, tuple[Correction, ...]]:
        return self._corrections.active() if self._corrections is not None else {}


@dataclass
class _Drawn:
    """A month's lines by party, and what readers of the charges must know; `uses` are by utility and party."""

    month: Month
    lines: dict[str, list[Line]] = field(default_factory=dict)
    uses: dict[str, dict[str, Use]] = field(default_factory=dict)
    quotas: list[QuotaStanding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def statement(self, site: Site, party: str) -> Statement:
        """The statement of one party."""
        own = self.lines.get(party, [])
        totals = {other: total_of(lines) for other, lines in self.lines.items()}
        utilities = {line.utility for line in own}
        own_remarks = [remark for remark in self.remarks if remark.partition(":")[0] in utilities]
        quota = [standing for standing in self.quotas if standing.department == party]
        return compose(site, self.month, party, own, totals, own_remarks, quota)


class Look:
    """One look at the meters: their intervals between common edges, each computed once."""

    def __init__(
        self,
        site: Site,
        upkeep: Upkeep,
        edges: NDArray[np.int64],
        corrections: Mapping[str, tuple[Correction, ...]],
    ) -> None:
        self._site, self._upkeep, self._edges, self._corrections = site, upkeep, edges, corrections
        self._known: dict[str, Intervals] = {}

    def utility(self, utility: str) -> dict[str, Intervals]:
        """The intervals of all meters of a utility."""
        return {meter.id: self.intervals(meter) for meter in self._site.meters.values() if meter.utility == utility}

    def intervals(self, meter: Meter) -> Intervals:
        """The intervals of a meter, physical or by formula."""
        if meter.id not in self._known:
            self._known[meter.id] = self._computed(meter)
        return self._known[meter.id]

    def reactive(self, meter: Meter, point: str) -> Intervals:
        """The intervals of a reactive register of a meter, with its ratio, span and exchanges.

        An exchange notes the figures of the active register only, and corrections are of that one.
        """
        entries = [one for one in self._corrections.get(meter.id, ()) if isinstance(one.what, Exchange)]
        declared = as_declared(meter, entries)
        return self._of(Register(replace(declared, id=f"{meter.id} {point}", reads=point, max_rate=None), noted=False))

    def _computed(self, meter: Meter) -> Intervals:
        if not meter.physical:
            operands = {other: self.intervals(self._site.meters[other]) for other in meter.factors}
            return combined(meter.factors, operands)
        entries = self._corrections.get(meter.id, ())
        return self._of(Register(as_declared(meter, entries), entries))

    def _of(self, register: Register) -> Intervals:
        return self._upkeep.between(register, self._edges).joined(self._edges)

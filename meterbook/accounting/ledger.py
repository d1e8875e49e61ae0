"""The ledger: a site's readings as consumption, balances and statements.

Every answer is a function of the site, of the readings there are and of the corrections in force, and says so with its
quality. What is kept of the way there (see upkeep) changes how soon it comes, never what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256

from meterbook.accounting import allocate
from meterbook.accounting.adjustment import Adjustments, Again, Changes
from meterbook.accounting.balance import balance
from meterbook.accounting.carried import carried
from meterbook.accounting.charges import Drawn, charged, january, utilities
from meterbook.accounting.computation import Question, Register
from meterbook.accounting.consumption import END
from meterbook.accounting.grid import Grid, months
from meterbook.accounting.imbalance import Imbalance, imbalances
from meterbook.accounting.look import Look, Scene
from meterbook.accounting.past import Past
from meterbook.accounting.port import Closings, Corrections, QuotaEntries, Registers
from meterbook.accounting.quota import Quotas
from meterbook.accounting.results import Results
from meterbook.accounting.statement import Month, compose
from meterbook.accounting.upkeep import Bases, Kept, Upkeep
from meterbook.domain.calendar import GRID, Step
from meterbook.domain.closing import Closed, Signature, Terms
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Consumption
from meterbook.domain.meter import Meter
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.quota import QuotaEntry, QuotaStanding
from meterbook.domain.reading import ABSURD_PAST, Series
from meterbook.domain.site import Site
from meterbook.domain.statement import Balance, Line, Statement, StatementState

TERMS_AT_HAND = 3
"""Ledgers by the terms of closed months that a ledger holds."""


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
        *,
        bases: Bases | None = None,
        scope: str = "",
    ) -> None:
        """`scope` tells the results of this ledger from others beside the same intervals, which may share `bases`."""
        self.site = site
        self._grid = Grid(site)
        self._readings, self._corrections, self._kept, self._closings = readings, corrections, kept, closings
        self._upkeep = Upkeep(self._grid, readings, kept, bases)
        self._results = Results(kept.store if kept is not None else None, scope)
        self.adjustments = Adjustments(site.calendar, closings, self._results, self._again)
        self._entries, self._quotas = entries, Quotas(site)
        self._scene: Scene | None = None
        self._terms: dict[str, Ledger] = {}

    def consumption(self, meter: str, start: Instant, end: Instant, step: Step) -> list[Consumption]:
        """Consumption of a meter over [start, end) in local windows; raises KeyError for an unknown meter."""
        edges = self.site.calendar.edges(start, end, step)
        return self.look(start, end, edges).intervals(self.site.meters[meter]).windows(edges)

    def questions(self) -> list[Question]:
        """Meters whose readings fell and stayed down, in order of their ids: an exchange or reset must be declared."""
        scene = self.scene()
        meters = sorted(self.site.meters.values(), key=lambda meter: meter.id)
        asked = [scene.register(meter) for meter in meters if meter.physical and not meter.delta]
        found = [self._upkeep.question(register) for register in asked]
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
        return self._of_terms(record.signature.month, record.terms)

    def _of_terms(self, month: str, terms: Terms) -> Ledger:
        if month not in self._terms:
            site = terms.site(self.site)
            # What is kept is cut for today's site: other cuts or another calendar would only make it over and over.
            same = site.calendar is self.site.calendar
            alike = same and Grid(site).month(month).digest == self._grid.month(month).digest
            others = list(self._terms.items())[-TERMS_AT_HAND + 1 :]
            ledger = Ledger(
                site,
                self._readings,
                self._corrections,
                self._kept if alike else None,
                self._entries,
                self._closings,
                bases=self._upkeep.bases if same else None,
                scope=f"by the terms of {month}: ",
            )
            self._terms = dict([*others, (month, ledger)])
            return ledger
        return self._terms[month]

    def _again(self, month: str) -> Again:
        """The charges of a closed month by its terms and today's readings, without quotas and adjustments."""
        if self._closings is None:
            raise KeyError(month)
        ledger = self._of_terms(month, self._closings.terms(month))
        scene = ledger.scene()
        whole = ledger._month(month, self.site.calendar.month(month)[1])
        return Again(scene.evidence(january(month), month), scene.bases, lambda: charged(scene, whole).lines)

    def closed(self, month: str) -> Closed | None:
        """The record of a month; None where it is not closed."""
        return self._record(month, current=False)

    def register(self, meter: Meter) -> Register:
        """The register of a physical meter with the corrections in force."""
        return self.scene().register(meter)

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
        period, scene = self._month(month, now), self.scene()
        if period.end == period.start:
            return []
        basis = scene.evidence(month, month)
        return list(self._results.held(("balances", period), basis, lambda: self._balances(scene, period)))

    def _balances(self, scene: Scene, period: Month) -> list[Balance]:
        start, end = period.start, period.end
        look, found = scene.look(start, end), []
        for utility in utilities(self.site):
            used = look.utility(utility)
            pieces = allocate.pieces(self.site, utility, used, start, end)
            found.append(balance(self.site, utility, used, pieces, start, end))
        return found

    def imbalances(self, month: str, now: Instant) -> list[Imbalance]:
        """Each parent against its children in a month, as the readings are now; an open one until `now`."""
        period = self._month(month, now)
        if period.end == period.start:
            return []
        physical = [meter for meter in self.site.meters.values() if meter.physical]
        return list(imbalances(self.site, self.totals(physical, period.start, period.end)))

    def totals(self, meters: Iterable[Meter], start: Instant, end: Instant) -> dict[str, Consumption]:
        """The consumption of meters over [start, end), by their ids."""
        look, asked = self.look(start, end), list(meters)
        look.gather(asked)
        return {meter.id: look.intervals(meter).total() for meter in asked}

    def statements(self, month: str, now: Instant, *, current: bool = False) -> list[Statement]:
        """The statements of a month, ordered by department, those with lines of their own; see docs for `unallocated`.

        An open month is answered up to the last full quarter hour before `now`, a closed one from its record, unless
        it is asked for as it would be at the moment (`current`).
        """
        record = self._record(month, current)
        if record is not None:
            return [one for one in record.statements if one.lines]
        drawn = self._drawn(month, now)
        return list(drawn.statements(self.site))

    def lines(self, month: str, now: Instant) -> Iterable[tuple[str, Line]]:
        """Every line of the statements of a month, with its party."""
        record = self._record(month, current=False)
        if record is not None:
            return record.lines
        return ((party, line) for party, own in self._drawn(month, now).lines.items() for line in own)

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

    def _drawn(self, month: str, now: Instant) -> Drawn:
        """The lines of everybody's statement of a month."""
        scene, period = self.scene(), self._month(month, now)
        if now < self.site.calendar.month(month)[0]:
            return self._charged(scene, period)
        year = int(month[:4])
        asked = self._entries is not None and any(quota.year == year for quota in self.site.quotas)
        entries = tuple(self._entries.approved(year)) if self._entries is not None and asked else ()
        changes, evidence = self.adjustments.of(period, scene), scene.evidence(january(month), month)
        basis = None if evidence is None or changes.basis is None else (evidence, entries, changes.basis)
        return self._results.held(("drawn", period), basis, lambda: self._complete(scene, period, entries, changes))

    def _complete(self, scene: Scene, period: Month, entries: Sequence[QuotaEntry], changes: Changes) -> Drawn:
        """What the tariffs charge, with quotas and adjustments."""
        drawn = self._charged(scene, period).copy()
        past = Past(scene, self._results, self._charging)
        for standing, lines in self._quotas.of(period, drawn.lines, drawn.uses, entries, past):
            drawn.quotas.append(standing)
            if lines:
                drawn.lines.setdefault(standing.department, []).extend(lines)
        for party, adjusted in changes.lines.items():
            drawn.lines.setdefault(party, []).extend(adjusted)
        return drawn

    @cached_property
    def _charging(self) -> str:
        """A digest of all of the site that charges and quantities follow from, besides the registers."""
        site, calendar = self.site, self.site.calendar
        dated = (calendar.zone.key, calendar.country, calendar.declared)
        said = (dated, site.departments, site.meters, site.allocations, site.tariffs, site.openings)
        return sha256(repr(said).encode()).hexdigest()

    def _charged(self, scene: Scene, period: Month) -> Drawn:
        basis = scene.evidence(january(period.month), period.month)
        return self._results.held(("charged", period), basis, lambda: charged(scene, period))

    def charged_when_over(self, month: str) -> Mapping[str, Sequence[Line]]:
        """What the site's tariffs charge for a whole month, by party."""
        return self._charged(self.scene(), self._month(month, self.site.calendar.month(month)[1])).lines

    def carried(self, utility: str, start: Instant, end: Instant) -> list[allocate.Piece]:
        """What each party carries of a utility over [start, end)."""
        return allocate.pieces(self.site, utility, self.look(start, end).utility(utility), start, end)

    def _month(self, month: str, now: Instant) -> Month:
        start, end = self.site.calendar.month(month)
        state: StatementState = "provisional" if now >= end else "open"
        return Month(month, start, max(start, min(end, now // GRID * GRID)), state)

    def look(self, start: Instant, end: Instant, edges: Sequence[Instant] = ()) -> Look:
        """A look at [start, end), cut wherever something changes and at `edges`."""
        return self.scene().look(start, end, edges)

    def scene(self) -> Scene:
        """The registers by what arrived and by the corrections in force at this moment."""
        self._upkeep.follow()
        active = self._corrections.active() if self._corrections is not None else {}
        scene = self._scene
        if scene is None or scene.corrections != active:
            scene = self._scene = Scene(self.site, self._grid, self._upkeep, active)
        return scene

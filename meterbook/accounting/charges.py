"""What the tariffs of a site charge everybody for a month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from meterbook.accounting import allocate
from meterbook.accounting.emissions import emissions
from meterbook.accounting.grid import blocks
from meterbook.accounting.look import Look, Scene
from meterbook.accounting.price import Facts, remarks
from meterbook.accounting.quota import Use, uses
from meterbook.accounting.sources import roots
from meterbook.accounting.statement import Month, compose, lines_of, total_of
from meterbook.accounting.supply import Supply, cos_phi, peak
from meterbook.domain.emission import Emission
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.site import Site
from meterbook.domain.statement import Line, Statement
from meterbook.domain.tariff import Tariff


@dataclass
class Drawn:
    """A month's lines by party, and what readers of the charges must know; `uses` are by utility and party.

    Lines are added before anybody asks for a statement.
    """

    month: Month
    lines: dict[str, list[Line]] = field(default_factory=dict)
    uses: dict[str, dict[str, Use]] = field(default_factory=dict)
    quotas: list[QuotaStanding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    emissions: dict[str, list[Emission]] = field(default_factory=dict)
    _statements: list[Statement] | None = None

    def copy(self) -> Drawn:
        """The same again, to add more to."""
        lines = {party: list(own) for party, own in self.lines.items()}
        return Drawn(self.month, lines, self.uses, list(self.quotas), self.remarks, self.emissions)

    def statements(self, site: Site) -> Sequence[Statement]:
        """The statements of those with lines of their own, ordered by party."""
        if self._statements is None:
            self._statements = [self.statement(site, party) for party in sorted(self.lines)]
        return self._statements

    def statement(self, site: Site, party: str) -> Statement:
        """The statement of one party."""
        own = self.lines.get(party, [])
        utilities = {line.utility for line in own}
        own_remarks = [remark for remark in self.remarks if remark.partition(":")[0] in utilities]
        quota, emitted = self._standings.get(party, ()), self.emissions.get(party, ())
        return compose(site, self.month, party, own, self._totals, own_remarks, quota, emitted)

    @cached_property
    def _totals(self) -> Mapping[str, Decimal | None]:
        return {party: total_of(lines) for party, lines in self.lines.items()}

    @cached_property
    def _standings(self) -> Mapping[str, Sequence[QuotaStanding]]:
        found: dict[str, list[QuotaStanding]] = {}
        for standing in self.quotas:
            found.setdefault(standing.department, []).append(standing)
        return found


def utilities(site: Site) -> list[str]:
    """What a site's meters count."""
    return sorted({meter.utility for meter in site.meters.values()})


def charged(scene: Scene, month: Month) -> Drawn:
    """What the tariffs of a scene's site charge for a month."""
    site, drawn = scene.site, Drawn(month)
    start, end = month.start, month.end
    if end == start:
        return drawn
    look = scene.look(start, end)
    for utility in utilities(site):
        pieces = allocate.pieces(site, utility, look.utility(utility), start, end)
        drawn.uses[utility] = uses(pieces, start)
        held = [tariff for tariff in site.tariffs if tariff.utility == utility and tariff.start < end]
        last = max(held, key=lambda tariff: tariff.start, default=None)
        supply = _supply_meter(look, site, last, start, end) if last else Supply()
        drawn.remarks += [f"{utility}: {word}" for word in (remarks(last, supply) if last else ())]
        facts = Facts(_used_before(scene, utility, month), supply, _held(site, utility, month.month))
        for party, own in lines_of(site, month, utility, pieces, facts).items():
            drawn.lines.setdefault(party, []).extend(own)
        for party, one in emissions(site.emission_factors, utility, pieces, start, end).items():
            drawn.emissions.setdefault(party, []).append(one)
    return drawn


def january(month: str) -> str:
    """The first month of a month's year: charges and quotas of a month follow from nothing before it."""
    return f"{month[:4]}-01"


def _supply_meter(look: Look, site: Site, tariff: Tariff, start: Instant, end: Instant) -> Supply:
    """What the tariff's supply meter says of [start, end): the highest demand and the power factor."""
    highest, cos = None, None
    if tariff.demand is not None:
        window, meter = tariff.demand.window, site.meters[tariff.demand.meter]
        windows = look.intervals(meter).windows(blocks(site.calendar, window, start, end))
        highest = peak([one for one in windows if one.end - one.start == window])
    if tariff.power_factor is not None:
        meter = site.meters[tariff.power_factor.meter]
        registers = [look.reactive(meter, point).total().value for point in meter.reactive]
        known = [abs(value) for value in registers if value is not None]
        active = look.intervals(meter).total().value
        if active is not None and known and len(known) == len(registers):
            cos = cos_phi(active, sum(known, Decimal(0)))
    return Supply(highest, cos)


def _held(site: Site, utility: str, month: str) -> dict[str, Fraction]:
    """The part of the month's days that began under each tariff version of a utility."""
    start, end = site.calendar.month(month)
    days = site.calendar.edges(start, end, "day")[:-1]
    versions = sorted((one for one in site.tariffs if one.utility == utility), key=lambda one: one.start)
    ends = [*(version.start for version in versions[1:]), end]
    return {
        version.id: Fraction(sum(version.start <= day < until for day in days), len(days))
        for version, until in zip(versions, ends, strict=False)
    }


def _used_before(scene: Scene, utility: str, month: Month) -> dict[tuple[str, str | None], Decimal]:
    """What was used since the start of the tiers' period until a tariff holds in this month; see price.Facts."""
    site, used = scene.site, dict[tuple[str, str | None], Decimal]()
    for tariff in site.tariffs:
        if tariff.utility != utility or tariff.tiers is None or tariff.start >= month.end:
            continue
        until = max(month.start, tariff.start)
        day = site.calendar.day_of(month.start)
        first = site.calendar.midnight(date(day.year, 1, 1) if tariff.tiers.period == "year" else day.replace(day=1))
        if tariff.apply == "department" and until > first:
            look = scene.look(first, until)
            for piece in allocate.pieces(site, utility, look.utility(utility), first, until):
                key = (tariff.id, piece.party)
                used[key] = used.get(key, Decimal(0)) + piece.quantity
        supplied = (_supply(scene, root, first, until, month.end) for root in roots(site, utility))
        used[tariff.id, None] = sum(supplied, Decimal(0))
    return used


def _supply(scene: Scene, root: Meter, start: Instant, until: Instant, latest: Instant) -> Decimal:
    """The supply through a root from `start`, where a tier's period begins, until `until`.

    An opening between `start` and `latest` says what had been used by then; readings tell the rest.
    """
    opening = scene.site.openings.get(root.id)
    if opening is None or not start <= opening.at < latest:
        return _supply_known(scene, root, start, until)
    if opening.at <= until:
        return opening.used + _supply_known(scene, root, opening.at, until)
    return opening.used - _supply_known(scene, root, until, opening.at)


def _supply_known(scene: Scene, root: Meter, start: Instant, end: Instant) -> Decimal:
    if end <= start:
        return Decimal(0)
    return scene.look(start, end).intervals(root).total().value or Decimal(0)

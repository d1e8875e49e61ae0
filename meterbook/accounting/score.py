"""Scores: each department's month out of 100 points by the rules of the site, and the league table of a quarter.

Unknown is not zero: a rule without anything to go by is left out with the reason, and the other parts make the 100.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from meterbook.accounting.allocate import Piece
from meterbook.accounting.carried import carried
from meterbook.accounting.ledger import Ledger
from meterbook.accounting.quota import mean
from meterbook.domain.calendar import GRID, Calendar, first_of_month
from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.money import round_half_up
from meterbook.domain.organisation import Department
from meterbook.domain.plans import ScorePart, Scores
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.score import Answer, PartScore, Reason, Score, Standing

TENTH, SHOWN = Decimal("0.1"), Decimal("0.0001")
COVERED = Decimal("0.95")
"""The share of a month's time that must be known (for working hours: measured) before it is judged."""

LIMITS: Mapping[str, tuple[Decimal, Decimal]] = {
    "quota": (Decimal(1), Decimal("1.1")),
    "against_last_year": (Decimal(1), Decimal("1.1")),
    "after_hours_share": (Decimal("0.35"), Decimal("0.7")),
    "incidents_answered": (Decimal(1), Decimal(0)),
}
"""Where a rule gives all points and where none, unless scores.yaml says otherwise."""


class _Unknown(Exception):
    """A rule has nothing to go by."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def given(part: ScorePart, ratios: Sequence[Fraction]) -> Decimal:
    """The points of a part, to 0.1: all at `full_at`, none at `none_at`, linear between; the mean over the ratios."""
    default = LIMITS[part.rule]
    full, none = (Fraction(own if own is not None else rule) for own, rule in _limits(part, default))
    shares = [min(Fraction(1), max(Fraction(0), (none - ratio) / (none - full))) for ratio in ratios]
    return round_half_up(Fraction(part.points) * sum(shares, Fraction()) / len(shares), TENTH)


def _limits(part: ScorePart, default: tuple[Decimal, Decimal]) -> Iterable[tuple[Decimal | None, Decimal]]:
    return zip((part.full_at, part.none_at), default, strict=True)


def composed(scores: Scores, department: str, month: str, parts: Sequence[PartScore]) -> Score:
    """The parts that could be judged as points out of 100, rounded half up to 0.1."""
    judged = [part for part in parts if part.got is not None]
    most = sum((part.points for part in judged), Decimal(0))
    if not judged:
        return Score(department, month, None, None, tuple(parts))
    got = sum((part.got or Decimal(0) for part in judged), Decimal(0))
    points = round_half_up(Fraction(got) * 100 / Fraction(most), TENTH)
    return Score(department, month, points, points >= scores.passing, tuple(parts))


def league(scores: Scores, months: Iterable[Sequence[Score]]) -> list[Standing]:
    """The league table of consecutive months: best first, equals by id, those without points last."""
    own: dict[str, list[Score]] = {}
    for month in months:
        for score in month:
            own.setdefault(score.department, []).append(score)
    means = {
        department: _mean([one.points for one in found if one.points is not None]) for department, found in own.items()
    }
    ordered = sorted(means, key=lambda department: (means[department] is None, -(means[department] or 0), department))
    table = []
    for department in ordered:
        points = means[department]
        rank = None if points is None else 1 + sum(other is not None and other > points for other in means.values())
        passed = None if points is None else points >= scores.passing
        table.append(Standing(department, points, passed, rank, tuple(own[department])))
    return table


def _mean(points: Sequence[Decimal]) -> Decimal | None:
    return round_half_up(Fraction(sum(points, Decimal(0))) / len(points), TENTH) if points else None


def months_of(quarter: str) -> list[str]:
    """The months of a quarter written 2026-Q3; raises ValueError for anything else."""
    year, _, number = quarter.partition("-Q")
    if number not in ("1", "2", "3", "4") or not number.isascii():
        raise ValueError(f"{quarter!r} is no quarter; one looks like 2026-Q3")
    months = [f"{year}-{month:02}" for month in range(3 * int(number) - 2, 3 * int(number) + 1)]
    first_of_month(months[0])
    return months


def after_hours(calendar: Calendar, hours: tuple[int, int], start: Instant, end: Instant) -> list[tuple[Instant, bool]]:
    """The instants in [start, end) from which on it is after hours (True) or not; the first one is `start`.

    Working hours are those of the local clock on workdays, on the 15-minute grid.
    """
    changes: list[tuple[Instant, bool]] = []
    day, last = calendar.day_of(start), calendar.day_of(end - 1)
    while day <= last:
        changes.append((calendar.midnight(day), True))
        if calendar.is_workday(day):
            for low, high, minute in calendar.stretches(day):
                opens, closes = (low + (edge - minute) * MINUTE // GRID * GRID for edge in hours)
                if max(low, opens) < min(high, closes):
                    changes += [(max(low, opens), False), (min(high, closes), True)]
        day += timedelta(days=1)
    return [(at, state) for at, state in changes if start <= at < end]


@dataclass(frozen=True)
class Month:
    """What the rules ask about a month [start, end), `over` or not; pieces are by utility."""

    month: str
    start: Instant
    end: Instant
    now: Instant
    over: bool
    pieces: Mapping[str, Sequence[Piece]]
    before: Mapping[str, Sequence[Piece]]
    year_ago: tuple[Instant, Instant]
    standings: Sequence[QuotaStanding]
    answers: Sequence[Answer]


class Judge:
    """Judges the departments of a ledger's site by its scores."""

    def __init__(self, ledger: Ledger, scores: Scores, answers: Callable[[Instant, Instant], Sequence[Answer]]) -> None:
        self._ledger, self._site, self._scores, self._answers = ledger, ledger.site, scores, answers
        self._rules: Mapping[str, Callable[[ScorePart, Department, Month], list[Fraction]]] = {
            "quota": self._quota,
            "against_last_year": self._trend,
            "after_hours_share": self._after_hours,
            "incidents_answered": self._answered,
        }

    def month(self, month: str, now: Instant, departments: Iterable[str] | None = None) -> list[Score]:
        """The scores of a month by id, of all departments or some; a running one as it is up to `now`."""
        facts = self._facts(month, now)
        chosen = sorted(self._site.departments if departments is None else departments)
        return [self._score(self._site.departments[department], facts) for department in chosen]

    def quarter(self, quarter: str, now: Instant) -> list[Standing]:
        """The league table of a quarter, of its months that are over; raises ValueError for no quarter."""
        over = [month for month in months_of(quarter) if self._site.calendar.month(month)[1] <= now]
        return league(self._scores, [self.month(month, now) for month in over])

    def _facts(self, month: str, now: Instant) -> Month:
        calendar = self._site.calendar
        start, end = calendar.month(month)
        until = max(start, min(end, now // GRID * GRID))
        first = first_of_month(month)
        year_ago = calendar.month(f"{first.year - 1}-{first.month:02}") if first.year > 1990 else (start, start)
        rules = {part.rule for part in self._scores.parts}
        utilities = sorted({meter.utility for meter in self._site.meters.values()})
        over = until == end

        def pieces(wanted: bool, low: Instant, high: Instant) -> dict[str, list[Piece]]:
            return {one: self._ledger.carried(one, low, high) for one in utilities} if wanted and low < high else {}

        return Month(
            month=month,
            start=start,
            end=until,
            now=now,
            over=over,
            pieces=pieces(bool(rules & {"against_last_year", "after_hours_share"}), start, until),
            before=pieces(over and "against_last_year" in rules, *year_ago),
            year_ago=year_ago,
            standings=self._ledger.quotas(month, now) if "quota" in rules else (),
            answers=self._answers(start, end) if "incidents_answered" in rules else (),
        )

    def _score(self, department: Department, facts: Month) -> Score:
        parts = [self._part(part, department, facts) for part in self._scores.parts]
        return composed(self._scores, department.id, facts.month, parts)

    def _part(self, part: ScorePart, department: Department, facts: Month) -> PartScore:
        rule = self._rules.get(part.rule)
        try:
            if rule is None:
                raise _Unknown("not_built")
            ratios = rule(part, department, facts)
        except _Unknown as unknown:
            return PartScore(part.id, part.rule, part.points, None, None, unknown.reason)
        measured = round_half_up(ratios[0], SHOWN) if len(ratios) == 1 else None
        return PartScore(part.id, part.rule, part.points, given(part, ratios), measured, None)

    def _quota(self, part: ScorePart, department: Department, facts: Month) -> list[Fraction]:
        """Use since the start of the year over what the quota planned up to now, by quota."""
        own = [standing for standing in facts.standings if standing.department == department.id]
        if not own:
            raise _Unknown("no_quota")
        known = [(Fraction(one.used), Fraction(one.planned)) for one in own if one.used is not None]
        ratios = [used / planned for used, planned in known if planned]
        if not ratios:
            raise _Unknown("quota_unknown")
        return ratios

    def _trend(self, part: ScorePart, department: Department, facts: Month) -> list[Fraction]:
        """Use of the month over that of the same month last year, by utility.

        Per head where heads are declared for both months, else per m2 where areas are, else as it is.
        """
        if not facts.over:
            raise _Unknown("month_runs")
        ratios = []
        size = _growth(department, (facts.start, facts.end), facts.year_ago)
        for utility, pieces in facts.pieces.items():
            now = _known(department, pieces, facts.start, facts.end)
            then = _known(department, facts.before.get(utility, ()), *facts.year_ago)
            if now is not None and then:
                ratios.append(now / then / size)
        if not ratios:
            raise _Unknown("not_covered")
        return ratios

    def _after_hours(self, part: ScorePart, department: Department, facts: Month) -> list[Fraction]:
        """The share of use outside working hours, by utility; interpolated figures say nothing about hours."""
        if not facts.pieces:
            raise _Unknown("month_runs")
        changes = after_hours(self._site.calendar, part.hours, facts.start, facts.end)
        edges = [*(at for at, _ in changes), facts.end]
        measured, ratios = False, []
        for pieces in facts.pieces.values():
            own = [piece for piece in pieces if piece.party == department.id]
            if not own or carried(own, [facts.start, facts.end])[0].shares.measured < COVERED:
                continue
            measured = True
            used = [Fraction(window.value or 0) for window in carried(own, edges)]
            outside = sum((one for one, (_, after) in zip(used, changes, strict=True) if after), Fraction())
            whole = sum(used, Fraction())
            ratios += [outside / whole] if whole > 0 else []
        if not ratios:
            raise _Unknown("nothing_used" if measured else "not_measured")
        return ratios

    def _answered(self, part: ScorePart, department: Department, facts: Month) -> list[Fraction]:
        """The share of the month's incidents that were answered in time; those that still have time do not count."""
        own = [one for one in facts.answers if one.department == department.id]
        kept = [one for one in own if one.answered is not None or one.raised + part.within <= facts.now]
        if not kept:
            raise _Unknown("no_incidents")
        in_time = sum(one.answered is not None and one.answered - one.raised <= part.within for one in kept)
        return [Fraction(in_time, len(kept))]


def _known(department: Department, pieces: Sequence[Piece], start: Instant, end: Instant) -> Fraction | None:
    """A department's use in [start, end); None where too much of the time is missing."""
    own = [piece for piece in pieces if piece.party == department.id]
    window = carried(own, [start, end])[0]
    return Fraction(window.value) if window.value is not None and 1 - window.shares.missing >= COVERED else None


def _growth(department: Department, now: tuple[Instant, Instant], then: tuple[Instant, Instant]) -> Fraction:
    """How much larger a department is than a year ago, in heads or else in area; 1 where neither is known."""
    for timeline in (department.headcount, department.area_m2):
        sizes = [mean(timeline, *span) for span in (now, then)]
        if sizes[0] and sizes[1]:
            return sizes[0] / sizes[1]
    return Fraction(1)

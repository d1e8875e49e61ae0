"""tariffs.yaml: a price for every hour of every day, and readings fine enough for it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from meterbook.domain.instant import MINUTE, Instant
from meterbook.site.check.graph import by_id, once
from meterbook.site.check.meters import is_supply, known_utility
from meterbook.site.draft import Draft
from meterbook.site.models.meters import Meter
from meterbook.site.models.site import WEEKDAYS
from meterbook.site.models.tariffs import Demand, PowerFactor, ScheduleRow, Tariff, When
from meterbook.site.problem import nearest
from meterbook.site.resolve.dates import since

DAY_MINUTES = 24 * 60


def check(draft: Draft) -> None:
    """Check tariffs.yaml."""
    once(draft, draft.tariffs.tariffs)
    starts: dict[tuple[str, Instant], str] = {}
    for tariff in draft.tariffs.tariffs:
        known_utility(draft, tariff, tariff.utility)
        _once_from(draft, tariff, starts)
        once(draft, tariff.surcharges)
        once(draft, tariff.fixed)
        _schedule(draft, tariff)
        _without_effect(draft, tariff)
        for charge in (tariff.demand, tariff.power_factor):
            if charge is not None:
                _supply(draft, tariff, charge)
        _fine_enough(draft, tariff)
    _emission_factors(draft)


def _once_from(draft: Draft, tariff: Tariff, starts: dict[tuple[str, Instant], str]) -> None:
    if tariff.refused("from"):
        return
    first = starts.setdefault((tariff.utility, since(tariff.from_, draft.zone)), tariff.id)
    if first != tariff.id:
        found = f"{first} holds from the same day for {tariff.utility}"
        draft.problems.append(tariff.where("from").problem(found, "one tariff of a utility for each day"))


def _emission_factors(draft: Draft) -> None:
    starts: set[tuple[str, Instant]] = set()
    for factor in draft.tariffs.emission_factors:
        known_utility(draft, factor, factor.utility)
        if factor.refused("from"):
            continue
        key = (factor.utility, since(factor.from_, draft.zone))
        if key in starts:
            found = f"a factor of {factor.utility} holds from the same day"
            draft.problems.append(factor.where("utility").problem(found, "one factor of a utility for each day"))
        starts.add(key)


def _schedule(draft: Draft, tariff: Tariff) -> None:
    if not tariff.schedule:
        return
    for row in tariff.schedule:
        _row(draft, tariff, row)
    if days := _uncovered(tariff):
        found = f"{tariff.id} has no hours for {days}"
        draft.problems.append(tariff.where("schedule").problem(found, "a last row without when, for all other days"))
    used = {band for row in tariff.schedule for _, _, band in row.hours}
    for band in tariff.bands:
        if band not in used:
            draft.problems.append(
                tariff.where("bands").warning(f"{band} is never used", "a band that the schedule names")
            )


def _without_effect(draft: Draft, tariff: Tariff) -> None:
    """Warn of what is written and changes nothing: whoever wrote it means something else."""
    if tariff.apply == "department" and tariff.tiers is None:
        found = "there are no tiers to count by department"
        draft.problems.append(tariff.where("apply").warning(found, "tiers, or no apply"))
    demand = tariff.demand
    for key in ("excess_multiplier", "excess_from"):
        if demand is not None and demand.approved_kw is None and getattr(demand, key) is not None:
            draft.problems.append(demand.where(key).warning("without approved_kw there is no excess", "approved_kw"))
    named = {row.when.flag for row in tariff.schedule if row.when is not None}
    for flag in tariff.day_flags:
        if flag not in named:
            found = f"no hours hold on days of {flag}"
            draft.problems.append(tariff.where("day_flags").warning(found, f"a row with flag: {flag}"))
    for place, row in enumerate(tariff.schedule):
        if not any(_takes(row.when, *day) and not _taken(tariff.schedule[:place], *day) for day in _kinds_of_days()):
            found = "rows before this one take all its days"
            draft.problems.append(row.where("hours").warning(found, "narrower rows first"))


def _row(draft: Draft, tariff: Tariff, row: ScheduleRow) -> None:
    where = row.where("hours")
    for _, _, band in row.hours:
        if band not in tariff.bands:
            expected = f"one of {', '.join(tariff.bands)}"
            wrong = where.problem(f"{tariff.id} has no price for band {band}", expected, nearest(band, tariff.bands))
            draft.problems.append(wrong)
    if row.when is not None and row.when.flag is not None and row.when.flag not in tariff.day_flags:
        hint = nearest(row.when.flag, tariff.day_flags)
        draft.problems.append(
            row.when.where("flag").problem(f"{row.when.flag} is no day flag", "a name from day_flags", hint)
        )
    for fault, start, end in _seams(row):
        found = f"{tariff.id} has {fault} at {_clock(start)}-{_clock(end)} ({_days(row.when)})"
        draft.problems.append(where.problem(found, "hours that cover 00:00-24:00 exactly once"))


def _seams(row: ScheduleRow) -> Iterator[tuple[str, int, int]]:
    covered = 0
    for start, end, _ in sorted(row.hours):
        if start > covered:
            yield "no band", covered, start
        elif start < covered:
            yield "two bands", start, min(covered, end)
        covered = max(covered, end)
    if covered < DAY_MINUTES:
        yield "no band", covered, DAY_MINUTES


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(when: When | None) -> str:
    if when is None:
        return "all other days"
    named = [f"months {', '.join(map(str, when.months))}"] if when.months else []
    named += [", ".join(when.weekdays)] if when.weekdays else []
    return ", ".join([*named, *(word for word in (when.days, when.flag) if word)]) or "all days"


def _uncovered(tariff: Tariff) -> str | None:
    """The first kind of day that no row takes. A holiday is a rest day too; rows for flagged days cover no others."""
    for month, weekday, day in _kinds_of_days():
        if not _taken(tariff.schedule, month, weekday, day):
            return f"a {day} on {weekday} in month {month}"
    return None


def _kinds_of_days() -> Iterator[tuple[int, str, str]]:
    return itertools.product(range(1, 13), WEEKDAYS, ("workday", "restday", "holiday"))


def _taken(rows: Sequence[ScheduleRow], month: int, weekday: str, day: str) -> bool:
    """Whether rows take every day of a kind, whatever it is flagged."""
    unflagged = (row.when for row in rows if row.when is None or row.when.flag is None)
    return any(_takes(when, month, weekday, day) for when in unflagged)


def _takes(when: When | None, month: int, weekday: str, day: str) -> bool:
    if when is None:
        return True
    kinds = ("restday", "holiday") if day == "holiday" else (day,)
    return (
        (not when.months or month in when.months)
        and (not when.weekdays or weekday in when.weekdays)
        and (when.days is None or when.days in kinds)
    )


def _supply(draft: Draft, tariff: Tariff, charge: Demand | PowerFactor) -> None:
    meters = by_id(draft.meters.meters)
    where = charge.where("meter")
    if not draft.refer(where, "meter", charge.meter) or charge.meter not in meters:
        return
    meter = meters[charge.meter]
    if not is_supply(meter) or meter.utility != tariff.utility:
        supply = [id for id, one in meters.items() if is_supply(one) and one.utility == tariff.utility]
        found = f"{meter.id} is no supply meter of {tariff.utility}"
        draft.problems.append(where.problem(found, f"one of {', '.join(supply)}", nearest(meter.id, supply)))
    elif isinstance(charge, PowerFactor) and not meter.reactive:
        draft.problems.append(
            where.problem(f"{meter.id} names no reactive registers", "a meter with reactive: [points]")
        )


def _fine_enough(draft: Draft, tariff: Tariff) -> None:
    """Check that supply meters are read at least as often as windows and bands change (calculation 19)."""
    if tariff.estimate:
        return
    periods = {device.id: device.every for device in draft.devices.devices}
    supply = [meter for meter in draft.meters.meters if is_supply(meter) and meter.utility == tariff.utility]
    if tariff.demand is not None:
        for meter in supply:
            if meter.id == tariff.demand.meter:
                _coarse(draft, tariff, "demand", meter, tariff.demand.window, periods)
    edges = [edge for row in tariff.schedule for start, end, _ in row.hours for edge in (start, end)]
    for meter in supply if edges else ():
        _coarse(draft, tariff, "bands", meter, math.gcd(*edges) * MINUTE, periods)


def _coarse(draft: Draft, tariff: Tariff, key: str, meter: Meter, finest: Instant, periods: dict[str, Instant]) -> None:
    period = periods.get(meter.reads.rpartition(".")[0]) if meter.reads else None
    if meter.entry == "manual" or (period is not None and period > finest):
        every = "by hand" if period is None else f"every {period // MINUTE} min"
        found = f"{meter.id} is read {every}, coarser than {finest // MINUTE} min"
        draft.problems.append(tariff.where(key).problem(found, "finer readings, or estimate: true"))

"""Tariffs drawn at random, of every kind that tariffs.yaml knows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random

from meterbook.domain.instant import HOUR, MINUTE, Instant
from meterbook.domain.meter import Meter
from meterbook.domain.tariff import (
    Demand,
    FixedCharge,
    Hours,
    PowerFactor,
    PowerFactorTable,
    ScheduleRow,
    Surcharge,
    Tariff,
    Tiers,
    TierStep,
)
from meterbook.domain.text import Text
from meterbook.site.config import config_dir
from meterbook.site.files import Files
from meterbook.site.tables import power_factor_tables

TABLES: dict[Decimal, PowerFactorTable] = power_factor_tables(config_dir(), Files())[0]
BANDS = ("sharp", "peak", "flat", "valley")


def tariffs(rng: Random, starts: Sequence[Instant], root: Meter, in_january: bool, step: int) -> list[Tariff]:
    """One version from each of `starts`; bands begin every `step` minutes, and tiers may count the year in January."""
    return [
        _version(rng, f"{root.utility[0]}{index}", start, root, in_january, step) for index, start in enumerate(starts)
    ]


def _version(rng: Random, id_: str, start: Instant, root: Meter, in_january: bool, step: int) -> Tariff:
    kind = rng.choice(("flat", "bands", "bands", "tiers"))
    named = rng.sample(BANDS, rng.randint(1, 3)) if kind == "bands" else []
    extras = rng.sample(("funds", "sewage", "relief"), rng.choice((0, 0, 1, 2)))
    return Tariff(
        id_,
        root.utility,
        start,
        price=_price(rng, 3) if kind == "flat" else None,
        bands={band: _price(rng, 2) for band in named},
        schedule=_schedule(rng, named, step) if named else (),
        tiers=_tiers(rng, in_january) if kind == "tiers" else None,
        demand=_demand(rng, root.id) if root.utility == "electricity" and rng.random() < 0.3 else None,
        power_factor=_power_factor(rng, root.id) if root.reactive and rng.random() < 0.4 else None,
        surcharges=tuple(_surcharge(rng, name) for name in extras),
        fixed=tuple(_fixed(rng, name) for name in rng.sample(("line", "rent"), rng.choice((0, 0, 1, 2)))),
        apply=rng.choice(("site", "department")) if kind == "tiers" else "site",
        estimate=True,
    )


def _price(rng: Random, most: int) -> Decimal:
    """A price with four decimals; now and then none at all."""
    return Decimal(rng.choice((0, *[rng.randint(1, most * 10_000)] * 9))) / 10_000


def _schedule(rng: Random, bands: Sequence[str], step: int) -> tuple[ScheduleRow, ...]:
    rows = [ScheduleRow(_day(rng, bands, step))]
    if rng.random() < 0.4:
        of = rng.choice(
            (
                {"months": frozenset(rng.sample(range(1, 13), 6))},
                {"weekdays": frozenset(rng.sample(range(7), 4))},
                {"days": rng.choice(("workday", "restday"))},
            )
        )
        rows.insert(0, ScheduleRow(_day(rng, bands, step), **of))  # type: ignore[arg-type]
    return tuple(rows)


def _day(rng: Random, bands: Sequence[str], step: int) -> tuple[Hours, ...]:
    """The hours of a day, most edges among the first four."""
    edges = sorted({0, *(step * rng.randrange(1, 240 // step) for _ in range(rng.randint(0, 4))), 24 * 60})
    return tuple(Hours(low, high, rng.choice(bands)) for low, high in pairwise(edges))


def _tiers(rng: Random, yearly: bool) -> Tiers:
    limits = sorted(rng.sample(range(1, 2_000), rng.randint(0, 3)))
    steps = [TierStep(_price(rng, 9), Decimal(limit) / 4) for limit in limits]
    return Tiers("year" if yearly and rng.random() < 0.5 else "month", (*steps, TierStep(_price(rng, 9))))


def _demand(rng: Random, root: str) -> Demand:
    approved = rng.choice((None, Decimal(rng.randint(1, 400))))
    excess = (Decimal(rng.choice((1, 2))), Decimal(rng.choice(("1", "1.05")))) if approved is not None else ()
    return Demand(root, rng.choice((15 * MINUTE, HOUR)), _price(rng, 40), approved, *excess)


def _power_factor(rng: Random, root: str) -> PowerFactor:
    standard = rng.choice(sorted(TABLES))
    return PowerFactor(root, standard, TABLES[standard])


def _surcharge(rng: Random, name: str) -> Surcharge:
    """A price per unit, below zero for relief."""
    return Surcharge(name, Text.same(name), _price(rng, 1) * (-1 if name == "relief" else 1))


def _fixed(rng: Random, name: str) -> FixedCharge:
    return FixedCharge(name, Text.same(name), Decimal(rng.randint(1, 100_000)) / 100)

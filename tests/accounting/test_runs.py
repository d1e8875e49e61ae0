"""Runs of readings judged at a stroke: they change how long a judgement takes, never what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from meterbook.accounting.judgement import Accepted, Limits, judge
from meterbook.domain.instant import MINUTE, Instant, parse
from meterbook.domain.meter import Register
from meterbook.domain.reading import Quality, Series
from meterbook.domain.timeline import BEGINNING, Timeline

START = parse("2026-03-01T00:00:00Z")
NEVER = 2**62
COLUMNS = ("at", "value", "turns", "estimated", "held", "settled", "rejected")
LEVELS = ("rising", "idle", "low", "high", "wobbling", "apart", "falling", "in turn", "nothing", "ten digits down")


def life(random: Random) -> list[tuple[Instant, int]]:
    """Digits of a register with stretches of everything that a question can stay open about."""
    at, base, rows = START, random.randrange(60_000), list[tuple[Instant, int]]()
    while len(rows) < 300:
        level, jump = random.choice(LEVELS), random.choice([5, 9, 10, 11, 30, 500, 5_000, 40_000])
        step = random.choice([1, 1, 15, 60, 600]) * MINUTE
        for count in range(random.choice([1, 2, 20, 60, 120])):
            at += step if random.random() < 0.95 else random.randrange(1, 3_000) * MINUTE
            base += random.choice([0, 1, 3, 7]) if level == "rising" else 0
            base -= random.choice([0, 1, 11]) if level == "falling" else 0
            shown = {
                "low": base - jump + count // 3,
                "high": base + jump + count // 3,
                "wobbling": base + random.randrange(-4, 5),
                "apart": base + random.choice([-1, 1]) * jump + random.randrange(-12, 4),
                "in turn": base if count % 2 else base - jump,
                "nothing": count % 3,
                "ten digits down": base - 10,
            }
            rows.append((at, shown.get(level, base)))
        if level in ("low", "high") and random.random() < 0.3:
            base = rows[-1][1]
    return rows


def limits(random: Random, changed: Instant) -> Limits:
    maximum = random.choice([None, Decimal("999.99"), Decimal("6050.0"), Decimal(999_999)])
    ratios = Timeline.of([(BEGINNING, Decimal(10)), (changed, random.choice([Decimal(10), Decimal("12.5")]))])
    rate = random.choice([None, Decimal(3), Decimal(40), Decimal(600), Decimal(20_000)])
    return Limits(Register(maximum), ratios, rate, random.random() < 0.2, random.random() < 0.1)


def told(accepted: Accepted) -> Iterator[object]:
    yield from (getattr(accepted, column).tolist() for column in COLUMNS)
    yield from (accepted.open_since, accepted.open_until, accepted.question)


@pytest.mark.parametrize("part", range(4))
def test_runs_are_judged_as_one_reading_after_the_other_is(part: int, counts: Callable[[int], int]) -> None:
    for seed in range(part, counts(8_000), 4):
        random = Random(seed)
        rows = life(random)
        by = limits(random, rows[len(rows) // 2][0])
        at, digits = zip(*rows, strict=True)
        quality = [random.choices(list(Quality), [30, 1, 1])[0] for _ in rows]
        series = Series(
            np.array(at, np.int64), np.array([float(one * by.register.digit) for one in digits]), np.array(quality)
        )
        ends = random.random() < 0.3, random.random() < 0.2
        together, singly = (list(told(judge(series, by, *ends, patience))) for patience in (2, NEVER))
        assert together == singly, seed

"""Registers drawn at random, with what they said around a month's first hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import NamedTuple

from meterbook.domain.instant import HOUR, MINUTE, SECOND, Instant
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.reading import Reading
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

WINDOW: Instant = 4 * HOUR
MOST = 6
"""Registers of a bank."""


class Drawn(NamedTuple):
    """A register; `plain` when none of its readings is more than two hours after the one before."""

    meter: Meter
    rows: list[Reading]
    plain: bool


def register(rng: Random, id_: str, kind: str, start: Instant) -> Drawn:
    """A register that is read every quarter hour (`dense`), now and then (`sparse`), from some time inside the window
    on (`late`), not to its end (`early`), or with a gap of more than two hours (`gap`); and whatever else happens to
    one: exchanges, other ratios, rollovers, falls of a signed one."""
    instants = _instants(rng, kind, start)
    mishap = rng.choice((None, None, "exchange", "ratio", "rollover", "signed")) if id_ != "m0" else None
    if mishap == "rollover" and len(instants) < 4:  # a rollover counts when the reading after it goes on from there
        mishap = None
    maximum = rng.choice((Decimal("9999.99"), Decimal("99999.9"), *([None] if mishap != "rollover" else [])))
    face = Register(maximum)
    ratios = [Decimal(1), Decimal(40)] + ([Decimal("2.5")] if face.digit > Decimal("0.001") else [])
    first = face.span - rng.randint(1, 100) if mishap == "rollover" and face.span else rng.randint(200_000, 500_000)
    rises = [rng.choice((0, rng.randint(200, 3_000))) if mishap != "rollover" else 300 for _ in instants]
    if mishap == "signed":
        rises = [rise * rng.choice((1, -1)) for rise in rises]
    meter = Meter(
        id_, "electricity", Text.same(id_), reads=id_, register=face, signed=mishap == "signed", period=15 * MINUTE,
        multiplier=Timeline.always(rng.choice(ratios)),
    )  # fmt: skip
    rows = list(_rows(id_, face, instants, first, rises))
    if mishap == "exchange":
        meter, rows = _exchanged(rng, meter, rows, start)
    if mishap == "ratio":
        change = start + rng.randrange(1, WINDOW // MINUTE) * MINUTE
        meter = replace(
            meter, multiplier=Timeline.of([(start - HOUR, rng.choice(ratios)), (change, rng.choice(ratios))])
        )
    if id_ == "m0":
        for point in ("q0", "q1"):
            rows += _rows(point, face, _instants(rng, kind, start), 100_000, [rng.randint(0, 3_000) for _ in instants])
    widest = max(high.at - low.at for low, high in pairwise(sorted(rows, key=lambda row: row.at)))
    return Drawn(meter, rows, kind != "gap" and (widest <= 2 * HOUR))


def _rows(id_: str, face: Register, instants: Sequence[Instant], first: int, rises: Sequence[int]) -> list[Reading]:
    found, digits = [], first
    for at, rise in zip(instants, rises, strict=True):
        shown = digits % face.span if face.span else digits
        found.append(Reading(id_, at, float(shown * face.digit)))
        digits += rise
    return found


def _instants(rng: Random, kind: str, start: Instant) -> list[Instant]:
    if kind == "dense":
        return [start + 15 * MINUTE * number for number in range(-1, WINDOW // (15 * MINUTE) + 2)]
    begin = start + (rng.randint(10, 150) * MINUTE if kind == "late" else -rng.randint(0, 60) * MINUTE)
    end = start + (rng.randint(60, 230) * MINUTE if kind == "early" else WINDOW + 30 * MINUTE)
    found = [begin]
    while found[-1] < end:
        found.append(found[-1] + rng.randint(300, 110 * 60) * SECOND)
    if kind == "gap":
        at = rng.randrange(1, len(found))
        found[at:] = [later + rng.randint(125, 180) * MINUTE for later in found[at:]]
    return sorted(set(found))


def _exchanged(rng: Random, meter: Meter, rows: list[Reading], start: Instant) -> tuple[Meter, list[Reading]]:
    """Another meter of the same kind from some second of the window on, whose register starts somewhere else."""
    at = start + rng.randrange(1, WINDOW // SECOND) * SECOND
    before, after = [row for row in rows if row.at < at], [row for row in rows if row.at >= at]
    digit, initial = meter.register.digit, Decimal(rng.randint(0, 90_000)) * meter.register.digit
    final = Decimal(str(before[-1].value if before else rows[0].value)) + rng.randint(0, 900) * digit
    gained = Decimal(str(after[0].value)) if after else Decimal(0)
    later = [row._replace(value=float(Decimal(str(row.value)) - gained + initial + digit)) for row in after]
    one = Installation(at, final, initial, meter.register)
    return replace(meter, installations=(one,)), [*before, *later]

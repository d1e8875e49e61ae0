"""Departments and allocations drawn at random, such as `check` lets pass: nothing is charged twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random

from meterbook.domain.allocation import Allocation, Split
from meterbook.domain.instant import DAY, Instant
from meterbook.domain.meter import Meter
from meterbook.domain.organisation import Department
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

NAMES = ("a", "b", "clinic", "unit", "wards", "zoo")
"""Some come before `unallocated`, some after it."""


def departments(rng: Random, start: Instant, inside: Sequence[Instant]) -> list[Department]:
    """A tree of departments whose heads and areas change."""
    found: list[Department] = []
    for name in rng.sample(NAMES, rng.randint(2, 5)):
        parent = rng.choice(found).id if found and rng.random() < 0.4 else None
        heads, area = (_timeline(rng, start, inside) for _ in range(2))
        found.append(Department(name, Text.same(name), parent, headcount=heads, area_m2=area))
    return found


def _timeline(rng: Random, start: Instant, inside: Sequence[Instant]) -> Timeline[Decimal] | None:
    if rng.random() < 0.2:
        return None
    changes = rng.sample(list(inside), rng.choice((0, 0, 0, 1, 2)))
    first = [start - DAY] if rng.random() < 0.9 or not changes else []
    return Timeline.of([(at, Decimal(rng.choice((0, rng.randint(1, 60))))) for at in (*first, *changes)])


def allocations(
    rng: Random, meters: Sequence[Meter], held: Sequence[Department], instants: Sequence[Instant]
) -> list[Allocation]:
    """Rules for leaves, for what sub-meters leave, or for a parent whole; some of them change, some begin late."""
    rules: list[Allocation] = []
    for meter in meters:
        if meter.physical and not meter.parent:
            for id_, losses in _given(rng, meter, meters):
                others = [one.id for one in meters if one.utility == meter.utility]
                rules += _dated(rng, id_, losses, held, rules, others, instants)
    return rules


def _given(rng: Random, meter: Meter, meters: Sequence[Meter]) -> Iterator[tuple[str, bool]]:
    """The meters below one that are given away, and the parents whose losses are."""
    below = [child for child in meters if child.parent == meter.id]
    if below and rng.random() < 0.6:
        yield meter.id, True
    if rng.random() < (0.15 if below else 0.9):
        yield meter.id, False
        return
    if any(one.id == f"rest-{meter.id}" for one in meters) and rng.random() < 0.8:
        yield f"rest-{meter.id}", False
    for child in below:
        yield from _given(rng, child, meters)


def _dated(
    rng: Random,
    meter: str,
    losses: bool,
    held: Sequence[Department],
    rules: Sequence[Allocation],
    others: Sequence[str],
    instants: Sequence[Instant],
) -> Iterator[Allocation]:
    before, *inside = instants
    starts = rng.choice(([before], [before], [before], [before, *rng.sample(inside, 1)], rng.sample(inside, 2)))
    owned = {rule.meter: rule.to for rule in rules if rule.to and not rule.losses and rule.meter in others}
    for start in starts:
        split = _split(rng, held, owned) if rng.random() < 0.65 else None
        yield Allocation(meter, start, None if split else rng.choice(held).id, split, losses)


def _split(rng: Random, held: Sequence[Department], owned: dict[str, str]) -> Split | None:
    """A split of any kind, None where its kind is not to be had."""
    kind = rng.choice(("shares", "headcount", "area_m2", "consumption", "consumption", "meters"))
    names = [one.id for one in held]
    if kind == "shares":
        chosen, left = rng.sample(names, rng.randint(1, len(names))), 1_000
        shares = {}
        for name in chosen:
            shares[name] = Decimal(part := rng.randint(0, left)) / 10
            left -= part
        return Split("shares", tuple(chosen), shares)
    if kind == "meters":
        named = rng.sample(sorted(owned), rng.randint(1, len(owned))) if owned else []
        return Split("consumption", meters={meter: owned[meter] for meter in named}) if named else None
    if kind != "consumption":
        names = [one.id for one in held if getattr(one, "headcount" if kind == "headcount" else "area_m2") is not None]
    return Split(kind, tuple(rng.sample(names, rng.randint(1, len(names))))) if names else None  # type: ignore[arg-type]

"""Step-down: whatever the stages and weights, nothing is lost and nobody gets a fen more than its part."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from meterbook.accounting.stepdown import passed_on
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import DAY
from meterbook.domain.organisation import Department
from meterbook.domain.stepdown import Kept, Stage, Transfer
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

FEN = Fraction(1, 100)
START, END = Calendar(ZoneInfo("America/New_York")).month("2026-11")  # a month of 30 days and an hour
NAMES = ("admin", "b", "clinic", "d", "e", "wards", "zoo")

Costs = dict[str, Decimal]


def drawn(rng: Random) -> tuple[list[Stage], Costs, dict[str, Department]]:
    """Some stages over departments whose heads change, with charges of either sign."""
    names = rng.sample(NAMES, rng.randint(2, len(NAMES)))
    left, stages = list(names), []
    while len(left) > 1 and rng.random() < 0.8:
        givers = [left.pop() for _ in range(rng.randint(1, min(2, len(left) - 1)))]
        among = rng.sample(left, rng.randint(1, len(left)))
        by = rng.choice(("headcount", "weights"))
        given = {one: Decimal(rng.choice((0, rng.randint(1, 999)))) / 10 for one in among} if by == "weights" else {}
        stages.append(Stage(tuple(givers), by, tuple(among), given))  # type: ignore[arg-type]
    charged = {one: Decimal(rng.choice((0, rng.randint(-5_000, 500_000)))) / 100 for one in names}
    held = {one: Department(one, Text.same(one), headcount=_heads(rng)) for one in names}
    return stages, charged, held


def _heads(rng: Random) -> Timeline[Decimal]:
    changes = rng.sample(range(1, 30), rng.choice((0, 0, 1, 2)))
    return Timeline.of((START + DAY * day, Decimal(rng.choice((0, rng.randint(1, 60))))) for day in (0, *changes))


def after(charged: Costs, transfers: list[Transfer]) -> Costs:
    found = dict(charged)
    for one in transfers:
        found[one.giver] -= one.amount
        found[one.receiver] += one.amount
    return found


def weight(stage: Stage, department: Department) -> Fraction:
    """A department's weight, its heads counted microsecond by microsecond of the month."""
    if stage.by == "weights":
        return Fraction(stage.given[department.id])
    held = department.headcount
    assert held is not None
    ends = [*held.starts[1:], END]
    spans = zip(held.starts, ends, held.values, strict=True)
    return sum((Fraction(value) * (end - start) for start, end, value in spans), Fraction()) / (END - START)


def test_nothing_is_lost_and_nobody_gets_a_fen_more_than_its_part(counts: Callable[[int], int]) -> None:
    for seed in range(counts(20_000)):
        stages, charged, held = drawn(Random(seed))
        transfers, kept = passed_on(stages, charged, held, START, END)
        costs = dict(charged)
        for number, stage in enumerate(stages, start=1):
            weights = {one: weight(stage, held[one]) for one in stage.among}
            whole = sum(weights.values(), Fraction())
            for giver in stage.departments:
                own = [one for one in transfers if (one.stage, one.giver) == (number, giver)]
                if not whole:
                    assert not own
                    assert (Kept(number, giver, costs[giver]) in kept) == bool(costs[giver])
                    continue
                assert sum(one.amount for one in own) == costs[giver], seed
                for one in own:
                    assert (one.weight, one.whole) == (weights[one.receiver], whole)
                    assert abs(Fraction(one.amount) - Fraction(costs[giver]) * one.weight / whole) < FEN
                costs = after(costs, own)
        assert costs == after(charged, transfers)
        assert sum(costs.values()) == sum(charged.values())
        mixed = [Stage(one.departments[::-1], one.by, one.among[::-1], one.given) for one in stages]
        again, _ = passed_on(mixed, charged, held, START, END)
        assert sorted(again, key=repr) == sorted(transfers, key=repr)


def test_the_fen_that_is_left_goes_to_the_largest_fraction_then_to_the_smaller_id() -> None:
    stage = Stage(("x",), "weights", ("c", "b", "a"), {"a": Decimal(1), "b": Decimal(1), "c": Decimal(2)})
    transfers, _ = passed_on([stage], {"x": Decimal("0.05")}, {}, START, END)
    # 0.0125, 0.0125 and 0.025: one, one and two fen, and the fifth to the largest fraction, c's
    assert {one.receiver: one.amount for one in transfers} == {
        "a": Decimal("0.01"), "b": Decimal("0.01"), "c": Decimal("0.03"),
    }  # fmt: skip
    transfers, _ = passed_on([stage], {"x": Decimal("-0.03")}, {}, START, END)
    # 0.0075, 0.0075 and 0.015: nothing, nothing and one, and two fen for a and b, whose fractions are larger
    assert {one.receiver: one.amount for one in transfers} == {name: Decimal("-0.01") for name in "abc"}


def test_what_nobody_weighs_stays_and_is_named() -> None:
    gone = Department("a", Text.same("a"), headcount=Timeline.of([(END, Decimal(5))]))
    stage = Stage(("x", "y"), "headcount", ("a", "nobody"))
    transfers, kept = passed_on([stage], {"x": Decimal("7.00"), "y": Decimal(0)}, {"a": gone}, START, END)
    assert (transfers, kept) == ([], [Kept(1, "x", Decimal("7.00"))])

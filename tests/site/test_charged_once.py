"""A site that `check` lets pass charges every kilowatt-hour exactly once; one that would charge it twice is refused.

What a site means is worked out here anew, from the remainders of its meters: the consumption that a meter counts and
none of its sub-meters does. A meter counts a remainder if it stands above it; a formula counts what its sum says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

from meterbook.accounting.ledger import Ledger
from meterbook.domain.instant import parse
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.statement import Balance
from meterbook.readings.memory import MemoryStore
from meterbook.site.load import Loaded, load
from meterbook.site.problem import errors

DAYS = ("2026-10-01", "2026-10-11", "2026-10-21", "2026-11-01")
NOW = parse("2026-11-02T00:00:00Z")
HEAD = """site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}
departments: [{id: a, name: A}, {id: b, name: B}]
"""
NEVER = "given to nobody, and unallocated"
IDLE = "or no such formula"


@dataclass(frozen=True)
class Rule:
    """From the day of `stretch` on, a meter or its losses belongs to `to`, or to both departments by halves."""

    meter: str
    losses: bool
    stretch: int
    to: str | None

    @property
    def written(self) -> str:
        whom = f"to: {self.to}" if self.to else "split: {by: shares, among: {a: 50, b: 50}}"
        losses = ", losses: true" if self.losses else ""
        return f"  - {{meter: {self.meter}, from: {DAYS[self.stretch]}{losses}, {whom}}}\n"


@dataclass
class Plan:
    """Meters with their parents, formulas as sums, rules; `used` is each remainder in each stretch between DAYS."""

    parents: dict[str, str | None] = field(default_factory=dict)
    formulas: dict[str, dict[str, Fraction]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    used: dict[str, list[int]] = field(default_factory=dict)

    def children(self, meter: str) -> list[str]:
        return [child for child, parent in self.parents.items() if parent == meter]

    def counts(self, meter: str, part: str) -> Fraction:
        """By which factor a meter counts a remainder."""
        if meter in self.formulas:
            return sum((factor * self.counts(one, part) for one, factor in self.formulas[meter].items()), Fraction())
        at: str | None = part
        while at is not None and at != meter:
            at = self.parents[at]
        return Fraction(at is not None)

    def is_rest_of(self, formula: str, part: str) -> bool:
        return bool(self.children(part)) and all(self.counts(formula, one) == (one == part) for one in self.parents)

    @property
    def given(self) -> set[str]:
        return {rule.meter for rule in self.rules if not rule.losses}

    @property
    def wrong(self) -> bool:
        """Whether a remainder could be charged twice, or something that is no consumption of its own."""
        for rule in self.rules:
            if rule.losses and (not self.children(rule.meter) or self.above(rule.meter) & self.given):
                return True
            if rule.meter in self.formulas and not any(self.is_rest_of(rule.meter, one) for one in self.parents):
                return True
        starts = [(rule.meter, rule.losses, rule.stretch) for rule in self.rules]
        twice = any(sum(self.counts(meter, part) for meter in self.given) > 1 for part in self.parents)
        return twice or len(set(starts)) < len(starts)

    def above(self, meter: str) -> set[str]:
        return {other for other in self.parents if other != meter and self.counts(other, meter)}

    def holder(self, part: str, stretch: int) -> Rule | None:
        """The rule that gives away a remainder: of the meter or one above it, of its formula, of its losses [11]."""
        begun = [rule for rule in self.rules if rule.stretch <= stretch]
        whole = [rule for rule in begun if not rule.losses and rule.meter in {part, *self.above(part)}]
        rests = [formula for formula in self.formulas if self.is_rest_of(formula, part)]
        if not whole and rests:
            whole = [rule for rule in begun if rule.meter in rests]
        elif not whole:
            whole = [rule for rule in begun if rule.losses and rule.meter == part]
        return max(whole, key=lambda one: one.stretch, default=None)

    def carried(self) -> dict[str | None, Fraction]:
        """What everybody carries; None for what nobody does."""
        found: dict[str | None, Fraction] = {}
        for part, stretches in self.used.items():
            for stretch, used in enumerate(stretches):
                rule = self.holder(part, stretch)
                parties = [None] if rule is None else [rule.to] if rule.to else ["a", "b"]
                for party in parties:
                    found[party] = found.get(party, Fraction()) + Fraction(used, len(parties))
        return {party: part for party, part in found.items() if part}

    @property
    def lost(self) -> Fraction:
        """What parents with a rule for their losses counted more than their sub-meters, since it holds [16]."""
        first: dict[str, int] = {}
        for rule in self.rules:
            if rule.losses:
                first[rule.meter] = min(rule.stretch, first.get(rule.meter, rule.stretch))
        return Fraction(sum(sum(self.used[meter][stretch:]) for meter, stretch in first.items()))

    def readings(self) -> Iterator[Reading]:
        for meter in self.parents:
            register = 0
            for stretch, day in enumerate(DAYS):
                yield Reading(meter, parse(f"{day}T00:00:00+08:00"), float(register))
                if stretch < len(DAYS) - 1:
                    register += sum(used[stretch] for part, used in self.used.items() if self.counts(meter, part))

    def written(self, folder: Path) -> Path:
        meters = [
            f"  - {{id: {id}, utility: electricity, entry: manual{f', parent: {parent}' if parent else ''}}}\n"
            for id, parent in self.parents.items()
        ]
        for id, terms in self.formulas.items():
            text = " + ".join(f"{factor} * {one}" for one, factor in terms.items() if factor > 0)
            text += "".join(f" - {-factor} * {one}" for one, factor in terms.items() if factor < 0)
            meters.append(f'  - {{id: {id}, utility: electricity, formula: "{text}"}}\n')
        (folder / "site.yaml").write_text(HEAD)
        (folder / "meters.yaml").write_text("meters:\n" + "".join(meters))
        (folder / "allocations.yaml").write_text("allocations:\n" + "".join(rule.written for rule in self.rules))
        return folder


def drawn(rng: Random) -> Plan:
    """A site somebody might write, rightly or wrongly."""
    plan = Plan()
    for number in range(rng.randint(1, 6)):
        plan.parents[f"m{number}"] = rng.choice(sorted(plan.parents)) if number and rng.random() < 0.85 else None
    for number in range(rng.randint(0, 3)):
        plan.formulas[f"f{number}"] = _terms(rng, plan)
    names = [*plan.parents, *plan.formulas]
    for meter in rng.sample(names, rng.randint(1, len(names))):
        for stretch in sorted(rng.choices((0, 0, 1, 2), k=rng.choice((1, 1, 1, 2)))):
            losses = meter in plan.parents and rng.random() < (0.5 if plan.children(meter) else 0.05)
            plan.rules.append(Rule(meter, losses, stretch, rng.choice(("a", "b", None))))
    plan.used = {part: [2 * rng.randint(0, 500) for _ in DAYS[1:]] for part in plan.parents}
    return plan


def _terms(rng: Random, plan: Plan) -> dict[str, Fraction]:
    """What sub-meters leave of a meter, the same by way of another formula, or a sum of any meters."""
    parents = [one for one in plan.parents if plan.children(one)]
    if parents and rng.random() < 0.7:
        parent = rng.choice(parents)
        return {parent: Fraction(1), **{child: Fraction(-1) for child in plan.children(parent)}}
    if plan.formulas and rng.random() < 0.5:
        return {rng.choice(sorted(plan.formulas)): Fraction(1)}
    names = sorted(plan.parents)
    chosen = rng.sample(names, rng.randint(1, len(names)))
    return {chosen[0]: Fraction(rng.choice((1, 1, 2))), **{one: Fraction(rng.choice((1, -1))) for one in chosen[1:]}}


def balance_of(plan: Plan, site: Site) -> Balance:
    store = MemoryStore()
    store.append(list(plan.readings()), NOW)
    (found,) = Ledger(site, store).balances("2026-10", NOW)
    return found


def is_charged_once(plan: Plan, site: Site) -> None:
    """Check the accounts against what the site means."""
    found = balance_of(plan, site)
    carried: dict[str | None, Decimal] = {None: found.unallocated}
    for party, part in (*found.allocated.items(), *found.losses_shared.items()):
        carried[party] = carried.get(party, Decimal(0)) + part
    assert {party: Fraction(part) for party, part in carried.items() if part} == plan.carried()
    assert found.supplied == sum(sum(used) for used in plan.used.values()) == sum(carried.values())
    assert found.losses == plan.lost


def warns_of_never(plan: Plan, found: Loaded) -> None:
    """Check that there is a warning where, and only where, somebody's consumption is never given away."""
    last = len(DAYS) - 2
    never = [part for part in plan.parents if plan.holder(part, last) is None]
    told = [one for one in found.problems if NEVER in one.message or (one.expected or "").endswith(IDLE)]
    assert bool(told) == bool(never), (plan, found.problems)
    first = min(rule.stretch for rule in plan.rules)
    late = [part for part in plan.parents if part not in never and plan.holder(part, first) is None]
    assert any("to nobody before" in one.message for one in found.problems) == bool(late), (plan, found.problems)


def test_every_kilowatt_hour_is_charged_exactly_once(counts: Callable[[int], int], tmp_path: Path) -> None:
    """What passes is charged once, and what is refused would not be: both by remainders, as it is meant."""
    passed = refused = 0
    for seed in range(counts(3_000)):
        plan = drawn(Random(seed))
        found = load(plan.written(tmp_path))
        assert bool(errors(found.problems)) == plan.wrong, (seed, plan, found.problems)
        if found.site is None:
            refused += 1
            continue
        passed += 1
        is_charged_once(plan, found.site)
        warns_of_never(plan, found)
    assert passed > 0 < refused

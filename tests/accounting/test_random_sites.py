"""What holds for the accounts of any site: 100,000 drawn at random in `make prove`, of which `make test` takes 1,000
and writes every fourth down in another order.

Sums are exact, no part is a fen away from its exact share, the order in which things are written down is irrelevant,
and the lines are those of a second, slow computation with fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import NamedTuple, TypeVar

import pytest
from accounting.drawn.sites import CLOCKS, Bank, Case, Clock, case, shuffled
from accounting.keeping import kept
from accounting.reference.charges import ENERGY, Entry, Key, lines
from accounting.reference.registers import NOBODY

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.upkeep import Kept
from meterbook.domain.money import round_half_up
from meterbook.domain.site import Site
from meterbook.domain.statement import Balance, Line, Statement
from meterbook.domain.tariff import Tariff
from meterbook.readings.memory import MemoryStore

FULL = 100_000
PARTS = 2
OF_A_BANK = 25
FEN = Fraction(1, 100)
T = TypeVar("T", Fraction, int)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("clock", CLOCKS)
def test_random_sites(clock: str, part: int, counts: Callable[[int], int]) -> None:
    for number in range(counts(FULL // PARTS // len(CLOCKS)) // OF_A_BANK):
        seed = f"{clock} {part} {number}"
        for index, site in enumerate(sites(CLOCKS[clock], seed)):
            try:
                check(*site)
                if counts(4) == 4 or index % 4 == 0:
                    check_order(*site, Random(f"{seed} {index}"))
            except AssertionError as error:
                error.add_note(f"site {index} of the bank {seed!r}")
                raise


def sites(clock: Clock, seed: str) -> Iterator[tuple[Case, MemoryStore, Kept | None]]:
    """Sites over the registers of one bank, whose intervals are kept unless a site cuts them elsewhere."""
    rng, store = Random(seed), MemoryStore()
    bank = Bank.of(clock, rng)
    store.append(bank.rows, clock.start)
    with kept() as intervals:
        for _ in range(OF_A_BANK):
            drawn = case(bank, rng)
            yield drawn, store, intervals if drawn.on_grid else None


def check(drawn: Case, store: MemoryStore, intervals: Kept | None) -> None:
    """What holds for the statements of one site."""
    site, month, now = drawn.site, drawn.month, drawn.now
    found = Ledger(site, store, None, intervals).statements(month, now)
    check_totals(site, found)
    for component in components(found):
        tariff = next(one for one in site.tariffs if one.id == component.tariff)
        check_charge(tariff, component)
        if component.kind != "energy" or tariff.apply == "site":
            check_parties(component)
        check_lines(component)
    if drawn.plain:
        told, again = entries(found), lines(site, drawn.rows, site.calendar.month(month)[0], now)
        assert {
            key: (told.get(key), again.get(key)) for key in {*told, *again} if told.get(key) != again.get(key)
        } == {}


def check_order(drawn: Case, store: MemoryStore, intervals: Kept | None, rng: Random) -> None:
    """The same site gives the same statements with the same hashes in whatever order; its balance fits them."""
    ledgers = [Ledger(site, store, None, intervals) for site in (drawn.site, shuffled(drawn.site, rng))]
    found, again = (ledger.statements(drawn.month, drawn.now) for ledger in ledgers)
    assert again == found
    check_balances(found, ledgers[0].balances(drawn.month, drawn.now))


def test_readings_may_come_in_any_order(counts: Callable[[int], int]) -> None:
    """Stored in another order, and without anything kept, they give the same statements to the last digit."""
    for number in range(counts(2_000)):
        rng = Random(f"order {number}")
        bank = Bank.of(rng.choice(list(CLOCKS.values())), rng)
        drawn, found = case(bank, rng), []
        for rows in (drawn.rows, rng.sample(drawn.rows, len(drawn.rows))):
            store = MemoryStore()
            store.append(rows, bank.clock.start)
            found.append(Ledger(drawn.site, store).statements(drawn.month, drawn.now))
        assert found[0] == found[1], number


def check_balances(found: Sequence[Statement], balances: Sequence[Balance]) -> None:
    """Departments + losses + unallocated = supplied, in every utility, and all of it stands on the statements."""
    for balance in balances:
        own = [
            (one.department, line)
            for one in found
            for line in one.lines
            if line.kind in ENERGY and line.utility == balance.utility
        ]
        assert balance.difference == 0
        assert added(line.quantity for _, line in own) == balance.supplied
        for kinds, parts in (({"loss"}, balance.losses_shared), ({"direct", "shared"}, balance.allocated)):
            carried: dict[str, Decimal] = {}
            for party, line in own:
                if line.kind in kinds and party != NOBODY:
                    carried[party] = carried.get(party, Decimal(0)) + (line.quantity or 0)
            assert carried == {party: part for party, part in parts.items() if part or party in carried}
        assert added(line.quantity for party, line in own if party == NOBODY) == balance.unallocated


def check_totals(site: Site, found: Sequence[Statement]) -> None:
    """A total is that of its lines, each with an id, and that of a department's tree is the sum of its departments."""
    ids = [line.id for one in found for line in one.lines]
    assert len(set(ids)) == len(ids)
    totals = {one.department: one.total for one in found}
    for one in found:
        charges = [line.charge for line in one.lines]
        assert one.total == one.payable == (None if None in charges else added(charges))
        below = site.departments_below(one.department) if one.department != NOBODY else {NOBODY}
        parts = [totals.get(other, Decimal(0)) for other in below]
        assert one.subtree_total == (None if None in parts else added(parts))


def added(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


class Component(NamedTuple):
    """A sum of the site: what each party pays of it, and the quantities that it is divided by."""

    utility: str
    tariff: str
    kind: str
    band: str | None
    lines: Mapping[str, Sequence[Line]]
    quantities: Mapping[str, Fraction]

    @property
    def charge(self) -> Decimal:
        """In fen."""
        return added(line.charge for own in self.lines.values() for line in own)


def components(found: Sequence[Statement]) -> Iterator[Component]:
    """The sums that make up a month: a band, a surcharge, a fixed charge of a version; demand, power factor."""
    groups: dict[tuple[str, str, str, str | None], dict[str, list[Line]]] = {}
    for one in found:
        for line in one.lines:
            if line.tariff is not None:
                kind = "energy" if line.kind in ENERGY else line.kind
                key = (line.utility, line.tariff, kind, line.band)
                groups.setdefault(key, {}).setdefault(one.department, []).append(line)
    for (utility, tariff, kind, band), own in groups.items():
        quantities: dict[str, Fraction] = {}
        for one in found:
            for line in one.lines:
                of_version = kind in ("demand", "power_factor") or line.tariff == tariff
                of_band = kind != "energy" or line.band == band
                if line.utility == utility and line.kind in ENERGY and of_version and of_band:
                    quantity = Fraction(line.quantity or 0)
                    quantities[one.department] = quantities.get(one.department, Fraction()) + quantity
        yield Component(utility, tariff, kind, band, own, quantities)


def check_charge(tariff: Tariff, one: Component) -> None:
    """What the site pays for a band or a surcharge is its price times the quantity of all, rounded once."""
    price = next((extra.per_unit for extra in tariff.surcharges if extra.id == one.band), None)
    if one.kind == "energy":
        price = tariff.bands[one.band] if one.band else tariff.price
    if price is not None:
        assert one.charge == round_half_up(Fraction(price) * sum(one.quantities.values(), Fraction()))


def check_parties(one: Component) -> None:
    """Less than a fen between what a party pays and its exact part; all is nobody's where there is no quantity."""
    whole = sum(one.quantities.values(), Fraction())
    paid = {party: Fraction(added(line.charge for line in own)) for party, own in one.lines.items()}
    for party in {*paid, *one.quantities}:
        weight = one.quantities.get(party, Fraction()) / whole if whole > 0 else Fraction(party == NOBODY)
        assert abs(paid.get(party, Fraction()) - Fraction(one.charge) * weight) < FEN


def check_lines(one: Component) -> None:
    """Less than a fen between a line and its exact part of what its party pays."""
    for party, own in one.lines.items() if one.kind == "energy" else ():
        paid, whole = Fraction(added(line.charge for line in own)), one.quantities[party]
        for line in own if whole else ():
            assert abs(Fraction(line.charge or 0) - paid * Fraction(line.quantity or 0) / whole) < FEN


def entries(found: Sequence[Statement]) -> dict[Key, Entry]:
    """The lines as the second computation tells them."""
    told: dict[Key, Entry] = {}

    def tell(key: Key, quantity: Decimal | None, charge: Decimal | None) -> None:
        before = told.get(key, Entry(None, None))
        fen = None if charge is None else int(charge * 100)
        told[key] = Entry(_and(before.quantity, Fraction(quantity) if quantity else None), _and(before.fen, fen))

    for one in found:
        party, nobody = one.department, one.department == NOBODY
        for line in one.lines:
            start = line.start if line.meter and not nobody else None
            key = Key(party, line.utility, line.kind, line.meter, line.tariff, line.band, start)
            if nobody and line.kind in ENERGY:
                tell(key, line.quantity, None)
                key = key._replace(kind="energy", meter=None)
                tell(key, None, line.charge)
            else:
                tell(key, line.quantity, line.charge)
    found = {key: entry._replace(quantity=entry.quantity or None) for key, entry in told.items()}
    return {key: entry for key, entry in found.items() if entry.quantity or entry.fen}


def _and(before: T | None, more: T | None) -> T | None:
    return before + more if before is not None and more is not None else more if before is None else before

"""Emissions: with the losses, cut where a factor changes, part of the hash, and nothing where nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

from accounting.drawn.sites import CLOCKS, Bank, case

from meterbook.accounting.ledger import Ledger
from meterbook.domain.closing import Terms
from meterbook.domain.emission import Emission, EmissionFactor
from meterbook.domain.fingerprint import fingerprint, scheme_of
from meterbook.domain.instant import DAY, MINUTE, Instant, parse
from meterbook.domain.site import Site
from meterbook.domain.statement import Statement
from meterbook.readings.memory import MemoryStore
from meterbook.site.load import load

SITE = Path(__file__).parents[1] / "cases/accounting/emission-factors-change-in-mid-month/site"
NOW = parse("2026-12-02T00:00:00Z")
NOTHING = Decimal(0)


def supply(ledger: Ledger, start: Instant, end: Instant) -> Decimal:
    """What the meters without parent and formula counted."""
    site = ledger.site
    roots = [one for one in site.meters.values() if one.utility == "electricity" and one.physical and not one.parent]
    found = [ledger.consumption(one.id, start, end, "month")[0].value for one in roots] if end > start else []
    return sum((value or NOTHING for value in found), NOTHING)


def test_together_they_are_what_was_supplied_by_each_factor(counts: Callable[[int], int]) -> None:
    rng = Random(7)
    bank = Bank.of(CLOCKS["year-begins"], rng)
    store = MemoryStore()
    store.append(bank.rows, bank.clock.start + 40 * DAY)
    for _ in range(counts(1_500)):
        drawn = case(bank, rng)
        first, second = (Decimal(rng.randint(1, 99_999)) / 10_000 for _ in range(2))
        change = bank.clock.start + rng.randint(1, 300) * MINUTE
        factors = (
            EmissionFactor("electricity", bank.clock.start - DAY, first, None),
            EmissionFactor("electricity", change, second, Decimal(1)),
        )
        ledger = Ledger(replace(drawn.site, emission_factors=factors), store)
        found = [one for told in ledger.statements(drawn.month, drawn.now) for one in told.emissions]
        assert {one.utility for one in found} <= {"electricity"}
        balance = next(one for one in ledger.balances(drawn.month, drawn.now) if one.utility == "electricity")
        assert sum(one.quantity for one in found) == balance.supplied
        until = min(change, balance.end)
        wanted = supply(ledger, balance.start, until) * first + supply(ledger, until, balance.end) * second
        # each piece is cut to 0.001 kWh where the factor changes
        slack = Decimal("0.001") * 100 * abs(first - second)
        assert abs(sum((one.kgco2e or NOTHING for one in found), NOTHING) - wanted) <= slack


def site_of_case() -> Site:
    found = load(SITE).site
    assert found is not None
    return found


def statement_of(*emissions: Emission) -> Statement:
    plain = Ledger(site_of_case(), MemoryStore()).statement("2026-10", "a", NOW)
    draft = replace(plain, emissions=emissions)
    return replace(draft, hash=fingerprint(draft))


def test_a_hash_covers_emissions_and_is_what_it_was_without_them() -> None:
    # as it was before statements knew of emissions: what was closed then keeps its hash
    assert statement_of().hash == "4c542acfbd7b994adefba5535269db710d648a361abd81db7b029a3b400f1570"
    told = statement_of(Emission("electricity", Decimal("90.000"), "kWh", Decimal("36.0"), None))
    assert told.hash != statement_of().hash
    assert scheme_of(told) == 2
    for changed in ((), (replace(told.emissions[0], kgco2e=Decimal("35.0")),)):
        assert scheme_of(replace(told, emissions=changed)) is None
    assert scheme_of(replace(statement_of(), emissions=told.emissions)) is None


def test_terms_hold_the_factors_and_what_was_closed_before_has_none() -> None:
    site = site_of_case()
    terms = Terms.of(site, "2026-10")
    assert terms.site(replace(site, emission_factors=())).emission_factors == site.emission_factors
    assert replace(terms, emission_factors=()).site(site).emission_factors == ()

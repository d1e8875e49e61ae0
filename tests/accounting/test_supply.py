"""Demand and power factor, against the tables as the regulation prints them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from accounting.printed import STANDARDS, table

from meterbook.accounting.supply import adjustment, cos_phi, demand_charge, peak
from meterbook.domain.instant import MINUTE
from meterbook.domain.interval import Consumption, Shares
from meterbook.domain.tariff import Demand, PowerFactor
from meterbook.site.config import config_dir
from meterbook.site.files import Files
from meterbook.site.tables import power_factor_tables

TABLES, PROBLEMS = power_factor_tables(config_dir(), Files())


@pytest.mark.parametrize("standard", STANDARDS)
def test_every_hundredth_of_every_table(standard: str) -> None:
    assert not PROBLEMS
    ours = PowerFactor("M", Decimal(standard), TABLES[Decimal(standard)])
    told = {hundredth: adjustment(ours, Decimal(hundredth) / 100) for hundredth in range(101)}
    assert told == table(standard)


@pytest.mark.parametrize(
    ("active", "reactive", "cos"),
    [("100", "0", "1.00"), ("100", "100", "0.71"), ("3", "4", "0.60"), ("0", "5", None), ("0.0001", "100", "0.00")],
)
def test_cos_phi_is_rounded_half_up(active: str, reactive: str, cos: str | None) -> None:
    assert cos_phi(Decimal(active), Decimal(reactive)) == (None if cos is None else Decimal(cos))


def windows(*used: tuple[str | None, str]) -> list[Consumption]:
    """Quarter hours of (kWh, measured share)."""
    length = 15 * MINUTE
    return [
        Consumption(
            index * length,
            (index + 1) * length,
            None if value is None else Decimal(value),
            Shares(Decimal(measured), 1 - Decimal(measured), Decimal(0)),
        )
        for index, (value, measured) in enumerate(used)
    ]


def test_only_a_wholly_measured_window_counts_and_the_earliest_of_equals() -> None:
    found = peak(windows(("10", "1"), ("12.5", "1"), (None, "0"), ("12.5", "1"), ("13", "0.5")))
    assert found is not None
    assert (found.kw, found.start, found.larger_estimate) == (50, 15 * MINUTE, 60 * MINUTE)
    assert peak(windows(("13", "0.5"), (None, "0"))) is None


@pytest.mark.parametrize(
    ("kw", "approved", "excess_from", "charge"),
    [
        ("1500", "1600", "1", "57600.00"),  # 38.40 x 1500
        ("1700", "1600", "1", "69120.00"),  # 38.40 x (1600 + 2 x 100)
        ("1700", "1600", "1.05", "66048.00"),  # the limit is 1680: 38.40 x (1680 + 2 x 20)
        ("1700", None, "1", "65280.00"),
    ],
)
def test_demand_above_the_approved_value_is_charged_double(
    kw: str, approved: str | None, excess_from: str, charge: str
) -> None:
    limit = None if approved is None else Decimal(approved)
    demand = Demand("M", 15 * MINUTE, Decimal("38.40"), limit, Decimal(2), Decimal(excess_from))
    assert demand_charge(demand, Fraction(kw)) == Decimal(charge)

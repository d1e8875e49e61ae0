"""Demand and power factor, against the tables as the regulation prints them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from meterbook.accounting.supply import adjustment, cos_phi, demand_charge, peak
from meterbook.domain.instant import MINUTE
from meterbook.domain.interval import Consumption, Shares
from meterbook.domain.tariff import Demand, PowerFactor
from meterbook.site.config import config_dir
from meterbook.site.files import Files
from meterbook.site.tables import power_factor_tables

TABLES, PROBLEMS = power_factor_tables(config_dir(), Files())

# (83) 水电财字第215号 in words: for each standard the ends of the straight parts, as (cos phi, per cent).
PRINTED = {
    "0.90": "1.00 -0.75, 0.95 -0.75, 0.90 0, 0.70 10, 0.65 15, 0.00 145",
    "0.85": "1.00 -1.10, 0.94 -1.10, 0.90 -0.5, 0.85 0, 0.65 10, 0.60 15, 0.00 135",
    "0.80": "1.00 -1.30, 0.92 -1.30, 0.90 -1.0, 0.80 0, 0.60 10, 0.55 15, 0.00 125",
}


def printed(standard: str, cos: Decimal) -> Fraction:
    """The per cent on the straight line between the printed ends."""
    ends = [tuple(map(Fraction, end.split())) for end in PRINTED[standard].split(", ")]
    for (high, at_high), (low, at_low) in pairwise(ends):
        if low <= Fraction(cos) <= high:
            return at_low + (at_high - at_low) * (Fraction(cos) - low) / (high - low)
    raise AssertionError(cos)


@pytest.mark.parametrize("standard", sorted(PRINTED))
def test_every_hundredth_of_every_table(standard: str) -> None:
    assert not PROBLEMS
    table = PowerFactor("M", Decimal(standard), TABLES[Decimal(standard)])
    for hundredth in range(101):
        cos = Decimal(hundredth) / 100
        assert Fraction(adjustment(table, cos)) == printed(standard, cos), cos


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

"""The limit of imbalance from accuracy classes; folders of tests/cases/accounting hold more."""

from __future__ import annotations

from decimal import Decimal

from peers.small import small_site

from meterbook.accounting.imbalance import imbalances
from meterbook.domain.interval import Consumption, Shares
from meterbook.domain.meter import Meter
from meterbook.domain.text import Text


def used(value: str) -> Consumption:
    return Consumption(0, 1, Decimal(value), Shares.all_measured())


def meter(id_: str, parent: str | None, accuracy: str) -> Meter:
    return Meter(id_, "electricity", Text.same(id_), reads=id_, manual=True, parent=parent, accuracy=Decimal(accuracy))


def test_class_1_behind_transformers_of_class_half_and_ten_equal_children() -> None:
    """sqrt(1^2 + 0.5^2) = 1.118 % each; 1.118 % x sqrt(1 + 10 x 0.1^2) = 1.17 % of the parent."""
    children = [meter(f"C{index}", "P", "1.118034") for index in range(10)]
    site = small_site([], meter("P", None, "1.118034"), *children)
    (found,) = imbalances(site, {"P": used("1000"), **{child.id: used("100") for child in children}})
    assert (found.difference, found.limit, found.explained) == (Decimal(0), Decimal("11.726"), True)


def test_a_parent_that_used_nothing_leaves_no_room() -> None:
    site = small_site([], meter("P", None, "1"), meter("C", "P", "1"))
    (found,) = imbalances(site, {"P": used("0"), "C": used("0")})
    assert (found.difference, found.limit, found.explained) == (Decimal(0), Decimal(0), True)


def test_a_child_that_counts_too_much_is_as_far_away_as_one_that_counts_too_little() -> None:
    site = small_site([], meter("P", None, "1"), meter("C", "P", "1"))
    for child in ("98", "102"):
        (found,) = imbalances(site, {"P": used("100"), "C": used(child)})
        assert found.explained is False, child
    (found,) = imbalances(site, {"P": used("100"), "C": used("101")})
    assert found.explained is True

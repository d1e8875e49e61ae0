"""CSV: exact decimals, harmless texts, and a ledger that adds up to the site's charge to the fen."""

from __future__ import annotations

import csv as reader
import io
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import get_args

import pytest
from reports.ledgers import RADIOLOGY, charge, issue, line, month, site, statement

from meterbook.domain.organisation import Department
from meterbook.domain.statement import LineKind, Statement
from meterbook.domain.text import Text
from meterbook.reports import csv

ACCOUNTS = {"electricity": "5001.21", "electricity.quota_excess": "5001.29"}


def rows(text: str) -> list[dict[str, str]]:
    return list(reader.DictReader(io.StringIO(text, newline="")))


def test_every_line_is_a_row_with_its_account() -> None:
    found = rows(csv.statements(issue(*month()), ACCOUNTS))
    assert len(found) == sum(len(one.lines) for one in month())
    first = found[0]
    assert (first["cost_centre"], first["account"], first["charge"]) == ("4103", "5001.21", "11935.70")
    assert (first["quantity"], first["measured"], first["from"]) == ("10412.37", "0.9", "2026-10-01T00:00:00+08:00")


def test_the_ledger_has_cost_centre_account_and_amount() -> None:
    found = rows(csv.ledger(issue(*month()), ACCOUNTS))
    told = [(row["cost_centre"], row["account"], row["amount"], row["department"], row["kind"]) for row in found]
    assert told == [
        ("4103", "5001.21", "11935.70", "radiology", "direct"),
        ("4103", "5001.21", "-250.87", "radiology", "power_factor"),
        ("4103", "5001.29", "120.00", "radiology", "quota_excess"),
        ("4103", "water.direct", "103.75", "radiology", "direct"),
        ("4103", "water.surcharge", "51.12", "radiology", "surcharge"),
        ("", "5001.21", "0.01", "unallocated", "direct"),
        ("4200", "5001.21", "9.99", "wards", "direct"),
        ("4200", "5001.21", "-30.00", "wards", "quota_reward"),
        ("", "5001.29", "-120.00", "", "quota_excess"),
        ("", "5001.21", "30.00", "", "quota_reward"),
    ]
    assert {row["currency"] for row in found} == {"CNY"}
    assert found[0]["text"] == "Radiology 2026-10 Electricity Direct"
    assert found[-1]["text"] == "Demo Hospital 2026-10 Electricity Saving reward"


def test_its_headings_and_words_are_chinese_too() -> None:
    text = csv.ledger(issue(*month(), language="zh"), {})
    assert text.startswith("成本中心,科目,金额,币种,月份,部门,能源,类别,摘要\r\n")
    assert "放射科 2026-10 水 附加费" in text
    assert csv.statements(issue(language="zh"), {}).startswith("成本中心,部门,月份,能源,")


def test_one_departments_ledger_is_what_it_has_to_pay() -> None:
    whole = month()
    for one in whole:
        own = rows(csv.ledger(issue(one, complete=False), {}))
        assert sum(Decimal(row["amount"]) for row in own) == one.payable
        assert {row["department"] for row in own} == {one.department}


def test_what_has_no_price_is_empty_and_zero_is_left_out() -> None:
    one = statement("wards", line(None), line("5.00"), line("2.00", "loss"), line("-2.00", "loss"))
    (row,) = rows(csv.ledger(issue(one), {}))
    assert (row["kind"], row["amount"]) == ("direct", "")


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_text_becomes_a_formula(lead: str) -> None:
    live = f"{lead}cmd|' /C calc'!A0"
    department = Department("wards", Text.same(live), cost_centre=live)
    made = issue(statement("wards", line("1.00", meter=live, tariff=live, band=live)), of=site(department))
    (row,) = rows(csv.statements(made, {"electricity": live}))
    assert {row[name] for name in ("cost_centre", "meter", "tariff", "band", "account")} == {f"'{live}"}
    (posted,) = rows(csv.ledger(made, {"electricity": live}))
    assert {posted[name] for name in ("cost_centre", "account", "text")} == {
        f"'{live}",
        f"'{live} 2026-10 Electricity Direct",
    }
    assert posted["amount"] == "1.00"


def test_negative_amounts_stay_figures() -> None:
    assert ",-250.87," in csv.ledger(issue(*month()), {})
    assert ",-250.87," in csv.statements(issue(*month()), {})


def _random(dice: random.Random) -> list[Statement]:
    """Statements of some departments, their lines as the ledger orders them."""
    found = []
    for name in ("radiology", "wards", "unallocated")[: dice.randint(1, 3)]:
        kinds = [dice.choice(get_args(LineKind)) for _ in range(dice.randint(1, 12))]
        lines = [
            line(
                str(Decimal(dice.randint(-(10**9), 10**9)).scaleb(-2)),
                kind,
                utility=dice.choice(("electricity", "water")),
            )
            for kind in sorted(kinds)
        ]
        found.append(statement(name, *lines))
    return found


def test_whatever_the_lines_the_ledger_adds_up(counts: Callable[[int], int]) -> None:
    dice = random.Random(26)
    for _ in range(counts(10_000)):
        found = _random(dice)
        posted = rows(csv.ledger(issue(*found), {}))
        assert sum((Decimal(row["amount"]) for row in posted), Decimal(0)) == charge(found)
        paid: Counter[str] = Counter()
        for row in posted:
            paid[row["department"]] += Decimal(row["amount"])  # type: ignore[assignment]
        assert all(paid[one.department] == one.payable for one in found)
        keys = [(row["department"], row["utility"], row["kind"]) for row in posted]
        assert len(keys) == len(set(keys)), "one row for each department, utility and kind"


def test_a_department_that_is_not_in_the_site_any_more_keeps_its_id() -> None:
    made = issue(statement("closed-ward", line("1.00")), of=site(RADIOLOGY))
    (row,) = rows(csv.ledger(made, {}))
    assert (row["cost_centre"], row["department"], row["text"]) == (
        "",
        "closed-ward",
        "closed-ward 2026-10 Electricity Direct",
    )

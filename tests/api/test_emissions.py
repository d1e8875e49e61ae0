"""Emissions over HTTP and on the page of a department: with its statement, and nobody else's."""

from __future__ import annotations

from decimal import Decimal

from fastapi.testclient import TestClient
from served.world import MONTH, World


def test_a_statement_says_what_its_use_stands_for(world: World, client: TestClient) -> None:
    found = client.get(f"/api/v1/statements/{MONTH}/radiology", headers=world.bearer("ray")).json()
    (power, water) = found["emissions"]
    used = sum(
        Decimal(line["quantity"]) for line in found["lines"] if line["utility"] == "electricity" and line["meter"]
    )
    assert (power["utility"], Decimal(power["quantity"]), power["unit"]) == ("electricity", used, "kWh")
    assert Decimal(power["kgco2e"]) == used * Decimal("0.5366")
    assert Decimal(power["kgce"]) == used * Decimal("0.1229")
    assert (water["utility"], water["kgco2e"]) == ("water", None)


def test_the_page_says_so_too(world: World, client: TestClient) -> None:
    for language, words in (("zh", "千克标准煤"), ("en", "kgce (standard coal)")):
        client.cookies.set("meterbook_language", language)
        page = client.get(f"/departments/radiology?month={MONTH}", headers=world.bearer("ray")).text
        assert page.count(words) == 2
        assert page.count("kgCO₂e") == 1

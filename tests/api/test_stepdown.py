"""The step-down of a month over HTTP: for those who answer for the accounts, and with every transfer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from fastapi.testclient import TestClient
from served.world import MONTH, World, hospital

from meterbook.domain.stepdown import Stage, StepDown
from meterbook.domain.timeline import BEGINNING

URL = f"/api/v1/step-down/{MONTH}"
STAGES = (
    Stage(("logistics",), "headcount", ("radiology", "laboratory", "outpatient", "wards")),
    Stage(
        ("radiology", "laboratory"),
        "shares",
        ("outpatient", "wards"),
        {"outpatient": Decimal(40), "wards": Decimal(60)},
    ),
)


def stage(world: World) -> None:
    """The hospital with stages."""
    world.rooms.ledger.site = replace(hospital(), step_down=(StepDown(BEGINNING, STAGES),))


def test_every_transfer_is_there_and_nothing_is_lost(world: World, client: TestClient) -> None:
    stage(world)
    found = client.get(URL, headers=world.bearer("eng")).json()
    statements = client.get(f"/api/v1/statements/{MONTH}", headers=world.bearer("eng")).json()["items"]
    totals = {one["department"]: Decimal(one["total"]) for one in statements}
    assert (found["month"], found["state"], found["difference"]) == (MONTH, "open", "0")
    assert Decimal(found["total"]) == sum(totals.values()) > 0
    for one in found["departments"]:
        charged, received, passed_on, cost = (Decimal(one[key]) for key in ("charged", "received", "passed_on", "cost"))
        assert charged == totals.get(one["department"], 0)
        assert cost == charged + received - passed_on
        into = [Decimal(other["amount"]) for other in found["transfers"] if other["to"] == one["department"]]
        assert received == sum(into)
    gone = {one["department"]: Decimal(one["cost"]) for one in found["departments"]}
    assert gone["logistics"] == gone["radiology"] == gone["laboratory"] == 0
    assert sum(gone.values()) + Decimal(found["unallocated"]) == Decimal(found["total"])
    assert {(one["stage"], one["from"]) for one in found["transfers"]} == {
        (1, "logistics"), (2, "radiology"), (2, "laboratory"),
    }  # fmt: skip


def test_it_is_for_those_who_answer_for_the_accounts(world: World, client: TestClient) -> None:
    stage(world)
    names = ("ada", "eng", "chen", "ray")
    found = {name: client.get(URL, headers=world.bearer(name)).status_code for name in names}
    assert found == {"ada": 200, "eng": 200, "chen": 403, "ray": 403}


def test_what_is_missing_is_said(world: World, client: TestClient) -> None:
    world.rooms.ledger.site = replace(hospital(), step_down=())
    answer = client.get(URL, headers=world.bearer("eng"))
    assert (answer.status_code, "declares no `step_down`" in answer.json()["detail"]) == (404, True)
    stage(world)
    world.rooms.ledger.site = replace(world.rooms.ledger.site, tariffs=())
    answer = client.get(URL, headers=world.bearer("eng"))
    assert (answer.status_code, "has no price" in answer.json()["detail"]) == (409, True)

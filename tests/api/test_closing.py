"""Closing over HTTP: signed by the caller, refused with every reason, and the same for ever after."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import MONTH, NOW, World, sign_in

from meterbook.accounting.ledger import Ledger
from meterbook.books.closings import Closings
from meterbook.domain.instant import DAY, MINUTE, parse
from meterbook.domain.reading import Reading

OVER = parse("2026-12-02T08:00:00+08:00")
CLOSE = f"/api/v1/statements/{MONTH}/close"
FORCE = {"force": "only nine days were read"}


def post(client: TestClient, world: World, who: str = "eng", body: Any = None, path: str = CLOSE) -> Any:
    return client.post(path, json=body, headers=world.bearer(who))


def got(client: TestClient, world: World, path: str, who: str = "eng") -> Any:
    answer = client.get(f"/api/v1/{path}", headers=world.bearer(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_month_that_runs_cannot_be_closed(world: World, client: TestClient) -> None:
    for body in (None, {}, FORCE):
        answer = post(client, world, body=body)
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        (fault,) = answer.json()["errors"]
        assert fault["where"] == f"running.{MONTH}"
        assert "2026-12-01T00:00:00+08:00" in fault["reason"]


def test_every_reason_is_told_and_can_be_overridden_with_one(world: World, client: TestClient) -> None:
    world.clock.now = OVER
    refused = post(client, world)
    assert refused.status_code == 409
    faults = {fault["where"] for fault in refused.json()["errors"]}
    assert {"coverage.E-MAIN", "coverage.W-B1"} <= faults
    assert got(client, world, f"statements/{MONTH}/radiology")["state"] == "provisional"
    answer = post(client, world, body=FORCE)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["month"], told["state"], told["by"], told["force"]) == (MONTH, "closed", "eng", FORCE["force"])
    assert told["at"] == "2026-12-02T08:00:00+08:00"
    assert {f"{block['kind']}.{block['subject']}" for block in told["overridden"]} == faults
    assert all(block["reason"]["zh"] != block["reason"]["en"] for block in told["overridden"])


def test_a_closed_month_answers_the_same_for_ever(world: World, client: TestClient) -> None:
    world.clock.now = OVER
    before = got(client, world, f"statements/{MONTH}")["items"]
    assert post(client, world, "ada", FORCE).status_code == 201
    closed, balance = got(client, world, f"statements/{MONTH}"), got(client, world, f"balance/{MONTH}")
    assert [one["hash"] for one in closed["items"]] == [one["hash"] for one in before]
    assert {one["state"] for one in closed["items"]} == {"closed"}
    world.rooms.store.append([Reading("b1-ct.active_energy_import", NOW - NOW % DAY + 15 * MINUTE, 99999.0)], OVER)
    world.rooms.store.append([Reading("b1-ct.active_energy_import", OVER - DAY, 60000.0)], OVER)
    assert got(client, world, f"statements/{MONTH}") == closed
    assert got(client, world, f"balance/{MONTH}") == balance
    current = got(client, world, f"statements/{MONTH}/radiology?current=true")
    assert current["state"] == "provisional"
    assert current["hash"] not in {one["hash"] for one in closed["items"]}
    again = post(client, world, "eng", FORCE)
    assert again.status_code == 409
    assert "closed by ada already" in again.json()["detail"]


@pytest.mark.parametrize(("who", "status"), [("chen", 403), ("ray", 403)])
def test_only_those_who_answer_for_the_accounts_close(world: World, client: TestClient, who: str, status: int) -> None:
    world.clock.now = OVER
    assert post(client, world, who, FORCE).status_code == status
    assert client.post(CLOSE, json=FORCE).status_code == 401


@pytest.mark.parametrize("body", [{"force": " "}, {"force": ""}, {"by": "somebody else"}, {"force": 3}])
def test_what_cannot_be_understood_closes_nothing(world: World, client: TestClient, body: Any) -> None:
    world.clock.now = OVER
    assert post(client, world, body=body).status_code == 422
    assert post(client, world, body=FORCE, path="/api/v1/statements/2026-13/close").status_code == 422
    assert got(client, world, f"statements/{MONTH}/radiology")["state"] == "provisional"


@pytest.mark.parametrize(
    ("language", "closed", "forced"),
    [("zh", "由 eng 于", "强制结账原因：only nine days were read"), ("en", "Closed by eng,", "Forced: only nine days")],
)
def test_the_pages_say_who_closed_the_month(
    world: World, client: TestClient, language: str, closed: str, forced: str
) -> None:
    world.clock.now = OVER
    assert post(client, world, body=FORCE).status_code == 201
    for who, told in (("eng", True), ("ray", False)):
        sign_in(client, who)
        client.cookies.set("meterbook_language", language)
        page = client.get(f"/departments/radiology?month={MONTH}").text
        assert closed in page
        assert (forced in page) is told
    sign_in(client, "eng")
    assert closed in client.get(f"/departments?month={MONTH}").text


def test_a_line_is_explained_to_those_who_see_it(world: World, client: TestClient) -> None:
    (line, *_) = got(client, world, f"statements/{MONTH}/radiology")["lines"]
    path = f"statement-lines/{line['id']}/explain"
    told = got(client, world, path, "ray")
    assert told == got(client, world, path)
    assert (told["line"], told["department"], told["price"]["component"]) == (line, "radiology", line["band"])
    assert told["meters"][0]["registers"][0]["closing"]["readings"]
    foreign = client.get(f"/api/v1/{path}", headers=world.bearer("ward"))
    absent = client.get(f"/api/v1/{path.replace('/explain', 'x/explain')}", headers=world.bearer("ward"))
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.json()["detail"].replace(line["id"], "") == absent.json()["detail"].replace(f"{line['id']}x", "")
    assert client.get(f"/api/v1/{path}").status_code == 401


def test_a_meter_that_may_not_be_seen_is_left_out_of_an_explanation(world: World, client: TestClient) -> None:
    lines = got(client, world, f"statements/{MONTH}/radiology")["lines"]
    (line, *_) = [line for line in lines if line["kind"] == "loss"]
    whole, own = (got(client, world, f"statement-lines/{line['id']}/explain", who) for who in ("eng", "ray"))
    assert "E-MAIN" in {part["meter"] for part in whole["meters"]}
    assert whole["days"]
    visible = {one["id"] for one in got(client, world, "meters", "ray")["items"]}
    assert {part["meter"] for part in own["meters"]} == {part["meter"] for part in whole["meters"]} & visible
    assert own["meters"] != whole["meters"]
    assert own["days"] == []


def test_adjustments_of_every_component_add_up_to_the_change_of_the_sites_charge(
    world: World, client: TestClient
) -> None:
    def total(items: list[Any]) -> Decimal:
        return sum((Decimal(one["total"]) for one in items), Decimal(0))

    world.clock.now = OVER
    assert post(client, world, body=FORCE).status_code == 201
    closed = got(client, world, f"statements/{MONTH}")["items"]
    registers = {
        "main.active_energy_import": 2600.0,
        "b1-ct.active_energy_import": 14000.0,
        "campus-water.volume": 7000.0,
    }
    instants = [parse("2026-11-30T20:00:00+08:00"), parse("2026-12-01T20:00:00+08:00")]
    later = [Reading(point, at, figure) for point, figure in registers.items() for at in instants]
    world.rooms.store.append(later, OVER)
    change = total(got(client, world, f"statements/{MONTH}?current=true")["items"]) - total(closed)
    lines = [line for one in got(client, world, "statements/2026-12")["items"] for line in one["lines"]]
    booked = [line for line in lines if line["kind"] == "adjustment"]
    assert {"energy", "peak", "valley", "funds", "sewage"} <= {line["band"] for line in booked}
    assert sum((Decimal(line["charge"]) for line in booked), Decimal(0)) == change != 0
    assert {line["from"] for line in booked} == {"2026-11-01T00:00:00+08:00"}


def test_a_closed_month_is_compared_with_what_it_comes_to_today(world: World, client: TestClient) -> None:
    world.clock.now = OVER
    path = f"/api/v1/comparison/{MONTH}"
    early = client.get(path, headers=world.bearer("eng"))
    assert (early.status_code, early.headers["content-type"]) == (404, "application/problem+json")
    assert "not closed" in early.json()["detail"]
    assert post(client, world, body=FORCE).status_code == 201
    found = got(client, world, f"comparison/{MONTH}")
    assert (found["month"], found["booked_in"], found["damaged"], found["changed"]) == (MONTH, "2026-12", [], [])
    assert {float(one["difference"]["charge"]) for one in found["items"]} == {0.0}
    world.rooms.store.append([Reading("b1-ct.active_energy_import", OVER - DAY, 60000.0)], OVER)
    later = got(client, world, f"comparison/{MONTH}")
    assert "radiology" in later["changed"]
    booked = got(client, world, "statements/2026-12/radiology")["lines"]
    adjusted = {line["band"]: line["charge"] for line in booked if line["kind"] == "adjustment"}
    due = {one["component"]: one["difference"]["charge"] for one in later["items"] if one["department"] == "radiology"}
    assert adjusted == {name: charge for name, charge in due.items() if float(charge)}
    assert [client.get(path, headers=world.bearer(who)).status_code for who in ("chen", "ray")] == [403, 403]


def test_a_closed_month_shows_its_quotas_as_they_stood(world: World, client: TestClient) -> None:
    world.clock.now = OVER
    assert post(client, world, body=FORCE).status_code == 201
    path = f"departments/radiology/quota?month={MONTH}"
    (before,) = got(client, world, path)["items"]
    quotas = tuple(replace(one, amount=Decimal(7)) for one in world.rooms.site.quotas)
    site = replace(world.rooms.site, quotas=quotas)
    world.rooms.swap(site, Ledger(site, world.rooms.store, closings=Closings(world.rooms.books)))
    assert got(client, world, path)["items"] == [before]
    assert [one["declared"] for one in got(client, world, f"{path}&current=true")["items"]] == ["7"]

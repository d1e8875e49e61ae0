"""The shapes that other programs rely on: names, exact strings, instants in the site's zone, pages."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import MONTH, World, app_of

V1 = "/api/v1"
SPAN = {"from": "2026-11-17T00:00:00+08:00", "to": "2026-11-18T00:00:00+08:00"}
PLAIN = re.compile(r"-?\d+(\.\d+)?")


def ask(world: World, path: str, who: str = "eng", **query: Any) -> Any:
    answer = TestClient(app_of(world.rooms)).get(V1 + path, params=query, headers=world.bearer(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_consumption_of_a_meter(shared: World) -> None:
    found = ask(shared, "/meters/E-MAIN/consumption", by="hour", **SPAN)
    assert found.keys() == {"meter", "utility", "unit", "intervals"}
    assert (found["meter"], found["utility"], found["unit"]) == ("E-MAIN", "electricity", "kWh")
    parts = found["intervals"]
    assert len(parts) == 24
    assert parts[0].keys() == {"start", "end", "value", "measured", "estimated", "missing", "reasons"}
    assert (parts[0]["start"], parts[-1]["end"]) == (SPAN["from"], SPAN["to"])
    assert all(before["end"] == after["start"] for before, after in pairwise(parts))
    assert all(PLAIN.fullmatch(part["value"]) for part in parts)
    day = ask(shared, "/meters/E-MAIN/consumption", by="day", **SPAN)["intervals"]
    assert sum(Decimal(part["value"]) for part in parts) == Decimal(day[0]["value"]) > 0


def test_shares_add_up_and_unknown_is_null(shared: World) -> None:
    span = {"from": "2026-11-01T00:00:00+08:00", "to": "2026-11-18T00:00:00+08:00"}
    parts = ask(shared, "/meters/E-MAIN/consumption", by="day", **span)["intervals"]
    assert parts[0]["value"] is None
    assert parts[0]["missing"] == "1"
    assert all(sum(Decimal(part[share]) for share in ("measured", "estimated", "missing")) == 1 for part in parts)


def test_consumption_of_a_department(shared: World) -> None:
    found = ask(shared, "/departments/radiology/consumption", by="day", **SPAN)
    assert [each["utility"] for each in found["items"]] == ["electricity", "water"]
    assert {each["department"] for each in found["items"]} == {"radiology"}
    water = ask(shared, "/departments/radiology/consumption", by="day", utility="water", **SPAN)["items"]
    assert [each["unit"] for each in water] == ["m3"]


def test_a_statement_adds_up_and_is_the_one_of_the_list(shared: World) -> None:
    one = ask(shared, f"/statements/{MONTH}/radiology")
    assert one.keys() >= {
        "department",
        "month",
        "state",
        "revision",
        "currency",
        "lines",
        "total",
        "payable",
        "subtree_total",
        "quota",
        "quality",
        "hash",
    }
    assert (one["state"], one["currency"]) == ("open", "CNY")
    assert one["lines"][0].keys() == {
        "id",
        "utility",
        "kind",
        "meter",
        "quantity",
        "unit",
        "share",
        "charge",
        "tariff",
        "band",
        "from",
        "to",
        "quality",
    }
    assert sum(Decimal(line["charge"]) for line in one["lines"] if line["charge"]) == Decimal(one["total"])
    listed = {each["department"]: each for each in ask(shared, f"/statements/{MONTH}")["items"]}
    assert listed["radiology"] == one


def test_a_statement_as_csv(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    answer = client.get(f"{V1}/statements/{MONTH}/radiology.csv", headers=shared.bearer("ray"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "statement-2026-11-radiology.csv" in answer.headers["content-disposition"]
    rows = answer.text.strip().split("\r\n")
    assert len(rows) == len(ask(shared, f"/statements/{MONTH}/radiology")["lines"]) + 1


def test_the_balance_leaves_no_difference(shared: World) -> None:
    for each in ask(shared, f"/balance/{MONTH}")["items"]:
        given = [*each["allocated"].values(), *each["losses_shared"].values(), each["unallocated"]]
        assert sum(map(Decimal, given)) == Decimal(each["supplied"])
        assert each["difference"] == "0"


def test_a_future_month_is_empty(shared: World) -> None:
    assert ask(shared, "/statements/2027-03")["items"] == []
    assert all(each["supplied"] == "0" for each in ask(shared, "/balance/2027-03")["items"])


def test_points_tell_what_was_last_seen(shared: World) -> None:
    found = {each["id"]: each for each in ask(shared, "/points")["items"]}
    seen = found["main.active_energy_import"]
    assert (seen["device"], seen["quantity"], seen["kind"], seen["unit"]) == ("main", "active_energy", "counter", "kWh")
    assert seen["latest"]["at"] == "2026-11-18T10:15:00+08:00"
    assert found["b2-main.voltage_l1"]["latest"] is None


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/points", {}),
        ("/meters", {}),
        ("/departments", {}),
        ("/points/campus-water.volume/readings", SPAN),
        ("/points/campus-water.volume/readings", {**SPAN, "step": "hour"}),
    ],
)
def test_pages_put_together_are_the_list(shared: World, path: str, query: dict[str, str]) -> None:
    whole = ask(shared, path, limit=10_000, **query)
    assert whole["next"] is None
    together: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        part = ask(shared, path, limit=3, **query, **cursor)
        assert len(part["items"]) <= 3
        together += part["items"]
        if part["next"] is None:
            break
        cursor = {"cursor": part["next"]}
    assert together == whole["items"]
    assert len(together) > 3


def test_readings_are_summed_up_by_local_windows(shared: World) -> None:
    path = "/points/campus-water.volume/readings"
    raw = ask(shared, path, limit=10_000, **SPAN)["items"]
    hours = ask(shared, path, step="hour", **SPAN)["items"]
    assert hours[0].keys() == {"start", "end", "min", "max", "mean", "last", "count"}
    assert [hour["start"] for hour in hours] == sorted({f"{one['at'][:13]}:00:00+08:00" for one in raw})
    assert sum(hour["count"] for hour in hours) == len(raw)
    (day,) = ask(shared, path, step="day", **SPAN)["items"]
    assert (day["min"], day["max"], day["last"]) == (raw[0]["value"], raw[-1]["value"], raw[-1]["value"])
    assert Decimal(day["min"]) < Decimal(day["mean"]) < Decimal(day["max"])
    much = {"from": "2000-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "step": "15m"}
    answer = TestClient(app_of(shared.rooms)).get(V1 + path, params=much, headers=shared.bearer("eng"))
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "query.step")


def test_incidents_page_backwards_and_narrow(shared: World) -> None:
    first = ask(shared, "/incidents", limit=2)
    assert [each["id"] for each in first["items"]] == [3, 2]
    rest = ask(shared, "/incidents", limit=2, cursor=first["next"])
    assert [each["id"] for each in rest["items"]] == [1]
    assert rest["next"] is None
    assert [each["id"] for each in ask(shared, "/incidents", department="wards")["items"]] == [3]
    assert ask(shared, "/incidents", team="plumbers")["items"] == []
    assert ask(shared, "/incidents", state="closed")["items"] == []
    assert len(ask(shared, "/incidents", state=["raised", "closed"])["items"]) == 3


def test_an_incident_shows_its_evidence_and_who_was_told(shared: World) -> None:
    found = ask(shared, "/incidents/1")
    assert found["evidence"] == {
        "point": "chiller-1.supply_temperature",
        "value": "12.6",
        "limit": "12.0",
        "unit": "degC",
    }
    assert found["name"] == {"zh": "冷水机组供水温度过高", "en": "Chiller supply too warm"}
    assert [event["deed"] for event in found["history"]] == ["raise"]
    assert [(message["channel"], message["state"]) for message in found["messages"]] == [("log", "waiting")]


def test_the_interface_is_described_with_examples(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    document = client.get(f"{V1}/openapi.json").json()
    assert client.get("/docs").status_code == 200
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} is not described"

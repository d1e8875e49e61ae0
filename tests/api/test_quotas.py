"""Quotas over HTTP: how a department stands, and entries that count once another person has approved them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import NOW, ROOT, World, hospital, sign_in

from meterbook.accounting.ledger import Ledger
from meterbook.books import audit
from meterbook.books.quotas import QuotaEntries
from meterbook.domain.instant import iso

V1 = "/api/v1/quota-entries"
STANDING = "/api/v1/departments/radiology/quota"
TOP_UP = {
    "utility": "electricity",
    "year": 2026,
    "department": "radiology",
    "amount": "2000.5",
    "reason": " a second CT ",
}
TRANSFER = TOP_UP | {"source": "wards"}


@pytest.fixture
def world(world: World) -> World:
    """The hospital, whose readings begin in November, told what radiology used before."""
    site = hospital()
    told = tuple(
        replace(quota, used_before=quota.amount) if quota.department == "radiology" else quota for quota in site.quotas
    )
    rooms = world.rooms
    rooms.swap(
        replace(site, quotas=told),
        Ledger(replace(site, quotas=told), rooms.store, entries=QuotaEntries(rooms.books)),
    )
    return world


def post(client: TestClient, world: World, body: dict[str, Any], who: str = "eng", path: str = "") -> Any:
    return client.post(V1 + path, json=body, headers=world.bearer(who))


def get(client: TestClient, world: World, path: str, who: str = "eng", **query: Any) -> Any:
    answer = client.get(path, params=query, headers=world.bearer(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_top_up_counts_once_another_person_approved_it(world: World, client: TestClient) -> None:
    (before,) = get(client, world, STANDING)["items"]
    asked = post(client, world, TOP_UP)
    assert asked.status_code == 201
    entry = {
        "id": 1,
        **TOP_UP,
        "source": None,
        "asked_by": "eng",
        "reason": "a second CT",
        "at": "2026-11-18T10:20:00+08:00",
        "approval": None,
    }
    assert asked.json() == entry
    assert get(client, world, STANDING)["items"] == [before]
    own = post(client, world, {}, "eng", "/1/approve")
    assert (own.status_code, own.json()["detail"]) == (
        409,
        "eng asked for quota entry 1; somebody else must approve it",
    )
    approved = post(client, world, {}, "ada", "/1/approve")
    assert approved.status_code == 200
    assert approved.json() == entry | {"approval": {"by": "ada", "at": iso(NOW, hospital().calendar.zone)}}
    (after,) = get(client, world, STANDING)["items"]
    assert (before["amount"], after["amount"], after["declared"]) == ("310000", "312000.5", "310000")
    assert post(client, world, {}, "ada", "/1/approve").status_code == 409
    assert post(client, world, {}, "ada", "/2/approve").status_code == 404
    with world.rooms.books.read() as connection:
        noted = [(one.who, one.deed, one.subject) for one in audit.entries(connection, 2)]
    subject = "1 radiology electricity 2026: 2000.5"
    assert noted == [("ada", "quota entry approved", subject), ("eng", "quota entry asked for", subject)]


def test_a_standing_is_exact_and_says_what_is_unknown(world: World, client: TestClient) -> None:
    (known,) = get(client, world, STANDING)["items"]
    assert list(known) == [
        "department", "utility", "unit", "year", "at", "declared", "amount", "planned", "used", "left", "warning",
        "runs_out",
    ]  # fmt: skip
    assert known["at"] == "2026-11-18T10:15:00+08:00"
    assert known["warning"] == "100"
    assert float(known["used"]) > 310000
    assert float(known["left"]) == pytest.approx(310000 - float(known["used"]))
    (unknown,) = get(client, world, "/api/v1/departments/wards/quota")["items"]
    assert [unknown[name] for name in ("used", "left", "warning", "runs_out")] == [None] * 4
    assert get(client, world, STANDING, month="2025-11")["items"] == []
    assert client.get(STANDING, params={"month": "x"}, headers=world.bearer("eng")).status_code == 422
    statement = get(client, world, "/api/v1/statements/2026-11/radiology")
    assert statement["quota"] == [known]
    excess = [line for line in statement["lines"] if line["kind"] == "quota_excess"]
    assert excess
    assert float(statement["payable"]) == pytest.approx(
        float(statement["total"]) + sum(float(line["charge"]) for line in excess)
    )


def test_a_transfer_takes_from_the_one_and_gives_to_the_other(world: World, client: TestClient) -> None:
    assert post(client, world, TRANSFER).status_code == 201
    assert post(client, world, {}, "ada", "/1/approve").status_code == 200
    amounts = {
        name: get(client, world, f"/api/v1/departments/{name}/quota")["items"][0]["amount"]
        for name in ("radiology", "wards")
    }
    assert amounts == {"radiology": "312000.5", "wards": "2597999.5"}


def test_nobody_gives_what_is_not_left_when_it_is_approved(world: World, client: TestClient) -> None:
    body = TRANSFER | {"amount": "1500000"}
    assert [post(client, world, body).status_code for _ in range(2)] == [201, 201]
    assert post(client, world, {}, "ada", "/1/approve").status_code == 200
    late = post(client, world, {}, "ada", "/2/approve")
    assert (late.status_code, late.json()["detail"]) == (
        409,
        "wards has 1100000 of electricity for 2026, not 1500000 to give",
    )
    assert get(client, world, V1)["items"][0]["approval"] is None


@pytest.mark.parametrize(
    ("body", "where", "reason"),
    [
        (TOP_UP | {"department": "radiolgy"}, "body.department", "did you mean radiology?"),
        (TOP_UP | {"utility": "water"}, "body.department", "no quota of water for 2026 in quotas.yaml (it has: elec"),
        (TOP_UP | {"year": 2027}, "body.department", "no quota of electricity for 2027"),
        (TOP_UP | {"amount": "0"}, "body.amount", "greater than 0"),
        (TOP_UP | {"amount": "NaN"}, "body.amount", "finite"),
        (TOP_UP | {"amount": "0.0001"}, "body.amount", "3 decimal places"),
        (TOP_UP | {"reason": " "}, "body.reason", "at least 1"),
        (TOP_UP | {"asked_by": "somebody else"}, "body.asked_by", "not permitted"),
        (TRANSFER | {"source": "radiology"}, "body.source", "cannot give to itself"),
        (TRANSFER | {"source": "outpatient"}, "body.source", "outpatient has no quota of electricity"),
        (TRANSFER | {"amount": "2600001"}, "body.amount", "wards has 2600000 of electricity for 2026"),
    ],
)
def test_what_cannot_be_agreed_is_refused(
    world: World, client: TestClient, body: dict[str, Any], where: str, reason: str
) -> None:
    answer = post(client, world, body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["where"] == where
    assert reason in fault["reason"]
    assert get(client, world, V1)["items"] == []


def test_the_list_pages_backwards_and_narrows(world: World, client: TestClient) -> None:
    other = TOP_UP | {"department": "laboratory"}
    for body in (TOP_UP, other, TRANSFER):
        post(client, world, body)
    first = get(client, world, V1, limit=2)
    assert [one["id"] for one in first["items"]] == [3, 2]
    assert [one["id"] for one in get(client, world, V1, cursor=first["next"])["items"]] == [1]
    assert [one["id"] for one in get(client, world, V1, department="wards")["items"]] == [3]
    assert client.get(V1, params={"cursor": "odd"}, headers=world.bearer("eng")).status_code == 422


@pytest.mark.parametrize("who", ["chen", "ray"])
def test_departments_and_crews_agree_on_nothing(world: World, client: TestClient, who: str) -> None:
    assert post(client, world, TOP_UP, who).status_code == 403
    assert post(client, world, {}, who, "/1/approve").status_code == 403
    assert client.get(V1, headers=world.bearer(who)).status_code == 403


def test_a_department_sees_its_own_quota_alone(world: World, client: TestClient) -> None:
    assert len(get(client, world, STANDING, "ray")["items"]) == 1
    assert client.get("/api/v1/departments/wards/quota", headers=world.bearer("ray")).status_code == 404


def test_what_the_page_shows_can_be_sent(world: World, client: TestClient) -> None:
    page = (ROOT / "docs/quotas.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert post(client, world, json.loads(sample)).status_code == 201


def test_the_page_of_a_department_adds_the_quota_lines(world: World, client: TestClient) -> None:
    sign_in(client, "eng")
    assert "含定额奖惩" in client.get("/departments/radiology?month=2026-11").text
    assert "含定额奖惩" not in client.get("/departments/wards?month=2026-11").text

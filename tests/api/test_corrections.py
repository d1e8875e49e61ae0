"""Corrections over HTTP: signed by the caller, refused with the field that is wrong, never entered twice."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import NOW, ROOT, World

from meterbook.books import audit
from meterbook.books.corrections import Corrections
from meterbook.domain.correction import Exchange, Exclusion
from meterbook.domain.instant import iso, parse

V1 = "/api/v1/corrections"
SPAN = {"from": "2026-11-17T10:15:00+08:00", "to": "2026-11-17T10:45:00+08:00"}
EXCLUDE = {"kind": "exclude", "meter": "E-B1-CT", "reason": " the neighbour's register ", **SPAN}
ESTIMATE = {"kind": "estimate", "meter": "E-B1-CT", "reason": "as last week", "quantity": "12.5", **SPAN}
EXCHANGE = {
    "kind": "exchange",
    "meter": "E-MAIN",
    "reason": "found in the fitter's diary",
    "at": "2026-11-17T10:30:00+08:00",
    "old_final": "1700.00",
    "new_initial": 12.4,
}


def post(client: TestClient, world: World, body: dict[str, Any], who: str = "eng", path: str = "") -> Any:
    return client.post(V1 + path, json=body, headers=world.bearer(who))


def listed(client: TestClient, world: World, **query: Any) -> Any:
    answer = client.get(V1, params=query, headers=world.bearer("eng"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_exclusion_is_signed_by_the_caller(world: World, client: TestClient) -> None:
    answer = post(client, world, EXCLUDE)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": 1,
        "meter": "E-B1-CT",
        "author": "eng",
        "reason": "the neighbour's register",
        "entered": "2026-11-18T10:20:00+08:00",
        "undo": None,
        "kind": "exclude",
        **SPAN,
    }
    (entry,) = Corrections(world.rooms.books).active()["E-B1-CT"]
    assert entry.what == Exclusion(parse(SPAN["from"]), parse(SPAN["to"]))
    with world.rooms.books.read() as connection:
        noted = audit.entries(connection, 1)[0]
    assert (noted.at, noted.who, noted.deed) == (NOW, "eng", "correction entered: exclude")
    assert (noted.subject, noted.detail) == ("1 E-B1-CT", "the neighbour's register")


def test_estimates_and_exchanges_hold_exact_decimals(world: World, client: TestClient) -> None:
    assert post(client, world, ESTIMATE).json()["quantity"] == "12.5"
    told = post(client, world, EXCHANGE).json()
    figures = ("at", "old_final", "new_initial", "multiplier", "register_max")
    assert [told[name] for name in figures] == [EXCHANGE["at"], "1700.00", "12.4", None, "999999.99"]
    told = post(client, world, EXCHANGE | {"at": SPAN["from"], "multiplier": "60", "register_max": "99999.9"}).json()
    assert (told["multiplier"], told["register_max"]) == ("60", "99999.9")
    assert told == listed(client, world)["items"][0]


def test_a_registers_least_digit_is_that_of_its_highest_figure(world: World, client: TestClient) -> None:
    assert post(client, world, EXCHANGE | {"register_max": "1e5"}).json()["register_max"] == "100000"
    (entry,) = Corrections(world.rooms.books).active()["E-MAIN"]
    assert isinstance(entry.what, Exchange)
    assert entry.what.installation.register.digit == 1


def test_the_same_again_adds_nothing(world: World, client: TestClient) -> None:
    for body in (EXCLUDE, ESTIMATE, EXCHANGE):
        first, again = post(client, world, body), post(client, world, body | {"reason": "sent twice"}, "ada")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
    assert Corrections(world.rooms.books).revision() == 3


def test_an_undo_keeps_the_entry_and_happens_once(world: World, client: TestClient) -> None:
    entered = post(client, world, EXCLUDE).json()
    undone = post(client, world, {"reason": "it was right"}, "ada", "/1/undo")
    assert undone.status_code == 200
    who = {"author": "ada", "reason": "it was right", "at": iso(NOW, world.rooms.site.calendar.zone)}
    assert undone.json() == entered | {"undo": who}
    assert Corrections(world.rooms.books).active() == {}
    again = post(client, world, {"reason": "again"}, path="/1/undo")
    assert again.status_code == 409
    assert "correction 1 was undone by ada already" in again.json()["detail"]
    assert post(client, world, {"reason": "of nothing"}, path="/2/undo").status_code == 404
    assert post(client, world, {"reason": " "}, path="/1/undo").status_code == 422
    entered_again = post(client, world, EXCLUDE)
    assert (entered_again.status_code, entered_again.json()["id"]) == (201, 2)


def test_the_list_pages_backwards_and_narrows(world: World, client: TestClient) -> None:
    for body in (EXCLUDE, ESTIMATE, EXCHANGE):
        post(client, world, body)
    first = listed(client, world, limit=2)
    assert [one["id"] for one in first["items"]] == [3, 2]
    assert listed(client, world, limit=2, cursor=first["next"])["items"][0]["kind"] == "exclude"
    assert [one["id"] for one in listed(client, world, meter="E-MAIN")["items"]] == [3]
    assert client.get(V1, params={"meter": "E-MIAN"}, headers=world.bearer("eng")).status_code == 404
    assert client.get(V1, params={"cursor": "odd"}, headers=world.bearer("eng")).status_code == 422


@pytest.mark.parametrize(
    ("body", "where", "reason"),
    [
        (EXCLUDE | {"meter": "E-B1-CX"}, "body.meter", "there is no meter E-B1-CX here; did you mean E-B1-CT?"),
        (EXCLUDE | {"meter": "E-B1-REST"}, "body.meter", "is a formula"),
        (EXCLUDE | {"to": SPAN["from"]}, "body.to", "is not after"),
        (EXCLUDE | {"from": "2026-11-17T10:15:00"}, "body.from", "has no offset"),
        (EXCLUDE | {"from": "2026-11-17T10:16:00+08:00", "to": "2026-11-17T10:29:00+08:00"}, "body.from", "no reading"),
        (ESTIMATE | {"to": "2026-11-17T10:50:00+08:00"}, "body.to", "not on the 15-minute grid"),
        (ESTIMATE | {"to": "2026-11-19T00:00:00+08:00"}, "body.to", "in the future"),
        (ESTIMATE | {"quantity": "1e999999"}, "body.estimate.quantity", "digits"),
        (ESTIMATE | {"quantity": "NaN"}, "body.estimate.quantity", "finite"),
        (ESTIMATE | {"reason": " "}, "body.estimate.reason", "at least 1"),
        (ESTIMATE | {"author": "somebody else"}, "body.estimate.author", "not permitted"),
        (EXCHANGE | {"old_final": "1000000"}, "body.old_final", "beyond the register"),
        (EXCHANGE | {"new_initial": "-1"}, "body.new_initial", "expected 0 or more"),
    ],
)
def test_what_cannot_be_entered_is_refused(
    world: World, client: TestClient, body: dict[str, Any], where: str, reason: str
) -> None:
    answer = post(client, world, body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (fault,) = answer.json()["errors"]
    assert fault["where"] == where
    assert reason in fault["reason"]
    assert listed(client, world)["items"] == []


@pytest.mark.parametrize(("who", "status"), [("ada", 201), ("eng", 201), ("chen", 403), ("ray", 403)])
def test_only_those_who_know_the_meters_correct_them(world: World, client: TestClient, who: str, status: int) -> None:
    assert post(client, world, EXCLUDE, who).status_code == status
    assert (client.get(V1, headers=world.bearer(who)).status_code == 200) == (status == 201)
    if status == 403:
        assert post(client, world, {"reason": "x"}, who, "/1/undo").status_code == 403
        assert client.get(V1).status_code == 401


def test_what_the_page_shows_can_be_sent(world: World, client: TestClient) -> None:
    page = (ROOT / "docs/corrections.md").read_text(encoding="utf-8")
    samples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    answers = [post(client, world, json.loads(sample)) for sample in samples]
    assert [answer.status_code for answer in answers] == [201, 201, 201]


def test_the_readings_stay_as_they_came(world: World, client: TestClient) -> None:
    point = world.rooms.site.meters["E-B1-CT"].reads or ""

    def readings() -> list[float]:
        return world.rooms.store.read(point, parse(SPAN["from"]), parse(SPAN["to"])).value.tolist()

    before = readings()
    post(client, world, EXCLUDE)
    post(client, world, ESTIMATE)
    assert readings() == before
    assert len(before) == 2

"""What people do to incidents, through the API and through the page."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import World, sign_in

from meterbook.books import audit
from meterbook.books import incidents as book
from meterbook.domain.incident import Deed, Event

V1 = "/api/v1/incidents"


def do(client: TestClient, world: World, deed: str, body: dict[str, Any], incident: int = 1, who: str = "chen") -> Any:
    return client.post(f"{V1}/{incident}/{deed}", json=body, headers=world.bearer(who))


def clear(world: World, incident: int = 1) -> None:
    """The fault has gone."""
    with world.rooms.books.write() as connection:
        book.record(connection, incident, Event(Deed.CLEAR, world.clock(), world.clock(), "meterbook"), None)


def test_acknowledging_and_commenting(world: World, client: TestClient) -> None:
    taken = do(client, world, "ack", {"revision": 1, "comment": "on my way"}).json()
    assert (taken["state"], taken["acknowledged_by"], taken["revision"]) == ("acknowledged", "chen", 2)
    assert taken["history"][-1]["note"] == "on my way"
    assert do(client, world, "comment", {"comment": "fan belt torn"}).json()["revision"] == 3
    with world.rooms.books.read() as connection:
        assert [entry.deed for entry in audit.entries(connection, 2)] == ["incident comment", "incident ack"]


def test_resolving_what_has_cleared(world: World, client: TestClient) -> None:
    clear(world)
    done = do(client, world, "resolve", {"revision": 2}).json()
    assert done["state"] == "closed"
    assert [event["deed"] for event in done["history"]] == ["raise", "clear", "resolve"]
    with world.rooms.books.read() as connection:
        assert audit.entries(connection, 1)[0].deed == "incident resolve"


def test_who_was_slower_is_told(world: World, client: TestClient) -> None:
    assert do(client, world, "ack", {"revision": 1}).status_code == 200
    late = do(client, world, "ack", {"revision": 1}, who="eng")
    assert late.status_code == 409
    assert "revision 2" in late.json()["detail"]


def test_what_the_state_does_not_allow_is_refused(world: World, client: TestClient) -> None:
    assert do(client, world, "resolve", {}).status_code == 409
    assert client.get(f"{V1}/1", headers=world.bearer("chen")).json()["revision"] == 1


def test_unknown_incidents_and_empty_comments(world: World, client: TestClient) -> None:
    assert do(client, world, "ack", {}, incident=999).status_code == 404
    assert do(client, world, "comment", {"comment": ""}).status_code == 422
    assert do(client, world, "comment", {"comment": " \t\n "}).status_code == 422
    assert do(client, world, "comment", {"comment": " fan "}).json()["history"][-1]["note"] == "fan"
    assert do(client, world, "comment", {"comment": "x" * 2001}).status_code == 422
    assert do(client, world, "ack", {"by": "somebody else"}).status_code == 422


def test_the_page_acknowledges(world: World, client: TestClient) -> None:
    csrf = sign_in(client, "chen")
    form = {"deed": "ack", "revision": "1", "csrf": csrf, "comment": "看过了 <b>"}
    assert client.post("/incidents/1", data=form).headers["location"] == "/incidents/1"
    page = client.get("/incidents/1").text
    assert "看过了 &lt;b&gt;" in page
    assert "已确认" in page


def test_the_page_says_when_somebody_was_faster(world: World, client: TestClient) -> None:
    csrf = sign_in(client, "chen")
    clear(world)
    answer = client.post("/incidents/1", data={"deed": "ack", "revision": "1", "csrf": csrf})
    assert answer.status_code == 409
    assert "有人先一步处理了" in answer.text
    assert client.post("/incidents/1", data={"deed": "comment", "revision": "1", "csrf": csrf}).status_code == 422


RESOLVE = 'value="resolve"'


def test_the_page_offers_to_resolve_what_has_cleared_and_nothing_else(world: World, client: TestClient) -> None:
    csrf = sign_in(client, "chen")
    assert RESOLVE not in client.get("/incidents/1").text
    client.post("/incidents/1", data={"deed": "ack", "revision": "1", "csrf": csrf})
    assert RESOLVE not in client.get("/incidents/1").text
    clear(world, 2)
    assert RESOLVE in client.get("/incidents/2").text


@pytest.mark.parametrize("acknowledged", [False, True])
def test_the_page_says_why_a_fault_that_goes_on_is_not_closed(
    world: World, client: TestClient, acknowledged: bool
) -> None:
    csrf = sign_in(client, "chen")
    if acknowledged:
        client.post("/incidents/1", data={"deed": "ack", "revision": "1", "csrf": csrf})
    form = {"deed": "resolve", "revision": "2" if acknowledged else "1", "csrf": csrf}
    answer = client.post("/incidents/1", data=form)
    assert answer.status_code == 409
    assert "故障仍未消除" in answer.text
    assert "先一步" not in answer.text

"""What probes and Prometheus ask for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from served.world import NOW, World, app_of

from collectors.port import Status


def test_health_is_for_anybody(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readiness_names_every_part(client: TestClient) -> None:
    found = client.get("/readyz").json()
    assert found["ready"]
    assert [check["name"] for check in found["checks"]] == ["store", "books", "source broker", "source gw-b1"]


@pytest.mark.parametrize("state", ["down", "starting"])
def test_a_source_that_does_not_deliver_makes_it_red(world: World, client: TestClient, state: str) -> None:
    world.statuses[0] = Status("broker", state, NOW, "connection refused")  # type: ignore[arg-type]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["ready"]
    assert {"name": "source broker", "ok": False, "reason": "connection refused"} in answer.json()["checks"]
    assert client.get("/healthz").status_code == 200


def test_troubles_of_the_service_make_it_red(world: World, client: TestClient) -> None:
    world.rooms.troubles = lambda: [("pipeline", "the disk is full; make room")]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"][-1] == {"name": "pipeline", "ok": False, "reason": "the disk is full; make room"}


def test_a_damaged_store_makes_it_red(world: World, client: TestClient, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "readings.db")) as connection:
        connection.execute("ALTER TABLE readings RENAME TO lost")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    store = answer.json()["checks"][0]
    assert (store["name"], store["ok"]) == ("store", False)
    assert store["reason"]


def metrics(world: World, peer: str, headers: dict[str, str], host: str = "127.0.0.1:8000") -> int:
    client = TestClient(app_of(world.rooms), client=(peer, 50_000))
    return client.get("/metrics", headers={"Host": host, **headers}).status_code


def test_metrics_are_for_this_machine_and_for_engineers(shared: World) -> None:
    assert metrics(shared, "127.0.0.1", {}) == 200
    assert metrics(shared, "::1", {}, host="[::1]:8000") == 200
    assert metrics(shared, "127.0.0.1", {}, host="localhost:8000") == 200
    assert metrics(shared, "10.0.0.7", {}) == 401
    assert metrics(shared, "10.0.0.7", shared.bearer("eng")) == 200
    assert metrics(shared, "10.0.0.7", shared.bearer("chen")) == 403


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via", "CF-Connecting-IP"]
)
def test_a_proxys_guests_are_not_local(shared: World, header: str) -> None:
    assert metrics(shared, "127.0.0.1", {header: "10.0.0.7"}) == 401


@pytest.mark.parametrize("host", ["meters.example.org", "10.0.0.7:8000", "127.0.0.1.example.org", "[::1", ""])
def test_what_was_meant_for_another_name_is_not_local(shared: World, host: str) -> None:
    assert metrics(shared, "127.0.0.1", {}, host=host) == 401


def test_answer_times_are_counted_by_route_and_not_by_address(shared: World) -> None:
    client = TestClient(app_of(shared.rooms), client=("127.0.0.1", 50_000))
    client.get("/api/v1/meters/E-MAIN", headers=shared.bearer("eng"))
    client.get("/one-of-countless-addresses")
    text = client.get("/metrics", headers={"Host": "localhost"}).text
    assert 'route="/api/v1/meters/{meter}"' in text
    assert "E-MAIN" not in text
    assert "countless" not in text

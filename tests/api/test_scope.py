"""The department scope: what is not yours to see answers as what does not exist, on every route there is."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from served.world import MONTH, World, app_of

from api.app import PAGES, RESOURCES, create_app
from api.routers import PREFIX
from api.routers.service import metrics_reader
from api.scope import ALLOWED, Gate, Need

PUBLIC = {"/healthz", "/readyz", "/docs", "/login", "/language/{language}"}
"""Routes that anybody may use; they show nothing of the site but its name."""

SPAN = f"from={quote('2026-11-17T00:00:00+08:00')}&to={quote('2026-11-18T00:00:00+08:00')}"
FOREIGN = {"department": "wards", "meter": "W-B2", "point": "b2-main.active_energy_import", "incident": "3"}
"""Rows of the wards, which radiology must not see. Incident 3 is theirs."""
OWN = {"department": "radiology", "meter": "E-B1-CT", "point": "b1-ct.active_energy_import", "incident": "2"}


def routes() -> Iterator[tuple[str, APIRoute]]:
    for router in (*RESOURCES, *PAGES):
        yield from ((route.path, route) for route in _routes(router))


def _routes(router: APIRouter) -> list[APIRoute]:
    found = [route for route in router.routes if isinstance(route, APIRoute)]
    assert len(found) == len(router.routes), "a route of another kind would escape this test"
    return found


def calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls(inner)


def for_departments(route: APIRoute) -> bool:
    """Whether the role of departments may use a route at all."""
    return all("department" in ALLOWED[call.need] for call in calls(route.dependant) if isinstance(call, Gate))


def named(kind: str, *, departments: bool = True) -> list[str]:
    """GET routes that name rows of a kind, as addresses with those rows left open."""
    return [
        path
        for path, route in routes()
        if "GET" in route.methods and f"{{{kind}}}" in path and for_departments(route) is departments
    ]


def address(path: str, rows: dict[str, str]) -> str:
    filled = path.format(**rows, month=MONTH)
    return f"{filled}?{SPAN}" if path.endswith(("/readings", "/consumption")) else filled


def test_every_route_declares_its_need() -> None:
    silent = [
        path
        for path, route in routes()
        if path not in PUBLIC
        and not any(isinstance(call, Gate) or call is metrics_reader for call in calls(route.dependant))
    ]
    assert not silent, f"routes without Depends(allow(Need...)): {silent}"


def test_the_application_has_no_other_routes(shared: World) -> None:
    documented = set(create_app(shared.rooms).openapi()["paths"])
    assert documented <= {path for path, _ in routes()}
    assert {path for path in documented if path.startswith("/api")} == {
        path for path, _ in routes() if path.startswith("/api")
    }


def test_every_need_says_who() -> None:
    assert set(ALLOWED) == set(Need)


GET_ROUTES = sorted({path for kind in FOREIGN for path in named(kind)})
CLOSED = sorted({path for kind in FOREIGN for path in named(kind, departments=False)})


@pytest.mark.parametrize("path", GET_ROUTES)
def test_rows_of_another_department_do_not_exist(shared: World, path: str) -> None:
    client = TestClient(app_of(shared.rooms), follow_redirects=False)
    header = shared.bearer("ray")
    unknown = {"department": "no-such", "meter": "no-such", "point": "no-such", "incident": "999"}
    foreign, nothing = (client.get(address(path, rows), headers=header) for rows in (FOREIGN, unknown))
    assert (foreign.status_code, nothing.status_code) == (404, 404)
    told = foreign.json()["detail"]
    for kind, row in FOREIGN.items():
        told = told.replace(row, unknown[kind])
    assert told == nothing.json()["detail"], "the two must not be told apart"


@pytest.mark.parametrize("path", CLOSED)
def test_what_no_department_may_do_tells_it_of_no_rows(shared: World, path: str) -> None:
    client = TestClient(app_of(shared.rooms), follow_redirects=False)
    answers = [client.get(address(path, rows), headers=shared.bearer("ray")) for rows in (OWN, FOREIGN)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()
    assert client.get(address(path, FOREIGN), headers=shared.bearer("eng")).status_code == 200


@pytest.mark.parametrize("path", GET_ROUTES)
def test_own_rows_are_there(shared: World, path: str) -> None:
    client = TestClient(app_of(shared.rooms), follow_redirects=False)
    assert client.get(address(path, OWN), headers=shared.bearer("ray")).status_code == 200
    assert client.get(address(path, FOREIGN), headers=shared.bearer("eng")).status_code == 200


def test_lists_hold_own_rows_only(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    header = shared.bearer("ray")

    def ids(path: str, key: str = "id") -> set[str]:
        return {str(item[key]) for item in client.get(f"{PREFIX}{path}", headers=header).json()["items"]}

    assert ids("/departments") == {"radiology"}
    assert ids("/meters") == {"E-B1-CT", "E-B1-REST", "W-B1"}
    assert ids("/points") == {"b1-ct.active_energy_import", "b1-water.volume"}
    assert ids("/incidents") == {"2"}
    assert ids(f"/statements/{MONTH}", "department") == {"radiology"}


def test_a_department_above_sees_those_below_and_nobody_else(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    found = client.get(f"{PREFIX}/departments", headers=shared.bearer("clin")).json()["items"]
    assert [each["id"] for each in found] == ["clinical", "laboratory", "outpatient", "radiology", "wards"]
    assert client.get(f"{PREFIX}/departments/logistics", headers=shared.bearer("clin")).status_code == 404


def test_incidents_of_another_department_cannot_be_asked_for_by_name(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    answer = client.get(f"{PREFIX}/incidents?department=wards", headers=shared.bearer("ray"))
    assert answer.status_code == 404


@pytest.mark.parametrize("page", ["/departments/radiology", "/incidents", "/incidents/2", "/departments", "/meters"])
def test_pages_of_a_department_name_no_other(shared: World, page: str) -> None:
    client = TestClient(app_of(shared.rooms), cookies={"meterbook_language": "en"})
    text = client.get(page, headers=shared.bearer("ray")).text
    for foreign in ("Wards", "wards", "Logistics", "W-B2", "E-B2", "b2-"):
        assert foreign not in text


@pytest.mark.parametrize(
    ("path", "roles"),
    [
        (f"/balance/{MONTH}", {"ada", "eng"}),
        (f"/statements/{MONTH}", {"ada", "eng", "ray"}),
        (f"/statements/{MONTH}/unallocated", {"ada", "eng"}),
        ("/departments", {"ada", "eng", "ray"}),
        ("/incidents", {"ada", "eng", "ray", "chen"}),
        ("/meters", {"ada", "eng", "ray", "chen"}),
        ("/points", {"ada", "eng", "ray", "chen"}),
    ],
)
def test_roles_may_what_the_table_says(shared: World, path: str, roles: set[str]) -> None:
    client = TestClient(app_of(shared.rooms))
    answers = {name: client.get(PREFIX + path, headers=shared.bearer(name)).status_code for name in shared.tokens}
    assert {name for name in ("ada", "eng", "ray", "chen") if answers[name] == 200} == roles
    assert set(answers.values()) <= {200, 403, 404}


def test_a_department_starts_at_its_own_page_and_does_nothing_to_incidents(shared: World) -> None:
    client = TestClient(app_of(shared.rooms), follow_redirects=False)
    assert client.get("/", headers=shared.bearer("ray")).headers["location"] == "/departments/radiology"
    for deed in ("ack", "comment", "resolve"):
        answer = client.post(f"{PREFIX}/incidents/2/{deed}", json={"comment": "x"}, headers=shared.bearer("ray"))
        assert answer.status_code == 403


def test_what_the_site_draws_is_not_a_departments_to_see(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    answers = {name: client.get("/live/now", headers=shared.bearer(name)).status_code for name in shared.tokens}
    assert answers == {"ada": 200, "eng": 200, "chen": 200, "ray": 403, "ward": 403, "clin": 403}


def test_the_crew_sees_equipment_and_no_money(shared: World) -> None:
    client = TestClient(app_of(shared.rooms), cookies={"meterbook_language": "en"})
    page = client.get("/", headers=shared.bearer("chen")).text
    assert "Open incidents" in page
    assert "Where it went" not in page
    assert client.get("/departments/radiology", headers=shared.bearer("chen")).status_code == 403

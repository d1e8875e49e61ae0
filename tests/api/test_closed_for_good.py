"""A closed month against every endpoint that writes: whoever sends what, its record stays byte for byte."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from served.december import OVER
from served.world import MONTH, PASSWORD, World, app_of, sign_in
from sqlalchemy import text

from api.app import PAGES, RESOURCES
from api.closing import close
from meterbook.accounting.ledger import Ledger
from meterbook.books.closings import Closings
from meterbook.books.corrections import Corrections
from meterbook.books.quotas import QuotaEntries

V1, NEXT = "/api/v1", "2026-12"
TABLES = ("closings", "statements", "statement_lines")
PEOPLE = ("eng", "ada", "ray")
CT = {"meter": "E-B1-CT", "reason": "a test"}
SPAN = {"from": "2026-11-16T10:00:00+08:00", "to": "2026-11-16T11:00:00+08:00"}
READ = {"point": "b1-ct.active_energy_import", "at": "2026-11-16T10:00:00+08:00", "value": "5000.01"}
ENTRY = {"utility": "electricity", "year": 2026, "department": "radiology", "amount": "2000", "reason": "a test"}
NO = {"outcome": "rejection", "comment": "a test"}

PROGRAMS: list[tuple[str, str, object, int]] = [
    ("/readings", "", {"readings": [READ, {**READ, "at": "2026-11-03T10:00:00+08:00", "value": "900"}]}, 200),
    ("/readings", "", {"readings": [{"meter": "E-KITCHEN", "at": "2026-11-30T23:00:00+08:00", "value": "7"}]}, 200),
    ("/corrections", "", {"kind": "estimate", "quantity": "12.5", **CT, **SPAN}, 201),
    ("/corrections", "", {"kind": "exclude", **CT, "from": SPAN["to"], "to": "2026-11-16T12:00:00+08:00"}, 201),
    (
        "/corrections",
        "",
        {
            "kind": "exchange",
            "meter": "E-B2",
            "reason": "a test",
            "at": SPAN["to"],
            "old_final": 2500,
            "new_initial": 0,
        },
        201,
    ),
    ("/corrections/{correction}/undo", "/corrections/2/undo", {"reason": "a test"}, 200),
    ("/quota-entries", "", ENTRY, 201),
    ("/quota-entries", "", {**ENTRY, "amount": "500", "source": "wards"}, 201),
    ("/quota-entries/{entry}/approve", "/quota-entries/1/approve", {}, 200),
    ("/statements/{month}/close", f"/statements/{MONTH}/close", {"force": "once more"}, 409),
    ("/statement-lines/{line}/disputes", "/statement-lines/{first}/disputes", {"comment": "a test"}, 201),
    ("/disputes/{dispute}/answer", "/disputes/1/answer", {**NO, "outcome": "adjustment", "corrections": [1]}, 200),
    ("/incidents/{incident}/ack", "/incidents/1/ack", {}, 200),
    ("/incidents/{incident}/comment", "/incidents/1/comment", {"comment": "a test"}, 200),
    ("/incidents/{incident}/resolve", "/incidents/1/resolve", {"comment": "a test"}, 409),
]
"""Route, where it is asked (where that differs), what is sent, the answer: in this order, ada approving eng's wish."""

FORMS: list[tuple[str, str, str, dict[str, str], int]] = [
    ("/meters/{meter}/reading", "/meters/E-KITCHEN/reading", "eng", {"figure": "5", "at": "2026-11-30T10:00"}, 303),
    ("/accounting/{month}", f"/accounting/{MONTH}", "eng", {"reason": "again", "confirmed": "yes", "seen": "x"}, 409),
    ("/accounting/quotas/{entry}", "/accounting/quotas/2", "ada", {}, 303),
    ("/statement-lines/{line}", "/statement-lines/{second}", "ray", {"comment": "a test"}, 303),
    ("/disputes/{dispute}", "/disputes/2", "eng", NO, 303),
    ("/incidents/{incident}", "/incidents/2", "eng", {"deed": "ack", "revision": "1"}, 303),
    ("/login", "/login", "eng", {"name": "eng", "password": PASSWORD, "next": f"/departments?month={MONTH}"}, 303),
    ("/logout", "/logout", "eng", {}, 303),
]
"""The forms of the portal: route, where, who, fields, answer."""


@pytest.fixture
def december(world: World) -> World:
    """The hospital on 2 December; ada has closed November."""
    world.clock.now = OVER
    close(world.rooms.ledger, world.rooms.books, MONTH, "ada", "nine days were read", OVER)
    return world


def rows(world: World) -> dict[str, list[str]]:
    """The record of the month in the books."""
    with world.rooms.books.read() as connection:
        found = {table: connection.execute(text(f"SELECT * FROM {table} WHERE month = '{MONTH}'")) for table in TABLES}
        return {table: sorted(map(repr, those)) for table, those in found.items()}


def recorded(world: World) -> dict[str, Any]:
    """The record of the month, and what is told of it."""
    client, bearer = TestClient(app_of(world.rooms)), world.bearer("eng")
    told = {path: client.get(f"{V1}/{path}/{MONTH}", headers=bearer).content for path in ("statements", "balance")}
    return {**told, **rows(world)}


def test_no_endpoint_that_writes_is_left_out() -> None:
    routes = [route for router in (*RESOURCES, *PAGES) for route in router.routes if isinstance(route, APIRoute)]
    writing = {route.path for route in routes if not route.methods <= {"GET", "HEAD"}}
    assert writing == {V1 + route for route, *_ in PROGRAMS} | {route for route, *_ in FORMS}


def test_every_endpoint_that_writes_leaves_a_closed_month_alone(december: World) -> None:
    before, kept = recorded(december), rows(december)
    assert all(kept.values())
    client = TestClient(app_of(december.rooms))
    lines = client.get(f"{V1}/statements/{MONTH}/radiology", headers=december.bearer("eng")).json()["lines"]
    places = {"first": lines[0]["id"], "second": lines[1]["id"]}
    for route, path, body, status in PROGRAMS:
        who = "ada" if route.endswith("approve") else "ray" if route.endswith("disputes") else "eng"
        answer = client.post(V1 + (path or route).format(**places), json=body, headers=december.bearer(who))
        assert answer.status_code == status, (route, answer.text)
        assert rows(december) == kept, route
    for route, path, who, fields, status in FORMS:
        portal = TestClient(app_of(december.rooms), follow_redirects=False)
        answer = portal.post(path.format(**places), data={"csrf": sign_in(portal, who), **fields})
        assert answer.status_code == status, (route, answer.text)
        assert rows(december) == kept, route
    assert recorded(december) == before
    changes = client.get(f"{V1}/statements/{NEXT}", headers=december.bearer("eng")).json()["items"]
    charged = [line["charge"] for one in changes for line in one["lines"] if line["kind"] == "adjustment"]
    assert charged, "what was read and corrected afterwards stands in the next month"


def test_other_files_of_the_site_leave_a_closed_month_alone(december: World) -> None:
    rooms, site = december.rooms, december.rooms.site
    before = recorded(december)
    moved = {name: replace(one, parent=None, headcount=None) for name, one in site.departments.items()}
    dearer = [replace(one, bands={band: Decimal(99) for band in one.bands}, demand=None) for one in site.tariffs]
    orphans = {name: replace(one, parent=None) for name, one in site.meters.items()}
    for other in (
        replace(site, allocations=()),
        replace(site, tariffs=tuple(dearer)),
        replace(site, departments=moved, quotas=()),
        replace(site, meters=orphans),
        replace(site, calendar=replace(site.calendar, country=None), currency="EUR"),
    ):
        books = rooms.books
        entries, closings = QuotaEntries(books), Closings(books)
        rooms.swap(other, Ledger(other, rooms.store, Corrections(books), entries=entries, closings=closings))
        assert recorded(december) == before

"""Scores over HTTP: a month out of 100 points, and what could not be judged."""

from __future__ import annotations

from dataclasses import replace

from fastapi.testclient import TestClient
from served.world import NOW, World, hospital

from meterbook.books import answers, incidents
from meterbook.domain.incident import Deed, Event
from meterbook.domain.instant import DAY, HOUR

SCORE = "/api/v1/departments/{}/score/2026-11"


def test_a_month_says_what_it_was_judged_by(world: World, client: TestClient) -> None:
    raised = world.incidents["E-B1-CT"].raised
    with world.rooms.books.write() as connection:
        incidents.record(
            connection, world.incidents["E-B1-CT"].id, Event(Deed.ACK, raised + HOUR, NOW, "chen", None), None
        )
    answer = client.get(SCORE.format("radiology"), headers=world.bearer("ray"))
    assert answer.status_code == 200
    found = answer.json()
    assert {name: found[name] for name in ("department", "month", "points", "passed")} == {
        "department": "radiology",
        "month": "2026-11",
        "points": "100.0",
        "passed": True,
    }
    parts = {part.pop("id"): part for part in found["parts"]}
    assert parts == {
        "quota": {"rule": "quota", "points": "40", "got": None, "measured": None, "reason": "quota_unknown"},
        "trend": {"rule": "against_last_year", "points": "20", "got": None, "measured": None, "reason": "month_runs"},
        "after_hours": {
            "rule": "after_hours_share", "points": "20", "got": None, "measured": None, "reason": "not_measured",
        },
        "response": {
            "rule": "incidents_answered", "points": "20", "got": "20.0", "measured": "1.0000", "reason": None,
        },
    }  # fmt: skip


def test_an_incident_is_answered_by_people_and_once(world: World) -> None:
    raised = world.incidents["E-B1-CT"].raised
    id_ = world.incidents["E-B1-CT"].id
    world.raise_incident("old", department="wards", late=True)
    with world.rooms.books.write() as connection:
        for deed, at in ((Deed.COMMENT, 1), (Deed.ACK, 5), (Deed.COMMENT, 7)):
            incidents.record(connection, id_, Event(deed, raised + at, NOW, "chen", "…"), None)
    with world.rooms.books.read() as connection:
        found = answers.answers(connection, raised, raised + 1)
        before = answers.answers(connection, raised - DAY, raised)
    assert [(one.department, one.raised, one.answered) for one in found] == [
        ("radiology", raised, raised + 5),
        ("wards", raised, None),
    ]
    assert before == []


def test_what_is_not_there_or_not_yours_is_not_found(world: World, client: TestClient) -> None:
    assert client.get(SCORE.format("wards"), headers=world.bearer("ray")).status_code == 404
    assert client.get(SCORE.format("wads"), headers=world.bearer("eng")).status_code == 404
    assert client.get(SCORE.format("wards"), headers=world.bearer("chen")).status_code == 403
    world.rooms.ledger.site = replace(hospital(), scores=None)
    answer = client.get(SCORE.format("wards"), headers=world.bearer("eng"))
    assert (answer.status_code, "scores.yaml" in answer.json()["detail"]) == (404, True)

"""Pushed readings: durable, idempotent, and rejected row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import NOW, World

from collectors.push.body import MAX_ROWS
from meterbook.books import arrivals, quarantine
from meterbook.domain.instant import DAY, MINUTE, iso, parse
from meterbook.domain.reading import Quality

URL = "/api/v1/readings"
POINT = "b1-water.volume"
AT = "2026-11-18T10:16:30+08:00"
GOOD = {"point": POINT, "at": AT, "value": "1777.123"}


def push(client: TestClient, world: World, *rows: object, who: str = "eng") -> Any:
    answer = client.post(URL, json={"readings": list(rows)}, headers=world.bearer(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_is_accepted_is_stored_and_readable(world: World, client: TestClient) -> None:
    before = _arrivals(world)
    assert push(client, world, GOOD) == {"accepted": 1, "repeated": 0, "conflicts": 0, "rejected": []}
    answer = client.get(
        f"/api/v1/points/{POINT}/readings",
        params={"from": AT, "to": "2026-11-18T10:17:00+08:00"},
        headers=world.bearer("eng"),
    )
    assert answer.json() == {"items": [{"at": AT, "value": "1777.123", "quality": "good"}], "next": None}
    assert _arrivals(world) == before + 1, "whoever follows the arrival log learns of it"


def test_sending_again_changes_nothing_and_another_value_is_a_conflict(world: World, client: TestClient) -> None:
    push(client, world, GOOD)
    assert push(client, world, GOOD)["repeated"] == 1
    assert push(client, world, {**GOOD, "value": 1777.5})["conflicts"] == 1
    stored = world.rooms.store.read(POINT, parse(AT), parse(AT) + 1)
    assert stored.value.tolist() == [1777.5]


def test_numbers_strings_and_qualities_are_read(world: World, client: TestClient) -> None:
    rows = [
        {**GOOD, "at": "2026-11-18T02:10:00Z", "value": 1776},
        {**GOOD, "at": "2026-11-18T02:11:00Z", "value": "1.7762e3", "quality": "estimated"},
        {**GOOD, "at": "2026-11-18T02:12:00Z", "value": 1776.5, "quality": "bad"},
    ]
    assert push(client, world, *rows)["accepted"] == 3
    stored = world.rooms.store.read(POINT, parse("2026-11-18T02:10:00Z"), parse("2026-11-18T02:13:00Z"))
    assert stored.value.tolist() == [1776.0, 1776.2, 1776.5]
    assert stored.quality.tolist() == [Quality.GOOD, Quality.ESTIMATED, Quality.BAD]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**GOOD, "point": "b9.volume"}, "b9.volume"),
        ({**GOOD, "point": 7}, "id of a point"),
        ({**GOOD, "at": "2026-11-18T10:16:30"}, "no offset"),
        ({**GOOD, "at": "now"}, "instant with offset"),
        ({**GOOD, "at": 1_760_000_000}, "instant with offset"),
        ({**GOOD, "at": iso(NOW + DAY)}, "in the future"),
        ({**GOOD, "at": "1970-01-01T00:00:00Z"}, "before 2000"),
        ({**GOOD, "value": "NaN"}, "not a number"),
        ({**GOOD, "value": "1,5"}, "not a number"),
        ({**GOOD, "value": "1e999"}, "finite"),
        ({**GOOD, "value": None}, "expected a number"),
        ({**GOOD, "value": True}, "no values of this point"),
        ({**GOOD, "value": [1]}, "expected a number"),
        ({**GOOD, "quality": "superb"}, "good, estimated or bad"),
        ({**GOOD, "quality": ["good"]}, "good, estimated or bad"),
        ({**GOOD, "unit": "L"}, "'unit'"),
        ({"point": POINT}, "expected"),
        ({**GOOD, "meter": "W-B1"}, "either a point or a meter"),
        ({"meter": "E-B9", "at": AT, "value": 1}, "no meter is called 'E-B9'"),
        ({"meter": "E-B1-REST", "at": AT, "value": 1}, "calculated from others"),
        ({"meter": ["E-KITCHEN"], "at": AT, "value": 1}, "id of a meter"),
        ("row", "expected an object"),
        (None, "expected an object"),
    ],
)
def test_a_row_that_is_no_reading_is_rejected_and_the_others_go_in(
    world: World, client: TestClient, row: object, reason: str
) -> None:
    found = push(client, world, GOOD, row)
    assert found["accepted"] == 1
    assert [rejected["row"] for rejected in found["rejected"]] == [1]
    assert reason in found["rejected"][0]["reason"]
    with world.rooms.books.read() as connection:
        assert quarantine.counts(connection) == {"push": 1}


@pytest.mark.parametrize("written", ["NaN", "-Infinity", "1e400", "1" + 400 * "0", "1" + 5000 * "0"])
def test_a_number_that_is_none_costs_its_own_row_only(world: World, client: TestClient, written: str) -> None:
    body = json.dumps({"readings": [GOOD, {**GOOD, "value": "here"}]}).replace('"here"', written)
    answer = client.post(URL, content=body, headers=world.bearer("eng"))
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert [(row["row"], row["reason"]) for row in answer.json()["rejected"]] == [
        (1, "the value is not a finite number")
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"readings": {}}', b'{"readings": [], "more": 1}', b'{"readings": [1}', b"\xff\xfe", b"{"],
)
def test_a_body_of_another_shape_is_refused_whole(world: World, client: TestClient, body: bytes) -> None:
    answer = client.post(URL, content=body, headers=world.bearer("eng"))
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_too_many_rows_are_refused(world: World, client: TestClient) -> None:
    answer = client.post(URL, json={"readings": [None] * (MAX_ROWS + 1)}, headers=world.bearer("eng"))
    assert answer.status_code == 413
    assert str(MAX_ROWS) in answer.json()["detail"]


@pytest.mark.parametrize("who", ["chen", "ray"])
def test_only_engineers_push(world: World, client: TestClient, who: str) -> None:
    answer = client.post(URL, json={"readings": [GOOD]}, headers=world.bearer(who))
    assert answer.status_code == 403
    assert len(world.rooms.store.read(POINT, parse(AT), parse(AT) + 1)) == 0


@pytest.mark.parametrize("key", ["point", "at", "value"])
def test_a_key_that_stands_twice_rejects_its_row_only(world: World, client: TestClient, key: str) -> None:
    twice = f'{{"point": "{POINT}", "at": "{AT}", "value": "1777.0", "{key}": "1778.0"}}'
    body = f'{{"readings": [{{"point": "{POINT}", "at": "{AT}", "value": "1777.123"}}, {twice}]}}'
    headers = {**world.bearer("eng"), "Content-Type": "application/json"}
    answer = client.post(URL, content=body, headers=headers).json()
    assert (answer["accepted"], [row["row"] for row in answer["rejected"]]) == (1, [1])
    assert f"'{key}' stands more than once" in answer["rejected"][0]["reason"]


def test_a_body_that_has_its_readings_twice_is_refused(world: World, client: TestClient) -> None:
    headers = {**world.bearer("eng"), "Content-Type": "application/json"}
    answer = client.post(URL, content='{"readings": [], "readings": []}', headers=headers)
    assert answer.status_code == 422
    assert "'readings' stands more than once" in answer.json()["detail"]


def test_hand_read_meters_take_readings_under_their_own_name(world: World, client: TestClient) -> None:
    assert push(client, world, {"point": "E-KITCHEN", "at": iso(NOW - MINUTE), "value": "88.1"})["accepted"] == 1


def test_meters_take_readings_as_they_do_from_files(world: World, client: TestClient) -> None:
    by_hand = {"meter": "E-KITCHEN", "at": iso(NOW - MINUTE), "value": "88.1"}
    assert push(client, world, by_hand, {"meter": "W-B1", "at": AT, "value": "1777.123"})["accepted"] == 2
    assert world.rooms.store.read("E-KITCHEN", NOW - MINUTE, NOW).value.tolist() == [88.1]
    assert world.rooms.store.read(POINT, parse(AT), parse(AT) + 1).value.tolist() == [1777.123]
    assert push(client, world, GOOD)["repeated"] == 1, "the same reading, named by its point"


def _arrivals(world: World) -> int:
    with world.rooms.books.read() as connection:
        return arrivals.last(connection)

"""Disputes over HTTP: contested by those who see a line, answered by those who answer for the accounts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.december import december
from served.world import MONTH, NOW, ROOT, World, app_of

from meterbook.books import audit
from meterbook.domain.instant import DAY
from meterbook.domain.reading import Reading

V1 = "/api/v1"
WHY = {"comment": " the scanner stood still "}
NO = {"outcome": "rejection", "comment": "the register is right"}
ESTIMATE = {
    "kind": "estimate",
    "meter": "E-B1-CT",
    "from": "2026-11-17T10:00:00+08:00",
    "to": "2026-11-17T11:00:00+08:00",
    "quantity": "1.5",
    "reason": "the voltage leads were off",
}


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The hospital in December, with November closed; each test contests lines of its own."""
    with december(tmp_path_factory.mktemp("over")) as made:
        yield made


class Desk:
    """Somebody who asks and tells, as a program does."""

    def __init__(self, world: World) -> None:
        self.world, self.client = world, TestClient(app_of(world.rooms))

    def ask(self, path: str, who: str = "eng", status: int = 200) -> Any:
        answer = self.client.get(V1 + path, headers=self.world.bearer(who))
        assert answer.status_code == status, answer.text
        return answer.json()

    def tell(self, path: str, body: object, who: str, status: int) -> Any:
        answer = self.client.post(V1 + path, json=body, headers=self.world.bearer(who))
        assert answer.status_code == status, answer.text
        return answer.json()

    def lines(self, department: str, month: str = MONTH, **like: str) -> list[Any]:
        """The lines of a statement that are like this."""
        lines = self.ask(f"/statements/{month}/{department}")["lines"]
        return [line for line in lines if all(line[name] == value for name, value in like.items())]

    def contest(self, line: Any, who: str = "ray", status: int = 201, body: object = WHY) -> Any:
        return self.tell(f"/statement-lines/{line['id']}/disputes", body, who, status)

    def answer(self, dispute: Any, body: object, who: str = "eng", status: int = 200) -> Any:
        return self.tell(f"/disputes/{dispute['id']}/answer", body, who, status)

    def correct(self, body: object = ESTIMATE) -> int:
        number: int = self.tell("/corrections", body, "eng", 201)["id"]
        return number


@pytest.fixture(scope="module")
def running(shared: World) -> Desk:
    """While November runs."""
    return Desk(shared)


@pytest.fixture(scope="module")
def desk(over: World) -> Desk:
    return Desk(over)


def test_a_line_is_contested_with_a_copy_of_its_figures(running: Desk) -> None:
    (line,) = running.lines("radiology", kind="direct", band="peak")
    statement = running.ask(f"/statements/{MONTH}/radiology")
    dispute = running.contest(line)
    told = {
        "id": dispute["id"],
        "department": "radiology",
        "month": MONTH,
        "contested": line,
        "state": "open",
        "hash": statement["hash"],
        "author": "ray",
        "comment": "the scanner stood still",
        "at": "2026-11-18T10:20:00+08:00",
        "site_version": running.world.rooms.site.version,
        "answer": None,
    }
    assert dispute == told
    point, store = "b1-ct.active_energy_import", running.world.rooms.store
    store.append([Reading(point, NOW + DAY, store.latest([point])[point].value + 900)], NOW + DAY)
    running.world.clock.now = NOW + DAY
    (later,) = running.lines("radiology", kind="direct", band="peak")
    assert later["id"] == line["id"]
    assert later["quantity"] != line["quantity"]
    assert running.ask(f"/disputes/{dispute['id']}") == told | {
        "now": later,
        "now_state": "open",
        "adjustments": [],
        "corrections": [],
    }
    assert running.contest(line, "clin", 409)["detail"] == (
        f"ray contests {line['id']} already: dispute {dispute['id']} waits for its answer"
    )


def test_while_the_month_is_open_a_line_is_mended_itself(running: Desk) -> None:
    (line,) = running.lines("radiology", kind="shared", utility="water")
    dispute = running.contest(line)
    unmended = running.answer(
        dispute, {"outcome": "adjustment", "comment": "x", "change": "allocations.yaml"}, status=409
    )
    assert unmended["detail"] == f"{line['id']} is what it was; mend it first, or reject the dispute"
    number = running.correct(ESTIMATE | {"meter": "W-B1", "quantity": "0.5"})
    mended = running.answer(dispute, {"outcome": "adjustment", "comment": "a burst pipe", "corrections": [number]})
    assert Decimal(mended["now"]["quantity"]) != Decimal(line["quantity"])
    assert mended["adjustments"] == []
    assert mended["corrections"][0]["reason"] == ESTIMATE["reason"]


@pytest.mark.parametrize("who", ["ward", "chen", None])
def test_nobody_contests_what_is_not_theirs_to_see(desk: Desk, who: str | None) -> None:
    (line,) = desk.lines("radiology", kind="direct", band="flat")
    path = f"{V1}/statement-lines/{line['id']}/disputes"
    header = desk.world.bearer(who) if who else {}
    foreign, absent = (
        desk.client.post(where, json=WHY, headers=header)
        for where in (path, path.replace(line["id"], f"{line['id']}x"))
    )
    assert {foreign.status_code, absent.status_code} == {{"ward": 404, "chen": 403, None: 401}[who]}
    assert foreign.json()["detail"].replace(line["id"], "") == absent.json()["detail"].replace(f"{line['id']}x", "")
    assert desk.ask(f"/disputes?line={line['id']}")["items"] == []


def test_a_department_knows_of_its_own_disputes_alone(desk: Desk) -> None:
    own = desk.contest(desk.lines("radiology", kind="shared", utility="electricity")[0])
    wards = desk.contest(desk.lines("wards", kind="shared", utility="water")[0], "ward")
    nobodys = desk.contest(desk.lines("unallocated")[0], "ada")
    found = {who: {one["id"] for one in desk.ask("/disputes", who)["items"]} for who in ("ray", "ward", "clin", "eng")}
    assert {own["id"]} <= found["ray"] <= found["clin"] <= found["eng"]
    assert {wards["id"]} <= found["ward"] <= found["clin"]
    assert wards["id"] not in found["ray"]
    assert nobodys["id"] in found["eng"] - found["clin"]
    foreign, absent = (desk.ask(f"/disputes/{number}", "ray", 404) for number in (wards["id"], 999))
    assert foreign["detail"].replace(str(wards["id"]), "999") == absent["detail"]
    assert desk.ask("/disputes?department=wards", "ray", 404)
    assert desk.ask("/disputes", "chen", 403)
    for who in ("ray", "ward", "clin", "chen"):
        desk.answer(wards, NO, who, 403)


def test_a_rejection_says_who_and_why_and_is_the_last_word(desk: Desk) -> None:
    (line,) = desk.lines("wards", kind="surcharge", band="sewage")
    dispute = desk.contest(line, "ward")
    refused = desk.answer(dispute, NO | {"corrections": [1]}, status=422)
    assert refused["errors"][0]["where"] == "body.corrections"
    answered = desk.answer(dispute, NO)
    assert answered["answer"] == {
        **NO,
        "author": "eng",
        "at": "2026-12-02T08:00:00+08:00",
        "corrections": [],
        "change": None,
        "site_version": desk.world.rooms.site.version,
    }
    assert (answered["now"], answered["now_state"], answered["adjustments"]) == (line, "closed", [])
    again = desk.answer(dispute, NO, "ada", 409)
    assert again["detail"] == f"dispute {dispute['id']} was answered by eng already: rejection"
    with desk.world.rooms.books.read() as connection:
        noted = [(one.who, one.deed, one.subject, one.detail) for one in audit.entries(connection, 2)]
    subject = f"{dispute['id']} {line['id']}"
    assert noted == [
        ("eng", "dispute answered: rejection", subject, "the register is right"),
        ("ward", "line contested", subject, "the scanner stood still"),
    ]
    second = desk.contest(line, "ward")
    assert [one["id"] for one in desk.ask(f"/disputes?line={line['id']}", "ward")["items"]] == [
        second["id"],
        dispute["id"],
    ]


def test_who_contests_does_not_answer(desk: Desk) -> None:
    dispute = desk.contest(desk.lines("logistics")[0], "eng")
    assert "somebody else must answer it" in desk.answer(dispute, NO, "eng", 409)["detail"]
    desk.answer(dispute, NO, "ada")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "names the corrections that mend the figure"),
        ({"corrections": [999]}, "there is no correction 999"),
        ({"corrections": ["undone"]}, "was undone by eng"),
        ({"corrections": ["water"]}, "is of W-B1, no meter of electricity here"),
    ],
)
def test_an_adjustment_names_what_can_mend_the_figure(desk: Desk, more: dict[str, Any], reason: str) -> None:
    (line, *_) = desk.lines("laboratory", kind="loss")
    found = desk.ask(f"/disputes?line={line['id']}")["items"]
    dispute = found[0] if found else desk.contest(line, "clin")
    body = {"outcome": "adjustment", "comment": "x", **more}
    if more.get("corrections") == ["undone"]:
        number = desk.correct(ESTIMATE | {"meter": "E-MAIN"})
        desk.tell(f"/corrections/{number}/undo", {"reason": "no"}, "eng", 200)
        body["corrections"] = [number]
    if more.get("corrections") == ["water"]:
        body["corrections"] = [desk.correct(ESTIMATE | {"meter": "W-B1"})]
    (fault,) = desk.answer(dispute, body, status=422)["errors"]
    assert fault["where"] == "body.corrections"
    assert reason in fault["reason"]


@pytest.mark.parametrize("body", [{}, {"comment": " "}, {"comment": 3}, {"comment": "x", "author": "somebody else"}])
def test_what_cannot_be_understood_contests_nothing(desk: Desk, body: dict[str, Any]) -> None:
    (line, *_) = desk.lines("outpatient")
    desk.contest(line, "clin", 422, body)
    assert desk.ask(f"/disputes?line={line['id']}")["items"] == []


def test_an_adjustment_comes_of_a_correction_and_is_linked_both_ways(desk: Desk) -> None:
    (line,) = desk.lines("radiology", kind="direct", band="peak")
    closed = desk.ask(f"/statements/{MONTH}/radiology")
    dispute = desk.contest(line)
    wish = {"outcome": "adjustment", "comment": "an estimate stands there now", "change": "nothing yet"}
    unmended = desk.answer(dispute, wish, status=409)
    assert "no adjustment has come of it" in unmended["detail"]
    number = desk.correct()
    mended = desk.answer(dispute, wish | {"corrections": [number], "change": None})
    assert mended["answer"]["corrections"] == [number]
    assert desk.ask(f"/statements/{MONTH}/radiology") == closed
    assert (mended["now"], mended["now_state"]) == (line, "closed")
    own = [one for one in mended["adjustments"] if one["own"]]
    assert [(one["month"], one["state"], one["line"]["band"]) for one in own] == [("2026-12", "open", "peak")]
    assert {one["line"]["utility"] for one in mended["adjustments"]} == {"electricity"}
    booked = desk.lines("radiology", "2026-12", kind="adjustment", utility="electricity")
    assert sorted(one["line"]["id"] for one in mended["adjustments"]) == sorted(one["id"] for one in booked)
    assert desk.ask(f"/statement-lines/{line['id']}/explain", "ray")["disputes"] == [
        desk.ask(f"/disputes/{dispute['id']}", "ray")
    ]
    (answering,) = desk.ask(f"/statement-lines/{own[0]['line']['id']}/explain", "ray")["disputes"]
    assert answering["id"] == dispute["id"]
    (other, *_) = [one["line"]["id"] for one in mended["adjustments"] if not one["own"]]
    assert desk.ask(f"/statement-lines/{other}/explain")["disputes"] == []


def test_corrections_of_meters_that_are_not_seen_are_not_shown(desk: Desk) -> None:
    (line,) = desk.lines("radiology", kind="loss", band="valley")
    dispute = desk.contest(line)
    number = desk.correct(
        ESTIMATE
        | {"meter": "E-MAIN", "quantity": "900", "from": "2026-11-17T03:00:00+08:00", "to": "2026-11-17T04:00:00+08:00"}
    )
    whole = desk.answer(dispute, {"outcome": "adjustment", "comment": "x", "corrections": [number]})
    assert [one["meter"] for one in whole["corrections"]] == ["E-MAIN"]
    assert desk.ask(f"/disputes/{dispute['id']}", "ray")["corrections"] == []


def test_the_list_pages_backwards(desk: Desk) -> None:
    for line in desk.lines("outpatient", kind="shared")[:3]:
        desk.contest(line, "clin")
    first = desk.ask("/disputes?department=outpatient&limit=2")
    rest = desk.ask(f"/disputes?department=outpatient&cursor={first['next']}")
    numbers = [one["id"] for one in first["items"] + rest["items"]]
    assert len(numbers) == 3
    assert numbers == sorted(numbers, reverse=True)
    waiting = desk.ask("/disputes?state=open&month=2026-11&department=outpatient")["items"]
    assert [one["id"] for one in waiting] == numbers
    assert desk.ask("/disputes?state=answered&department=outpatient")["items"] == []
    assert desk.ask("/disputes?cursor=odd", status=422)
    assert desk.ask("/disputes?month=2026-13", status=422)


def test_what_the_page_shows_can_be_sent(desk: Desk) -> None:
    page = (ROOT / "docs/disputes.md").read_text(encoding="utf-8")
    opened, answered = (json.loads(sample) for sample in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    dispute = desk.contest(desk.lines("logistics", kind="loss")[0], "eng", body=opened)
    assert "no correction" in desk.answer(dispute, answered | {"corrections": [999]}, "ada", 422)["detail"]

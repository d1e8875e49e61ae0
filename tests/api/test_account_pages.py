"""The accounts on pages: lines that explain themselves, disputes, closing, quotas, scores, and who may see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from served.december import december
from served.world import MONTH, NOW, World, app_of, sign_in

from api.portal import account_words
from meterbook.accounting.score import LIMITS
from meterbook.books import quotas
from meterbook.domain.allocation import SplitBy
from meterbook.domain.closing import BlockKind
from meterbook.domain.dispute import Outcome
from meterbook.domain.instant import parse
from meterbook.domain.interval import Reason
from meterbook.domain.reading import Quality
from meterbook.i18n.formats import Formats

PEOPLE = ("ada", "eng", "ray", "ward", "clin", "chen")
READER = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The hospital in December, with November closed."""
    with december(tmp_path_factory.mktemp("over")) as made:
        yield made


class Desk:
    """People with a browser each, signed in, who read English."""

    def __init__(self, world: World) -> None:
        self.world, app = world, app_of(world.rooms)
        self.programs = TestClient(app)
        self.clients, self.csrf = {}, {}
        for who in PEOPLE:
            self.clients[who] = TestClient(app, follow_redirects=False, cookies={"meterbook_language": "en"})
            self.csrf[who] = sign_in(self.clients[who], who)

    def see(self, who: str, path: str, status: int = 200) -> str:
        answer = self.clients[who].get(path, headers=READER)
        assert answer.status_code == status, answer.text
        return answer.text

    def words(self, who: str, path: str, status: int = 200) -> str:
        return worded(self.see(who, path, status))

    def send(self, who: str, path: str, status: int, csrf: str | None = None, **fields: Any) -> Any:
        form = {"csrf": self.csrf[who] if csrf is None else csrf, **fields}
        answer = self.clients[who].post(path, data=form, headers=READER)
        assert answer.status_code == status, answer.text
        return answer

    def ask(self, path: str, who: str = "eng") -> Any:
        answer = self.programs.get(f"/api/v1{path}", headers=self.world.bearer(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def line(self, department: str, **like: str) -> Any:
        lines = self.ask(f"/statements/{MONTH}/{department}")["lines"]
        return next(line for line in lines if all(line[name] == value for name, value in like.items()))


def worded(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.split("<main", 1)[1])).split())


@pytest.fixture(scope="module")
def desk(over: World) -> Desk:
    return Desk(over)


@pytest.mark.parametrize("like", [{"kind": "direct", "band": "peak"}, {"kind": "loss"}, {"kind": "surcharge"}])
def test_a_page_tells_of_a_line_what_the_answer_for_programs_tells(desk: Desk, like: dict[str, str]) -> None:
    line = desk.line("radiology", **like)
    for who in ("ray", "eng"):
        told = desk.ask(f"/statement-lines/{line['id']}/explain", who)
        html = desk.see(who, f"/statement-lines/{line['id']}")
        page = worded(html)
        formats = Formats("en", desk.world.rooms.site.calendar.zone, "CNY")
        figures = [told["line"]["quantity"], told["price"]["per_unit"], told["price"]["site_quantity"]]
        instants = []
        for part in told["meters"]:
            assert part["meter"] in page
            figures.append(part["consumption"])
            for edge in (edge for stretch in part["registers"] for edge in (stretch["opening"], stretch["closing"])):
                figures += [edge["register"], *(raw["value"] for raw in edge["readings"])]
                instants += [edge["at"], *(raw["at"] for raw in edge["readings"])]
        figures += [day["value"] for day in told["days"]]
        missing = [each for each in figures if each is not None and formats.exact(Decimal(each)) not in page]
        assert not missing
        assert not [at for at in instants if formats.moment(parse(at)) not in page]
        assert formats.money(Decimal(told["line"]["charge"])) in page
        assert told["hash"] in page
        assert all(f"/statement-lines/{other.replace(':', '%3A')}" in html for other in told["lines"])


def test_every_line_of_a_statement_leads_to_its_page(desk: Desk) -> None:
    html = desk.see("ray", f"/departments/radiology/statement?month={MONTH}")
    lines = desk.ask(f"/statements/{MONTH}/radiology")["lines"]
    for line in lines:
        assert f'href="/statement-lines/{line["id"].replace(":", "%3A")}"' in html
    assert "Unallocated" in desk.words("eng", f"/departments/unallocated/statement?month={MONTH}")
    assert desk.see("ray", f"/departments/unallocated/statement?month={MONTH}", 404)


def test_a_department_contests_by_form_and_sees_the_answer(desk: Desk) -> None:
    line = desk.line("radiology", kind="direct", band="valley")
    path = f"/statement-lines/{line['id']}"
    desk.send("ray", path, 403, csrf="", comment="we were away")
    assert "Write down first what is wrong" in desk.send("ray", path, 422, comment="  ").text
    opened = desk.send("ray", path, 303, comment=" we were away <b> ").headers["location"]
    assert re.fullmatch(r"/disputes/\d+", opened)
    assert "&lt;b&gt;" in desk.see("ray", opened)
    assert "contested already" in desk.send("clin", path, 409, comment="so say I").text
    assert "contested" in desk.words("ray", f"/departments/radiology/statement?month={MONTH}")
    assert "we were away" in desk.words("ray", "/disputes")
    assert "Contest this line" not in desk.words("ray", path)
    assert 'name="outcome"' not in desk.see("ray", opened)
    wish = {"outcome": "rejection", "comment": "the register is right"}
    desk.send("ray", opened, 403, **wish)
    desk.send("eng", opened, 403, csrf="", **wish)
    assert "Write down first why" in desk.send("eng", opened, 422, outcome="rejection").text
    assert "tick corrections" in desk.send("eng", opened, 422, outcome="adjustment", comment="x").text
    refused = desk.send("eng", opened, 409, outcome="adjustment", comment="as they say", change="the ratio")
    assert "there is no adjustment yet" in refused.text
    assert 'value="the ratio"' in refused.text
    desk.send("eng", opened, 303, **wish)
    for page in (opened, path):
        told = desk.words("ray", page)
        assert "rejected eng the register is right" in told
    assert "somebody was faster" in desk.send("ada", opened, 409, **wish).text.lower()
    assert "rejected" in desk.words("eng", "/disputes?show=all")
    assert "we were away" not in desk.words("eng", "/disputes")


def test_who_opened_a_dispute_is_not_asked_to_answer_it(desk: Desk) -> None:
    line = desk.line("logistics", kind="loss")
    opened = desk.send("eng", f"/statement-lines/{line['id']}", 303, comment="they rang").headers["location"]
    page = desk.see("eng", opened)
    assert "somebody else answers it" in page
    assert 'name="outcome"' not in page
    assert "somebody else answers" in desk.send("eng", opened, 409, outcome="rejection", comment="no").text
    assert 'name="outcome"' in desk.see("ada", opened)


@pytest.mark.parametrize("who", ["ward", "ray"])
def test_pages_of_another_departments_lines_and_disputes_do_not_exist(desk: Desk, who: str) -> None:
    other = "radiology" if who == "ward" else "wards"
    line = desk.line(other, kind="shared")
    path = f"/statement-lines/{line['id']}"
    opened = desk.send("clin", path, 303, comment="for them").headers["location"]
    for foreign, absent in ((path, f"{path}x"), (opened, "/disputes/999")):
        there, nothing = (desk.words(who, each, 404) for each in (foreign, absent))
        name, none = (each.rpartition("/")[2] for each in (foreign, absent))
        assert there.replace(f"{name} here", f"{none} here") == nothing
    desk.send(who, path, 404, comment="not ours")
    assert other not in desk.words(who, "/disputes?show=all").lower()
    assert opened not in desk.see(who, "/disputes?show=all")
    assert opened in desk.see("clin", "/disputes?show=all")


@pytest.mark.parametrize("path", ["/accounting", f"/accounting/{MONTH}", "/accounting/quotas", "/accounting/scores"])
def test_the_accounts_are_for_those_who_answer_for_them(desk: Desk, path: str) -> None:
    for who in ("ray", "clin", "chen"):
        desk.see(who, path, 403)
    assert desk.see("eng", path)
    assert desk.see("ada", path)
    for who in ("ray", "chen"):
        desk.send(who, f"/accounting/{MONTH}", 403, confirmed="yes", reason="x")
        desk.send(who, "/accounting/quotas/1", 403)
    desk.see("chen", "/disputes", 403)
    desk.see("chen", f"/statement-lines/{desk.line('radiology')['id']}", 403)


def test_a_month_is_closed_by_form_with_all_that_stands_in_the_way_seen(desk: Desk) -> None:
    path = "/accounting/2026-10"
    html = desk.see("eng", path)
    asked = desk.programs.post("/api/v1/statements/2026-10/close", headers=desk.world.bearer("eng"))
    blocks = [fault["reason"] for fault in asked.json()["errors"]]
    assert len(blocks) > 5
    assert not [block for block in blocks if block not in worded(html)]
    seen = re.search(r'name="seen" value="(\w+)"', html)
    assert seen is not None
    wish = {"reason": "before our time", "seen": seen[1]}
    assert "Tick that the month" in desk.send("eng", path, 422, **wish).text
    assert "see what stands in the way" in desk.send("eng", path, 409, confirmed="yes").text
    desk.send("eng", path, 403, csrf="", confirmed="yes", **wish)
    changed = desk.send("eng", path, 409, confirmed="yes", reason="whatever it is", seen="0" * 64).text
    assert "has changed since you looked" in changed
    assert "whatever it is" in changed
    assert desk.world.rooms.ledger.signature("2026-10") is None
    assert desk.send("eng", path, 303, confirmed="yes", **wish).headers["location"] == path
    closed = desk.see("eng", path)
    assert "Closed by eng, 2 Dec 2026, 08:00. Forced: before our time" in worded(closed)
    assert blocks[0] in worded(closed)
    assert 'name="confirmed"' not in closed
    assert "the month is closed" in desk.send("ada", path, 409, confirmed="yes", **wish).text
    assert "cannot be overridden" in desk.words("eng", "/accounting/2026-12")


def test_the_months_say_what_became_of_them(desk: Desk) -> None:
    told = desk.words("ada", "/accounting")
    assert (
        "December 2026 open November 2026 closed Closed by ada, 2 Dec 2026, 08:00. Forced: nine days were read" in told
    )
    assert "CN¥0.00" in desk.words("eng", f"/accounting/{MONTH}/compared")


def test_what_a_correction_mends_is_seen_from_the_dispute_to_the_month(desk: Desk) -> None:
    closed = desk.ask(f"/statements/{MONTH}/radiology")
    line = desk.line("radiology", kind="direct", band="peak")
    opened = desk.send("ray", f"/statement-lines/{line['id']}", 303, comment="it stood still").headers["location"]
    estimate = {
        "kind": "estimate",
        "meter": "E-B1-CT",
        "from": "2026-11-17T10:00:00+08:00",
        "to": "2026-11-17T11:00:00+08:00",
        "quantity": "1.5",
        "reason": "the leads were off",
    }
    entered = desk.programs.post("/api/v1/corrections", json=estimate, headers=desk.world.bearer("eng"))
    assert "the leads were off" in desk.words("ada", opened)
    desk.send("ada", opened, 303, outcome="adjustment", comment="so it was", correction=entered.json()["id"])
    assert desk.ask(f"/statements/{MONTH}/radiology") == closed
    told = desk.ask(f"/disputes/{opened.rpartition('/')[2]}")
    (own,) = [one["line"] for one in told["adjustments"] if one["own"]]
    charge = Formats("en", desk.world.rooms.site.calendar.zone, "CNY").money(Decimal(own["charge"]))
    for page in (opened, f"/statement-lines/{line['id']}"):
        html = desk.see("ray", page)
        assert "Adjustment in December 2026" in worded(html)
        assert charge in worded(html)
        assert own["id"].replace(":", "%3A") in html
    adjusted = desk.words("ray", f"/statement-lines/{own['id']}")
    assert "What changed in November 2026" in adjusted
    assert "it stood still" in adjusted
    december = desk.words("eng", "/accounting/2026-12")
    assert "Adjustments of earlier months on these statements" in december
    assert "Radiology November 2026" in december
    assert charge in desk.words("eng", "/departments/radiology/statement?month=2026-12")
    assert "Radiology" in desk.words("eng", f"/accounting/{MONTH}/compared")


def test_quotas_are_approved_by_another_person(desk: Desk) -> None:
    with desk.world.rooms.books.write() as connection:
        entry = quotas.add(
            connection, utility="electricity", year=2026, department="radiology", source=None,
            amount=Decimal(2000), asked_by="eng", reason="a second CT", at=NOW,
        )  # fmt: skip
    path = f"/accounting/quotas/{entry.id}"
    assert "You asked for this entry" in desk.words("eng", "/accounting/quotas")
    assert f'action="{path}"' in desk.see("ada", "/accounting/quotas")
    assert "somebody else approves" in desk.send("eng", path, 409).text
    desk.send("ada", path, 403, csrf="")
    desk.send("ada", path, 303)
    assert "312,000" in desk.words("eng", "/accounting/quotas")
    assert "the entry is approved" in desk.send("ada", path, 409).text
    desk.send("ada", "/accounting/quotas/999", 404)


def test_a_score_shows_how_it_came_about(desk: Desk) -> None:
    told = desk.ask(f"/departments/radiology/score/{MONTH}", "ray")
    page = desk.words("ray", f"/departments/radiology/score?month={MONTH}")
    assert "Score of Radiology" in page
    assert f"{told['points']} below the limit" in page
    for part in told["parts"]:
        assert part["id"] in page
    assert "Incidents answered in time" in page
    assert desk.see("ray", "/departments/wards/score", 404)
    table = desk.words("eng", "/accounting/scores?quarter=2026-Q4")
    assert table.index("Radiology") < table.index("Laboratory"), "nothing known is worse than no points"
    assert "No month of this quarter is over" in desk.words("eng", "/accounting/scores?quarter=2027-Q1")
    assert desk.see("eng", "/accounting/scores?quarter=x", 422)


@pytest.mark.parametrize(
    "path", [f"/accounting/{MONTH}", "/accounting/quotas", "/accounting/scores", "/disputes?show=all"]
)
def test_the_accounts_speak_chinese(desk: Desk, path: str) -> None:
    client = TestClient(app_of(desk.world.rooms), cookies={"meterbook_language": "zh"})
    page = worded(client.get(path, headers=desk.world.bearer("eng")).text)
    names = {"Excel", "PDF", "CSV", "kWh", "CT"}
    english = set(re.findall(r"\b[A-Z][a-z]{3,}\b", page)) - names
    assert not english


def test_every_kind_there_is_has_its_words() -> None:
    assert set(account_words.BLOCKS) == set(get_args(BlockKind))
    assert set(account_words.SPLITS) == set(get_args(SplitBy))
    assert set(account_words.OUTCOMES) == set(get_args(Outcome))
    assert set(account_words.INTERVALS) == {str(reason.name).lower() for reason in Reason}
    assert set(account_words.READ) == {quality.name.lower() for quality in Quality}
    assert set(account_words.RULES) == set(LIMITS)

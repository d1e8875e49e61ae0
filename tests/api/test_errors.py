"""One error shape for everything, and what goes round every answer."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import structlog
from fastapi.testclient import TestClient
from served.server import listening
from served.world import MONTH, World, app_of, sign_in
from structlog.testing import capture_logs

from api.app import create_app
from api.edge import MAX_BODY, MAX_FORM
from meterbook.domain.reading import IntakeFull, Receipt
from meterbook.telemetry import configure

V1 = "/api/v1"
FIELDS = {"type", "title", "status", "detail", "errors"}
FILE_PART = b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\n'
DAY = "from=2026-11-17T00:00:00%2B08:00&to=2026-11-18T00:00:00%2B08:00"
CONSUMPTION = f"{V1}/meters/E-MAIN/consumption"


@contextmanager
def structured() -> Iterator[None]:
    """The log as machines read it."""
    configure(json=True)
    try:
        yield
    finally:
        structlog.reset_defaults()


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        (None, "GET", f"{V1}/meters", 401),
        ("chen", "GET", f"{V1}/balance/{MONTH}", 403),
        ("eng", "GET", f"{V1}/meters/E-NONE", 404),
        ("eng", "GET", f"{V1}/nothing", 404),
        ("eng", "GET", "/nothing", 404),
        ("eng", "DELETE", f"{V1}/meters", 405),
        ("eng", "POST", f"{V1}/incidents/1/resolve", 409),
        ("eng", "GET", f"{CONSUMPTION}?from=2026-11-17", 422),
        ("eng", "GET", f"{V1}/incidents/x", 422),
        ("eng", "GET", f"{V1}/incidents/{10**20}", 422),
        ("eng", "GET", f"{V1}/incidents?state=odd", 422),
        ("eng", "GET", f"{V1}/incidents?cursor=odd", 422),
        ("eng", "GET", f"{V1}/points?limit=10001", 422),
        ("eng", "GET", f"{V1}/statements/2026-13", 422),
        ("eng", "GET", f"{V1}/statements/9999-12", 422),
        ("eng", "GET", f"{V1}/statements/0000-01", 422),
    ],
)
def test_every_error_is_a_problem(shared: World, who: str | None, method: str, path: str, status: int) -> None:
    client = TestClient(app_of(shared.rooms))
    answer = client.request(
        method, path, headers=shared.bearer(who) if who else {}, json={} if method == "POST" else None
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() == FIELDS
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "where", "expected"),
    [
        ("from=2026-11-17T00:00:00&to=2026-11-18T00:00:00%2B08:00", "query.from", "has no offset"),
        ("from=2026-11-17&to=2026-11-18", "query.from", "is no instant"),
        ("from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z", "query.from", "outside the years"),
        ("from=yesterday&to=today", "query.from", "is no instant"),
        ("from=2026-11-18T00:00:00%2B08:00&to=2026-11-17T00:00:00%2B08:00", "query.to", "after `from`"),
        ("from=2000-01-01T00:00:00Z&to=2026-11-17T00:00:00Z&by=15m", "query.by", "coarser"),
        ("from=2026-11-17T00:00:00Z", "query.to", "required"),
        (f"{DAY}&by=week", "query.by", "15m"),
    ],
)
def test_a_wrong_question_is_told_what_was_expected(shared: World, query: str, where: str, expected: str) -> None:
    client = TestClient(app_of(shared.rooms))
    answer = client.get(f"{CONSUMPTION}?{query}", headers=shared.bearer("eng"))
    assert answer.status_code == 422
    faults = answer.json()["errors"]
    assert [fault["where"] for fault in faults] == [where]
    assert expected in faults[0]["reason"]


def test_a_plus_that_was_not_encoded_is_understood(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    answer = client.get(f"{CONSUMPTION}?{DAY.replace('%2B', '+')}", headers=shared.bearer("eng"))
    assert answer.json()["intervals"][0]["start"] == "2026-11-17T00:00:00+08:00"


def test_people_get_a_page_and_programs_a_problem(world: World, client: TestClient) -> None:
    sign_in(client, "eng")
    page = client.get("/departments/no-such", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert client.get("/departments/no-such").headers["content-type"] == "application/problem+json"
    assert client.get(f"{V1}/meters/x", headers={"Accept": "text/html"}).json()["status"] == 404


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_refused_unread(shared: World, declared: bool) -> None:
    client = TestClient(app_of(shared.rooms))
    body = b"x" * (MAX_BODY + 1)
    content = body if declared else iter([body[: MAX_BODY // 2], body[MAX_BODY // 2 :]])
    answer = client.post(f"{V1}/readings", content=content, headers=shared.bearer("eng"))
    assert answer.status_code == 413
    assert answer.json().keys() == FIELDS


@pytest.mark.parametrize(
    ("path", "kind", "start", "limit"),
    [
        ("/login", "application/x-www-form-urlencoded", b"", MAX_FORM),
        ("/login", "multipart/form-data; boundary=x", FILE_PART, MAX_FORM),
        (f"{V1}/readings", "application/json", b"", MAX_BODY),
        (f"{V1}/incidents/1/ack", "application/json", b"", MAX_BODY),
    ],
)
def test_a_body_without_a_length_is_refused_in_full_form(
    tmp_path: Path, path: str, kind: str, start: bytes, limit: int
) -> None:
    """Over a real connection, in chunks: frameworks have answers of their own for a body that breaks off.

    Each body begins well-formed: how it arrives in pieces is up to the network, and a reader that meets nonsense
    in the first piece says so before the limit is reached.
    """
    with listening(tmp_path) as hospital, socket.create_connection(address(hospital.url), 10) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n"
            f"Authorization: Bearer {hospital.world.tokens['eng']}\r\n\r\n".encode()
        )
        connection.sendall(b"%x\r\n%s\r\n1\r\nx\r\n" % (limit, start.ljust(limit, b"x")))
        with connection.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"
            headers = dict(line.lower().rstrip(b"\r\n").split(b": ", 1) for line in iter(answer.readline, b"\r\n"))
            assert headers[b"content-type"] == b"application/problem+json"
            body = json.loads(answer.read(int(headers[b"content-length"])))
        assert (body.keys(), body["status"]) == (FIELDS, 413)


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.mark.parametrize(("language", "sentence"), [("zh", "这本不应发生"), ("en", "This should not have happened")])
def test_a_mistake_of_ours_is_a_page_for_people_and_a_problem_for_programs(
    world: World, language: str, sentence: str
) -> None:
    app = create_app(world.rooms)
    app.add_api_route("/broken", broken)
    app.add_api_route(f"{V1}/broken", broken)
    client = TestClient(app, cookies={"meterbook_language": language})
    with capture_logs() as events:
        page = client.get("/broken?token=secret", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert sentence in page.text
    assert "content-security-policy" in page.headers
    assert [(event["event"], event["method"], event["path"]) for event in events] == [
        ("unexpected error", "GET", "/broken")
    ]
    answer = client.get(f"{V1}/broken", headers={"Accept": "text/html"})
    assert answer.json().keys() == FIELDS
    assert "drawer" not in page.text + answer.text


def broken() -> None:
    raise RuntimeError("the drawer is stuck")


def test_a_mistake_of_ours_is_one_event_in_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with listening(tmp_path) as hospital, structured():
        hospital.world.rooms.sources = broken  # type: ignore[assignment]
        with pytest.raises(HTTPError):
            urlopen(f"{hospital.url}/readyz")
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line]
    event = json.loads(line)
    assert (event["event"], event["level"], event["path"]) == ("unexpected error", "error", "/readyz")
    assert event["exception"].endswith("RuntimeError: the drawer is stuck")


@pytest.mark.parametrize(
    ("who", "path", "status", "zh", "en"),
    [
        ("ray", "/incidents/3", 404, "这里没有第 3 号事件", "There is no incident 3 here"),
        ("ray", "/departments/wards", 404, "这里没有部门 wards", "There is no department wards here"),
        ("ray", "/meters/W-B2", 404, "这里没有表计 W-B2", "There is no meter W-B2 here"),
        ("ray", "/meters/%3Cb%3E", 404, "这里没有表计 &lt;b&gt;", "There is no meter &lt;b&gt; here"),
        ("eng", "/departments?month=2026-13", 422, "没有 2026-13 这个月份", "There is no month 2026-13"),
        ("eng", "/departments?month=9999-12", 422, "没有 9999-12 这个月份", "There is no month 9999-12"),
        ("chen", "/departments", 403, "您的角色无权", "Your role may not do this"),
        ("eng", "/incidents/x", 422, "无法识别", "cannot be understood"),
        ("eng", "/nothing", 404, "此网址下没有内容", "There is nothing at this address"),
    ],
)
def test_people_are_told_in_their_language(shared: World, who: str, path: str, status: int, zh: str, en: str) -> None:
    for language, sentence in (("zh", zh), ("en", en)):
        client = TestClient(app_of(shared.rooms), cookies={"meterbook_language": language})
        page = client.get(path, headers={**shared.bearer(who), "Accept": "text/html"})
        assert page.status_code == status
        assert sentence in page.text
        assert 'class="note" lang="en"' not in page.text


@pytest.mark.parametrize(("language", "sentence"), [("zh", "暂时无法访问"), ("en", "cannot be reached just now")])
def test_books_that_are_away_are_a_page_for_people(world: World, language: str, sentence: str) -> None:
    with world.rooms.books.write() as connection:
        connection.exec_driver_sql("ALTER TABLE tokens RENAME TO lost")
    client = TestClient(app_of(world.rooms), cookies={"meterbook_language": language})
    page = client.get("/meters", headers={**world.bearer("eng"), "Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert sentence in page.text
    assert page.headers["retry-after"] == "5"
    assert "books.db" not in page.text


def test_a_full_intake_says_when_to_come_back(world: World, client: TestClient) -> None:
    def full(*_: object) -> Receipt:
        raise IntakeFull("100 deliveries wait for the disk; send again in a moment")

    world.rooms.deliver = full
    answer = client.post(f"{V1}/readings", json={"readings": []}, headers=world.bearer("eng"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "send again" in answer.json()["detail"]


def test_books_that_are_away_are_not_our_callers_fault(world: World, client: TestClient) -> None:
    with world.rooms.books.write() as connection:
        connection.exec_driver_sql("ALTER TABLE tokens RENAME TO lost")
    answer = client.get(f"{V1}/meters", headers=world.bearer("eng"))
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("path", ["/login", "/healthz", "/nothing", f"{V1}/meters", "/static/look.css"])
def test_every_answer_is_guarded(shared: World, path: str) -> None:
    headers = TestClient(app_of(shared.rooms)).get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


PAGES = ["/", "/departments", "/departments/radiology", "/incidents", "/incidents/1", "/meters", "/meters/E-MAIN"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", [*PAGES, "/docs", "/login", f"/login?next={quote('/x')}"])
def test_no_page_names_another_host_or_holds_inline_code(shared: World, path: str, language: str) -> None:
    client = TestClient(app_of(shared.rooms), cookies={"meterbook_language": language})
    answer = client.get(path, headers=shared.bearer("eng") if "login" not in path else {})
    assert answer.status_code == 200
    assert not re.search(r"(?:src|href|action|data-\w+)=[\"'](?:https?:)?//", answer.text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text)


def test_files_of_the_portal_name_no_other_host(shared: World) -> None:
    client = TestClient(app_of(shared.rooms))
    for name in (
        "look.css",
        "pieces.css",
        "incidents.css",
        "tables.css",
        "forms.css",
        "portal.js",
        "charts.js",
        "mark.svg",
    ):
        text = client.get(f"/static/{name}").text
        assert not re.search(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))

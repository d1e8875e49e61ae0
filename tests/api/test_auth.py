"""Who comes in, who does not, and what is written down of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import Depends
from fastapi.testclient import TestClient
from served.world import PASSWORD, World, app_of, sign_in

from api import auth
from api.app import create_app
from api.auth import COOKIE, FAILURE_WINDOW, MAX_FAILURES
from api.problem import Problem
from api.scope import Need, allow
from meterbook.books import access, audit
from meterbook.domain.instant import HOUR

HTML = {"Accept": "text/html"}


def log_in(client: TestClient, name: str, password: str) -> int:
    return client.post("/login", data={"name": name, "password": password}).status_code


def test_a_page_leads_to_the_login_and_back(client: TestClient) -> None:
    away = client.get("/incidents?show=all", headers=HTML)
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=%2Fincidents%3Fshow%3Dall")
    back = client.post("/login", data={"name": "eng", "password": PASSWORD, "next": "/incidents?show=all"})
    assert (back.status_code, back.headers["location"]) == (303, "/incidents?show=all")
    assert client.get("/incidents").status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient) -> None:
    answer = client.post("/login", data={"name": "eng", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


def test_the_cookie_is_secure_where_the_address_is(world: World) -> None:
    client = TestClient(app_of(world.rooms), base_url="https://testserver", follow_redirects=False)
    answer = client.post("/login", data={"name": "eng", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_what_the_books_keep_is_no_key(world: World, client: TestClient) -> None:
    sign_in(client, "eng")
    with world.rooms.books.read() as connection:
        assert access.session(connection, client.cookies[COOKIE], world.clock()) is None
        assert access.user_of_token(connection, world.tokens["eng"], world.clock()) is None
        assert (access.password_hash(connection, "eng") or "").startswith("$argon2id$")


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org/", "/\\example.org"])
def test_the_way_back_stays_on_this_host(client: TestClient, back: str) -> None:
    answer = client.post("/login", data={"name": "eng", "password": PASSWORD, "next": back})
    assert answer.headers["location"] == "/"


def test_a_login_sent_by_another_site_is_refused(client: TestClient) -> None:
    answer = client.post("/login", data={"name": "eng", "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_five_wrong_passwords_lock_the_name_for_a_while(world: World, client: TestClient) -> None:
    assert [log_in(client, "eng", "wrong") for _ in range(MAX_FAILURES)] == [401] * MAX_FAILURES
    locked = client.post("/login", data={"name": "eng", "password": PASSWORD})
    assert locked.status_code == 429
    assert locked.headers["retry-after"] == "900"
    assert log_in(client, "chen", PASSWORD) == 303, "others still come in"
    world.clock.now += FAILURE_WINDOW + 1
    assert log_in(client, "eng", PASSWORD) == 303


def test_names_that_do_not_exist_are_locked_like_others(client: TestClient) -> None:
    answers = [log_in(client, "nobody", "wrong") for _ in range(MAX_FAILURES + 1)]
    assert answers == [401] * MAX_FAILURES + [429]


def test_a_disabled_user_is_out_at_once(world: World, client: TestClient) -> None:
    sign_in(client, "eng")
    with world.rooms.books.write() as connection:
        access.disable(connection, "eng")
    assert client.get("/api/v1/meters").status_code == 401
    assert client.get("/api/v1/meters", headers=world.bearer("eng")).status_code == 401
    assert log_in(client, "eng", PASSWORD) == 401


def test_a_session_ends_by_itself_and_by_logout(world: World, client: TestClient) -> None:
    csrf = sign_in(client, "eng")
    token = client.cookies[COOKIE]
    assert client.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
    client.cookies.set(COOKIE, token)
    assert client.get("/api/v1/meters").status_code == 401, "the session is gone, not only the cookie"
    client.cookies.clear()
    sign_in(client, "eng")
    world.clock.now += world.rooms.settings.session_hours * HOUR
    assert client.get("/api/v1/meters").status_code == 401


@pytest.mark.parametrize("csrf", ["", "wrong", None])
def test_changes_by_cookie_need_the_token_of_the_page(world: World, client: TestClient, csrf: str | None) -> None:
    sign_in(client, "chen")
    form = {"deed": "ack", "revision": "1"} | ({} if csrf is None else {"csrf": csrf})
    assert client.post("/incidents/1", data=form).status_code == 403
    header = {} if csrf is None else {"X-CSRF-Token": csrf}
    assert client.post("/api/v1/incidents/1/ack", json={}, headers=header).status_code == 403
    assert client.post("/logout", data={} if csrf is None else {"csrf": csrf}).status_code == 403
    assert client.get("/api/v1/incidents/1").json()["state"] == "raised"


def written(world: World) -> list[tuple[str, str]]:
    with world.rooms.books.read() as connection:
        return [(entry.who, entry.deed) for entry in audit.entries(connection, 100)]


def test_comings_and_goings_are_written_down(world: World, client: TestClient) -> None:
    csrf = sign_in(client, "eng")
    client.post("/logout", data={"csrf": csrf})
    assert written(world) == [("eng", "logout"), ("eng", "login")]


def test_strangers_do_not_fill_the_audit(world: World, client: TestClient) -> None:
    for _ in range(MAX_FAILURES + 3):
        log_in(client, "eng", "wrong")
        log_in(client, "nobody", "wrong")
    assert written(world) == [("eng", "login locked")], "one row where the lock-out of a user begins"


def test_guesses_at_the_same_moment_count_each_other(world: World) -> None:
    def guess(_: int) -> int:
        with pytest.raises(Problem) as refused:
            auth.log_in(world.rooms, "eng", "wrong")
        return refused.value.status.value

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(guess, range(30)))
    assert answers.count(401) == MAX_FAILURES
    assert set(answers) <= {401, 429, 503}


def test_hashing_takes_little_memory_and_few_places(client: TestClient) -> None:
    assert auth.hash_password("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with auth.HASHING.passed(), auth.HASHING.passed():
        answer = client.post("/login", data={"name": "eng", "password": PASSWORD})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "当前登录人数过多" in answer.text
    assert log_in(client, "eng", PASSWORD) == 303, "who was sent away has not used up a guess"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_that_changes_something_needs_the_token_of_the_page(world: World, method: str) -> None:
    app = create_app(world.rooms)
    app.add_api_route("/api/v1/tried", lambda: "done", methods=[method], dependencies=[Depends(allow(Need.HOME))])
    client = TestClient(app, follow_redirects=False)
    csrf = sign_in(client, "eng")
    assert client.request(method, "/api/v1/tried").status_code == 403
    assert client.request(method, "/api/v1/tried", headers={"X-CSRF-Token": csrf}).status_code == 200
    client.cookies.clear()
    assert client.request(method, "/api/v1/tried", headers=world.bearer("eng")).status_code == 200


@pytest.mark.parametrize("header", ["Bearer", "Bearer mb_wrong", "Basic ZW5nOmVuZw==", "mb_"])
def test_a_wrong_token_is_nobody(client: TestClient, header: str) -> None:
    answer = client.get("/api/v1/meters", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"

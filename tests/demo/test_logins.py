"""Logins of the demo: made up once, kept private, and good for coming in."""

import orjson
import pytest

from api.auth import digest
from meterbook.books import access
from meterbook.books.database import Books
from meterbook.demo.logins import LoginsLost, prepare


@pytest.fixture
def books(tmp_path):
    found = Books(f"sqlite:///{tmp_path / 'books.db'}")
    found.migrate()
    yield found
    found.close()


def test_one_login_for_each_role_is_written_as_promised(books, tmp_path, now):
    prepare(books, tmp_path, "http://127.0.0.1:8000", now)
    path = tmp_path / "demo.json"
    assert path.stat().st_mode & 0o777 == 0o600
    content = orjson.loads(path.read_bytes())
    assert content.keys() == {"url", "users"}
    assert content["url"] == "http://127.0.0.1:8000"
    assert {role: set(user) for role, user in content["users"].items()} == {
        "admin": {"name", "password", "token"},
        "engineer": {"name", "password", "token"},
        "crew": {"name", "password", "token"},
        "department": {"name", "password", "token", "department"},
    }
    assert content["users"]["department"]["department"] == "radiology"


def test_tokens_open_the_books(books, tmp_path, now):
    logins = prepare(books, tmp_path, "http://127.0.0.1:8000", now)
    with books.read() as connection:
        for role, login in logins.items():
            user = access.user_of_token(connection, digest(login.token), now)
            assert (user.name, user.role, user.department) == (login.name, role, login.department)


def test_a_second_start_keeps_them_and_names_the_new_address(books, tmp_path, now):
    first = prepare(books, tmp_path, "http://127.0.0.1:8000", now)
    assert prepare(books, tmp_path, "http://127.0.0.1:8001", now) == first
    assert orjson.loads((tmp_path / "demo.json").read_bytes())["url"] == "http://127.0.0.1:8001"


def test_nothing_is_fixed(tmp_path, now):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        books = Books(f"sqlite:///{tmp_path / name / 'books.db'}")
        books.migrate()
        found.append(prepare(books, tmp_path / name, "http://127.0.0.1:8000", now))
        books.close()
    secrets = [word for logins in found for login in logins.values() for word in (login.password, login.token)]
    assert len(set(secrets)) == len(secrets)


def test_lost_passwords_are_told(books, tmp_path, now):
    prepare(books, tmp_path, "http://127.0.0.1:8000", now)
    (tmp_path / "demo.json").unlink()
    with pytest.raises(LoginsLost, match="to begin anew"):
        prepare(books, tmp_path, "http://127.0.0.1:8000", now)

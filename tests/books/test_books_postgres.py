"""What only books on a server can meet: it is away, refuses, follows another one, or holds too few letters."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from peers.ports import free_port
from peers.postgres import Postgres
from sqlalchemy import text

from meterbook.books import arrivals, audit
from meterbook.books.database import Books, BooksError

SETTINGS = {
    "transaction_isolation": "read committed",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
    "synchronous_commit": "on",
}


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as fresh:
        yield fresh


@contextmanager
def opened(url: str) -> Iterator[Books]:
    books = Books(url)
    yield books
    books.close()


def refusal(url: str) -> str:
    """Why the books cannot be used."""
    with opened(url) as books, pytest.raises(BooksError) as refused:
        books.migrate()
    return str(refused.value)


def test_commits_are_synced_whatever_the_server_prefers(url: str) -> None:
    with opened(f"{url}?options=-csynchronous_commit%3Doff%20-cdefault_transaction_isolation%3Dserializable") as books:
        with books.write() as connection:
            here = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in SETTINGS}
        assert here == SETTINGS
        with books.read() as connection:
            assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "repeatable read"
            assert connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"


def test_a_server_that_is_away_is_named(url: str) -> None:
    port = free_port()
    told = refusal(re.sub(r":\d+/", f":{port}/", url))
    assert re.match(rf"postgresql://meterbook:\*\*\*@127\.0\.0\.1:{port}/books_\d+: .*refused", told)
    assert "check the address, and that the server is started" in told


@pytest.mark.parametrize(
    ("before", "after", "reason", "step"),
    [
        ("//meterbook:", "//stranger:", "password authentication failed", "check the user and the password"),
        ("a%20secret", "another%20secret", "password authentication failed", "check the user and the password"),
        ("/books_", "/nowhere_", "does not exist", "create the user and the database first"),
    ],
)
def test_a_refused_login_never_shows_the_password(url: str, before: str, after: str, reason: str, step: str) -> None:
    told = refusal(url.replace(before, after))
    assert reason in told
    assert step in told
    assert "secret" not in told


def test_a_password_may_also_stand_behind_the_question_mark(url: str) -> None:
    told = refusal(re.sub(r":[^:@]*@", "@", url) + "?password=geheim")
    assert "password authentication failed" in told
    assert "geheim" not in told


def test_a_mistyped_option_is_named(url: str) -> None:
    assert re.search(r'invalid connection option "nonsense".*; check the address', refusal(f"{url}?nonsense=1"))


def test_an_at_sign_in_the_password_is_explained() -> None:
    with pytest.raises(BooksError, match="write %40") as refused:
        Books("postgresql://meterbook:pa@ss/word@127.0.0.1/books")
    assert "ss/word" not in str(refused.value)


def test_a_database_with_too_few_letters_is_refused_with_the_next_step(postgres: Postgres) -> None:
    with postgres.database("ENCODING 'LATIN1' LOCALE 'C'") as url, opened(url) as books:
        books.migrate()
        with pytest.raises(BooksError, match="ENCODING 'UTF8'"), books.write() as connection:
            audit.add(connection, 1, "王", "login", "王", None)


def test_books_of_somebody_else_are_not_ours(postgres: Postgres, url: str) -> None:
    assert "let the database belong to this user" in refusal(re.sub(r"/books_\d+", "/postgres", url))


def test_a_server_that_takes_no_writes_is_named(url: str) -> None:
    told = refusal(f"{url}?options=-cdefault_transaction_read_only%3Don")
    assert "name the one that takes writes" in told


def test_books_that_were_never_migrated_are_told_apart(url: str) -> None:
    with (
        opened(url) as books,
        pytest.raises(BooksError, match="start the service once"),
        books.read() as connection,
    ):
        arrivals.last(connection)


def test_the_books_outlive_a_restart_of_the_server() -> None:
    with Postgres() as server, server.database() as own, opened(own) as books:
        books.migrate()
        with books.write() as connection:
            arrivals.add(connection, 1, 2, (), 3)
        server.stop()
        with pytest.raises(BooksError, match="check the address, and that the server is started"), books.read():
            pass
        server.start()
        with books.write() as connection:
            assert arrivals.last(connection) == 1


def test_the_audit_trail_cannot_be_emptied(url: str) -> None:
    with opened(url) as books:
        books.migrate()
        with pytest.raises(Exception, match="audit is append-only"), books.write() as connection:
            connection.execute(text("TRUNCATE audit"))


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BooksError, match=r"pip install 'meterbook\[postgres\]'"):
        Books("postgresql://meterbook@127.0.0.1/books")

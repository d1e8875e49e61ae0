"""Who may log in: names, new passwords, lock-outs."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.auth import MAX_FAILURES, hash_password
from meterbook.books import access, audit
from meterbook.books.database import Books
from meterbook.cli import app
from meterbook.domain.instant import HOUR, parse

NOW = parse("2026-11-02T08:00:00+08:00")


def user(data: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["user", *arguments, "--data", str(data)], env={"COLUMNS": "500", "TERM": "dumb"})
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def password_in(said: str) -> str:
    return said.rpartition(" ")[2]


def test_a_new_password_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    old = password_in(user(data, "add", "li", "--role", "crew"))
    with closing(Books(f"sqlite:///{data / 'books.db'}")) as books:
        with books.write() as connection:
            li = access.user(connection, "li")
            assert li is not None
            access.open_session(connection, li.id, "digest", "csrf", NOW + HOUR, NOW)
            for _ in range(MAX_FAILURES):
                access.note_failure(connection, "li", NOW)
            before = access.password_hash(connection, "li")
        said = user(data, "password", "li")
        with books.read() as connection:
            after = access.password_hash(connection, "li")
            assert access.failures_since(connection, "li", NOW - HOUR) == 0, "the lock-out is lifted"
            assert access.session(connection, "digest", NOW) is None, "who was logged in is out"
            assert [entry.deed for entry in audit.entries(connection, 1)] == ["password set"]
    assert re.fullmatch(r"li may log in with the password [\w-]{16}", said)
    assert password_in(said) != old
    assert before != after
    assert str(after).startswith(hash_password("x").rpartition("$")[0].rpartition("$")[0])


def test_a_new_password_for_nobody(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "there is no user wu" in user(data, "password", "wu", code=2)
    user(data, "add", "wu", "--role", "crew")
    user(data, "disable", "wu")
    assert "wu is shut out" in user(data, "password", "wu", code=2)


@pytest.mark.parametrize("name", ["li", "li.wei", "wei_2", "x-ray", "李伟", "a" * 64])
def test_names_that_can_be_typed(tmp_path: Path, name: str) -> None:
    assert f"{name} may log in as crew" in user(tmp_path / "data", "add", name, "--role", "crew")


@pytest.mark.parametrize("name", ["", " li", "li wei", "li/wei", "li\n", "<b>", "a" * 65])
def test_names_that_cannot(tmp_path: Path, name: str) -> None:
    said = user(tmp_path / "data", "add", name, "--role", "crew", code=2)
    assert "is no login name; expected letters, digits, . _ and -, 64 at most" in said
    assert not (tmp_path / "data").exists()

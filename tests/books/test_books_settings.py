"""Where the books are is a setting; a password is never part of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers.commands import typed
from peers.postgres import Postgres
from pydantic import ValidationError

from meterbook.books import access
from meterbook.settings import Settings
from meterbook.site.load import load
from meterbook.wiring.opening import open_archive


def settings(books: str) -> Settings:
    return Settings.model_validate({"storage": {"books": books}})


def test_the_archive_opens_the_books_that_are_named(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database() as url:
        monkeypatch.setenv("BOOKS_URL", url)
        with open_archive(tmp_path, settings("env:BOOKS_URL")) as archive, archive.books.write() as connection:
            access.add_user(connection, "wang", "crew", None, "hash", 1)
        with open_archive(tmp_path, settings("env:BOOKS_URL")) as archive, archive.books.read() as connection:
            assert [user.name for user in access.users(connection)] == ["wang"]
    assert not (tmp_path / "books.db").exists()


def test_without_a_setting_they_lie_in_the_data_directory(tmp_path: Path) -> None:
    with open_archive(tmp_path, Settings()):
        assert (tmp_path / "books.db").exists()


@pytest.mark.parametrize("books", ["postgresql://u@host/books", "postgresql:///books?host=/run/postgresql", "file:url"])
def test_an_address_may_be_written_down(books: str) -> None:
    assert settings(books).storage.books == books


@pytest.mark.parametrize("books", ["postgresql://u:geheim@host/b", "postgresql://u@host/b?sslpassword=geheim", "mysql"])
def test_a_password_or_another_database_may_not(books: str) -> None:
    with pytest.raises(ValidationError, match=r"holds a password|is no place for books"):
        settings(books)


def test_a_complaint_about_the_setting_does_not_quote_it(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text("storage:\n  books: postgresql://u:geheim@host/b\n")
    (found,) = (problem for problem in load(tmp_path).problems if problem.file == "service.yaml")
    assert (found.line, found.key) == (2, "storage.books")
    assert "geheim" not in repr(found)


def test_a_relative_file_is_looked_for_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text("storage: {books: 'file:url'}\n")
    assert load(tmp_path).settings.storage.books == f"file:{tmp_path}/url"


def test_a_missing_secret_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text("storage: {books: 'env:NOT_SET_ANYWHERE'}\n")
    (found,) = (problem for problem in load(tmp_path).problems if problem.file == "service.yaml")
    assert found.severity == "warning"
    assert "NOT_SET_ANYWHERE is not set" in found.message


def test_the_command_copies_and_counts(postgres: Postgres, tmp_path: Path) -> None:
    with open_archive(tmp_path, Settings()) as archive, archive.books.write() as connection:
        access.add_user(connection, "wang", "crew", None, "hash", 1)
    with postgres.database() as url:
        first, second = (typed("books", "copy", f"sqlite:///{tmp_path}/books.db", url) for _ in range(2))
    assert first.code == 0, first.told
    assert "users" in first.out
    assert second.code == 2
    assert "rows in users already" in second.err

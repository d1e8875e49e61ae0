"""Users, their tokens and sessions. Tokens and sessions are known here by digest only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from meterbook.books.tables import login_failures, sessions, tokens
from meterbook.books.tables import users as _users
from meterbook.domain.instant import DAY, Instant


class NameTaken(ValueError):
    """There is a user of that name already, perhaps a disabled one."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may come in; `department` bounds what a user of the role `department` sees."""

    id: int
    name: str
    role: str
    department: str | None
    disabled: bool


_USER = (_users.c.id, _users.c.name, _users.c.role, _users.c.department, _users.c.disabled)


def add_user(
    connection: Connection, name: str, role: str, department: str | None, password_hash: str, now: Instant
) -> User:
    """A new user; raises NameTaken."""
    row: dict[str, object] = {"name": name, "role": role, "department": department, "password_hash": password_hash}
    row |= {"disabled": False, "created": now}
    try:
        key = connection.execute(insert(_users).values(row).returning(_users.c.id)).scalar_one()
    except IntegrityError as error:
        raise NameTaken(f"there is a user {name} already; take another name") from error
    return User(key, name, role, department, False)


def user(connection: Connection, name: str) -> User | None:
    """The user of a name, disabled or not."""
    return _user(connection.execute(select(*_USER).where(_users.c.name == name)).one_or_none())


def users(connection: Connection) -> list[User]:
    """All users by name."""
    return [User(*row) for row in connection.execute(select(*_USER).order_by(_users.c.name))]


def password_hash(connection: Connection, name: str) -> str | None:
    """The hash of a user's password, None for an unknown name."""
    return connection.execute(select(_users.c.password_hash).where(_users.c.name == name)).scalar_one_or_none()


def set_password(connection: Connection, name: str, password_hash: str) -> None:
    """Another password; sessions opened with the old one end. Raises KeyError for an unknown name."""
    found = user(connection, name)
    if found is None:
        raise KeyError(name)
    connection.execute(update(_users).where(_users.c.id == found.id).values(password_hash=password_hash))
    connection.execute(delete(sessions).where(sessions.c.user == found.id))


def disable(connection: Connection, name: str) -> None:
    """Let a user in no more: sessions end, tokens are void. Raises KeyError for an unknown name."""
    found = user(connection, name)
    if found is None:
        raise KeyError(name)
    connection.execute(update(_users).where(_users.c.id == found.id).values(disabled=True))
    connection.execute(delete(sessions).where(sessions.c.user == found.id))
    connection.execute(delete(tokens).where(tokens.c.user == found.id))


def add_token(
    connection: Connection, user_id: int, digest: str, label: str, expires: Instant | None, now: Instant
) -> None:
    """A bearer token, good until `expires` (for ever where that is None)."""
    row = {"user": user_id, "digest": digest, "label": label, "expires": expires, "created": now}
    connection.execute(insert(tokens).values(row))


def user_of_token(connection: Connection, digest: str, now: Instant) -> User | None:
    """Whose token it is; None when it is unknown, expired, or its user disabled."""
    good = or_(tokens.c.expires.is_(None), tokens.c.expires > now)
    query = select(*_USER).join(tokens, tokens.c.user == _users.c.id).where(tokens.c.digest == digest, good, _enabled())
    return _user(connection.execute(query).one_or_none())


def open_session(connection: Connection, user_id: int, digest: str, csrf: str, expires: Instant, now: Instant) -> None:
    """A login in the portal; sessions that have expired are dropped on the way."""
    connection.execute(delete(sessions).where(sessions.c.expires <= now))
    row = {"user": user_id, "digest": digest, "csrf": csrf, "expires": expires, "created": now}
    connection.execute(insert(sessions).values(row))


def session(connection: Connection, digest: str, now: Instant) -> tuple[User, str] | None:
    """The user of a session and its CSRF token; None when it is unknown, expired, or its user disabled."""
    query = select(sessions.c.csrf, *_USER).join(_users, sessions.c.user == _users.c.id)
    good = (sessions.c.digest == digest) & (sessions.c.expires > now) & _enabled()
    row = connection.execute(query.where(good)).one_or_none()
    return None if row is None else (User(*row[1:]), row.csrf)


def end_session(connection: Connection, digest: str) -> None:
    """Log out; an unknown session is none any more either."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest))


def note_failure(connection: Connection, name: str, now: Instant) -> None:
    """A wrong password was given for `name`, which need not exist; those older than a day are dropped on the way."""
    connection.execute(delete(login_failures).where(login_failures.c.at <= now - DAY))
    connection.execute(insert(login_failures).values(name=name, at=now))


def failures_since(connection: Connection, name: str, since: Instant) -> int:
    """How often a wrong password was given for `name` from `since` on."""
    count = select(func.count()).select_from(login_failures)
    return connection.execute(count.where(login_failures.c.name == name, login_failures.c.at >= since)).scalar_one()


def clear_failures(connection: Connection, name: str) -> None:
    """The right password was given."""
    connection.execute(delete(login_failures).where(login_failures.c.name == name))


def _enabled() -> ColumnElement[bool]:
    return _users.c.disabled.is_(False)


def _user(row: Sequence[Any] | None) -> User | None:
    return None if row is None else User(*row)

"""One login for each role, made up on the first start and kept in `demo.json`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from api.auth import digest, hash_password, new_token
from meterbook.books import access, audit
from meterbook.books.database import Books
from meterbook.domain.instant import Instant

FILE = "demo.json"
_NAMES = {"admin": "admin", "engineer": "engineer", "crew": "crew", "department": "radiology"}
DEPARTMENT = "radiology"
"""The department that the login of the role `department` belongs to."""


class LoginsLost(Exception):
    """The books hold the demo's users, but the file with their passwords is gone."""


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody needs to come in; `department` is None for roles that see everything."""

    name: str
    password: str
    token: str
    department: str | None = None

    def encoded(self) -> dict[str, str]:
        """As in `demo.json`: without the department where there is none."""
        found = {"name": self.name, "password": self.password, "token": self.token}
        return found if self.department is None else {**found, "department": self.department}


def prepare(books: Books, directory: Path, url: str, now: Instant) -> dict[str, Login]:
    """The logins by role, from `demo.json` or new ones; the file then names `url`. Raises LoginsLost."""
    path = directory / FILE
    if path.exists():
        logins = _known(path)
        _write(path, url, logins)
        return logins
    logins = {role: _login(role, name) for role, name in _NAMES.items()}
    try:
        with books.write() as connection:
            for role, login in logins.items():
                user = access.add_user(
                    connection, login.name, role, login.department, hash_password(login.password), now
                )
                access.add_token(connection, user.id, digest(login.token), "demo", None, now)
                audit.add(connection, now, "demo", "user added", login.name, role)
            _write(path, url, logins)
    except access.NameTaken:
        raise LoginsLost(f"{path} is gone, and the passwords with it; delete {directory} to begin anew") from None
    return logins


def _known(path: Path) -> dict[str, Login]:
    try:
        users = orjson.loads(path.read_bytes())["users"]
        return {role: Login(**login) for role, login in users.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LoginsLost(f"{path} cannot be read; delete {path.parent} to begin anew") from None


def private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; a kill on the way leaves the old one."""
    beside = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _login(role: str, name: str) -> Login:
    department = DEPARTMENT if role == "department" else None
    return Login(name, secrets.token_urlsafe(9), new_token(), department)


def _write(path: Path, url: str, logins: Mapping[str, Login]) -> None:
    users = {role: login.encoded() for role, login in logins.items()}
    private(path, orjson.dumps({"url": url, "users": users}, option=orjson.OPT_INDENT_2))

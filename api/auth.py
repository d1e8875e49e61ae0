"""Who is asking: passwords, session cookies and bearer tokens. What they may see is decided in `api.scope`.

Of tokens only SHA-256 digests are kept: they are random, so that no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from fastapi import Request

from api.port import Rooms
from api.problem import Problem, Said
from api.turnstile import Crowded, Turnstile
from meterbook.books import access, audit
from meterbook.books.access import User
from meterbook.domain.instant import HOUR, MINUTE, SECOND, Instant
from meterbook.i18n import mark

COOKIE = "meterbook_session"
CSRF_HEADER = "X-CSRF-Token"
TOKEN_PREFIX = "mb_"
MAX_FAILURES = 5
FAILURE_WINDOW = 15 * MINUTE

HASHING = Turnstile(places=2, line=8, patience=2.0)
"""Passwords are hashed in here, so that a flood of logins takes neither the memory nor all the threads."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""What OWASP's password storage cheat sheet asks of argon2id at least: 19 MiB, two passes."""


@cache
def _nobody() -> str:
    """Verified for names that do not exist, so that they take as long as those that do."""
    return _HASHER.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user. `csrf` is that of the session; None for a bearer token, which no browser sends along."""

    user: User
    csrf: str | None


def hash_password(password: str) -> str:
    """The argon2id hash that is kept of a password."""
    return _HASHER.hash(password)


def digest(token: str) -> str:
    """What is kept of a session or bearer token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A fresh bearer token; it is shown once and never kept."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def caller(request: Request, rooms: Rooms) -> Caller | None:
    """Who sent a request, by bearer token or else by session cookie; None for nobody we know."""
    now = rooms.clock()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with rooms.books.read() as connection:
            user = access.user_of_token(connection, digest(token.strip()), now)
        return None if user is None else Caller(user, None)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    with rooms.books.read() as connection:
        found = access.session(connection, digest(cookie), now)
    return None if found is None else Caller(*found)


def log_in(rooms: Rooms, name: str, password: str) -> str:
    """Open a session and return its token for the cookie.

    Raises Problem 429 after MAX_FAILURES wrong passwords for a name within FAILURE_WINDOW, 401 for wrong credentials,
    503 while too many others log in.
    """
    now = rooms.clock()
    try:
        with HASHING.passed():
            failures = _attempt(rooms, name, now)
            with rooms.books.read() as connection:
                user, known = access.user(connection, name), access.password_hash(connection, name)
            matches = _matches(known, password)
    except Crowded:
        raise _crowded() from None
    if not matches or user is None or user.disabled:
        if failures == MAX_FAILURES and user is not None:
            with rooms.books.write() as connection:
                audit.add(connection, now, name, "login locked", name, "")
        raise Problem(HTTPStatus.UNAUTHORIZED, "the name or the password is wrong")
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with rooms.books.write() as connection:
        access.clear_failures(connection, name)
        access.open_session(connection, user.id, digest(token), csrf, now + rooms.settings.session_hours * HOUR, now)
        audit.add(connection, now, name, "login", name, "")
    return token


def _attempt(rooms: Rooms, name: str, now: Instant) -> int:
    """Count an attempt as failed before it is judged, so that those at the same moment count each other.

    Returns how many there were with this one; raises Problem 429 where there were too many before it.
    """
    with rooms.books.write() as connection:
        failures = access.failures_since(connection, name, now - FAILURE_WINDOW)
        if failures >= MAX_FAILURES:
            raise _locked_out()
        access.note_failure(connection, name, now)
    return failures + 1


def log_out(rooms: Rooms, token: str, name: str) -> None:
    """End a session for good."""
    with rooms.books.write() as connection:
        access.end_session(connection, digest(token))
        audit.add(connection, rooms.clock(), name, "logout", name, "")


def check_csrf(who: Caller, presented: str | None) -> None:
    """Refuse a change that a foreign page could have sent with our cookie; raises Problem 403."""
    if who.csrf is not None and not hmac.compare_digest(who.csrf.encode(), (presented or "").encode()):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "the form is out of date: load the page again and repeat",
            said=Said(mark("The form is out of date: load the page again and repeat.")),
        )


def _matches(known: str | None, password: str) -> bool:
    try:
        _HASHER.verify(known or _nobody(), password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return known is not None


def _locked_out() -> Problem:
    minutes = FAILURE_WINDOW // MINUTE
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"too many wrong passwords for this name; try again in {minutes} minutes",
        headers={"Retry-After": str(FAILURE_WINDOW // SECOND)},
    )


def _crowded() -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "many people log in at this moment; try again in a few seconds",
        headers={"Retry-After": "5"},
    )

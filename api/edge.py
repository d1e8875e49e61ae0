"""The outermost layer: security headers on every answer, a limit on every body, the time each route takes.

Where the application has no answer, it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from time import monotonic

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problem import Problem
from meterbook.telemetry import HTTP_SECONDS

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a request; larger ones are refused before they are read."""

MAX_FORM = 64 * 1024
"""Bytes of a form; it holds some words, and strangers may send one."""

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

SECURITY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class TooLarge(Exception):
    """The body went over its limit while it was read."""


Answerer = Callable[[Request, Exception], Response]


class Edge:
    """Wraps the application; see the module. `unexpected` answers a mistake of ours and logs it; it may block."""

    def __init__(self, app: ASGIApp, unexpected: Answerer) -> None:
        self.app = app
        self.unexpected = unexpected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = monotonic()
        try:
            await self._answer(scope, _Guard(scope, receive, send))
        finally:
            route = getattr(scope.get("route"), "path", "other")
            HTTP_SECONDS.labels(route=route).observe(monotonic() - began)

    async def _answer(self, scope: Scope, guard: _Guard) -> None:
        answer: Response | None = None
        try:
            if _declared_length(scope) > guard.limit:
                raise TooLarge
            await self.app(scope, guard.receive, guard.send)
        except TooLarge:
            guard.over = True
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:
            answer = await run_in_threadpool(self.unexpected, Request(scope), error)
            if guard.started:
                raise  # half an answer is out: the server cuts the connection
        if guard.over:
            answer = _too_large(guard.limit).answer()
        if answer is not None and not guard.started:
            guard.over = False
            await answer(scope, guard.receive, guard.send)


class _Guard:
    """What passes between the server and the application in one request.

    `over` says that more than `limit` bytes came in: frameworks make answers of their own of the error that this
    raises, and none of them goes out.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._read = 0
        self.limit = _limit(scope)
        self.over = self.started = False

    async def receive(self) -> Message:
        """The next part of the request."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self.limit:
            self.over = True
            raise TooLarge
        return message

    async def send(self, message: Message) -> None:
        """Let a part of the answer out, its head with the headers that every answer has."""
        if self.over and not self.started:
            return
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", _caching(self._scope))
        await self._send(message)


def _caching(scope: Scope) -> str:
    """Files named with their stamp never change; everything else belongs to one reader at one moment."""
    if not scope["path"].startswith("/static/"):
        return "no-store"
    return "public, max-age=31536000, immutable" if scope["query_string"].startswith(b"v=") else "no-cache"


def _declared_length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isdecimal() else 0


def _limit(scope: Scope) -> int:
    return MAX_FORM if Headers(scope=scope).get("content-type", "").lower().startswith(_FORMS) else MAX_BODY


def _too_large(limit: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {limit // 1024} KiB; send it in several requests",
        headers={"Connection": "close"},
    )

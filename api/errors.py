"""Whatever goes wrong becomes a problem for programs, a page for people, or the way to the login."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from api.port import rooms_of
from api.portal.render import Page, language_of
from api.problem import NOT_UNDERSTOOD, Fault, Problem, Said
from api.scope import SignInNeeded, Viewer, viewer_of
from meterbook.books.database import BooksError
from meterbook.i18n import mark
from meterbook.readings.fault import StoreError
from meterbook.telemetry import log

_log = log("api")

_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/static/")


def answer_errors(app: FastAPI) -> None:
    """Give the application an answer for every kind of error."""
    answers: dict[type[Exception], Callable[[Request, Any], Response]] = {
        Problem: _problem,
        HTTPException: _http,
        RequestValidationError: _invalid,
        StoreError: _unusable,
        BooksError: _unusable,
    }
    for kind, answer in answers.items():
        app.add_exception_handler(kind, answer)


def unexpected(request: Request, error: Exception) -> Response:
    """A mistake of ours: the log says which, in one event with the whole story."""
    _log.error("unexpected error", method=request.method, path=request.url.path, exc_info=error)
    said = Said(mark("This should not have happened, and the log says more. Tell an engineer when it was."))
    problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this should not have happened; the log says more", said=said)
    return _page(request, problem, None) if _for_people(request) else problem.answer()


def _problem(request: Request, error: Problem) -> Response:
    """A problem as people or programs read it."""
    if not _for_people(request):
        return error.answer()
    if isinstance(error, SignInNeeded):
        path, query = request.url.path, request.url.query
        back = "" if path == "/" else "?" + urlencode({"next": path + (f"?{query}" if query else "")})
        return RedirectResponse(f"/login{back if request.method == 'GET' else ''}", HTTPStatus.SEE_OTHER)
    try:
        viewer = viewer_of(request, rooms_of(request))
    except BooksError:
        viewer = None
    return _page(request, error, viewer)


def _page(request: Request, problem: Problem, viewer: Viewer | None) -> Response:
    rooms = rooms_of(request)
    page = Page(request, rooms, viewer, language_of(request, rooms), rooms.clock())
    answer = page.show("error.html", {"problem": problem}, problem.status)
    answer.headers.update(problem.headers)
    return answer


def _http(request: Request, error: HTTPException) -> Response:
    path = request.url.path
    known = {
        HTTPStatus.NOT_FOUND: (f"there is nothing at {path}", Said(mark("There is nothing at this address."))),
        HTTPStatus.METHOD_NOT_ALLOWED: (f"{request.method} is not possible at {path}", NOT_UNDERSTOOD),
    }
    status = HTTPStatus(error.status_code)
    detail, said = known.get(status, (str(error.detail), NOT_UNDERSTOOD))
    return _problem(request, Problem(status, detail, headers=error.headers, said=said))


def _invalid(request: Request, error: RequestValidationError) -> Response:
    faults = [
        Fault(where=".".join(str(part) for part in found["loc"]), reason=str(found["msg"])) for found in error.errors()
    ]
    detail = "; ".join(f"{fault.where}: {fault.reason}" for fault in faults)
    return _problem(request, Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults, said=NOT_UNDERSTOOD))


def _unusable(request: Request, error: Exception) -> Response:
    """The disk or the database: nothing was kept, and it may work again later."""
    said = Said(
        mark("The books or the readings cannot be reached just now. Try again in a moment, or tell an engineer.")
    )
    headers = {"Retry-After": "5"}
    return _problem(request, Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=headers, said=said))


def _for_people(request: Request) -> bool:
    wants = request.headers.get("accept", "")
    return "text/html" in wants and not request.url.path.startswith(_FOR_PROGRAMS)

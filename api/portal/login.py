"""Coming in, going out and the language of the pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from api import auth
from api.port import Rooms
from api.portal.render import LANGUAGE_COOKIE, PageAsked, local_path
from api.problem import Problem, Said
from api.scope import Need, Viewer, allow
from meterbook.domain.instant import HOUR, SECOND
from meterbook.domain.text import Language
from meterbook.i18n import mark

router = APIRouter(include_in_schema=False)

_YEAR = 365 * 24 * HOUR // SECOND
_MAX_NAME = 200
Back = Annotated[str, Query(alias="next", max_length=2000)]


@router.get("/login")
def login_page(page: PageAsked, back: Back = "/") -> Response:
    """The form; who is signed in already goes on."""
    if page.viewer is not None:
        return RedirectResponse(local_path(back), HTTPStatus.SEE_OTHER)
    return page.show("login.html", {"refusal": None, "name": "", "back": local_path(back)})


@router.post("/login")
def login(
    page: PageAsked,
    name: Annotated[str, Form(max_length=_MAX_NAME)],
    password: Annotated[str, Form(max_length=1000)],
    back: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Open a session, or show the form again with the reason."""
    if page.request.headers.get("sec-fetch-site") == "cross-site":
        said = Said(mark("This form was sent by another site."))
        raise Problem(HTTPStatus.FORBIDDEN, "this form was sent by another site", said=said)
    try:
        token = auth.log_in(page.rooms, name.strip(), password)
    except Problem as problem:
        facts = {"refusal": problem.status.value, "name": name, "back": local_path(back)}
        answer = page.show("login.html", facts, problem.status)
        answer.headers.update(problem.headers)
        return answer
    away = RedirectResponse(local_path(back), HTTPStatus.SEE_OTHER)
    lasts = page.rooms.settings.session_hours * HOUR // SECOND
    away.set_cookie(
        auth.COOKIE, token, max_age=lasts, httponly=True, samesite="lax", secure=_secure(page.request, page.rooms)
    )
    return away


@router.post("/logout")
def logout(
    page: PageAsked,
    viewer: Annotated[Viewer, Depends(allow(Need.HOME))],
    csrf: Annotated[str, Form(max_length=_MAX_NAME)] = "",
) -> Response:
    """End the session."""
    auth.check_csrf(viewer.caller, csrf)
    auth.log_out(page.rooms, page.request.cookies.get(auth.COOKIE, ""), viewer.user.name)
    away = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    away.delete_cookie(auth.COOKIE)
    return away


@router.get("/language/{language}")
def choose_language(language: Language, page: PageAsked, back: Back = "/") -> Response:
    """Remember the language and go back."""
    away = RedirectResponse(local_path(back), HTTPStatus.SEE_OTHER)
    away.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, samesite="lax", secure=_secure(page.request, page.rooms))
    return away


def _secure(request: Request, rooms: Rooms) -> bool:
    return request.url.scheme == "https" or (rooms.settings.http.public_url or "").startswith("https:")

"""Templates, languages and static files of the portal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.port import Here, Rooms
from api.portal import account_words, words
from api.scope import Need, Viewer, viewer_of
from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UTILITIES
from meterbook.domain.text import LANGUAGES, Language, Text
from meterbook.i18n import translator
from meterbook.i18n.formats import Formats, unit_sign

STATIC = Path(__file__).parent / "static"
LANGUAGE_COOKIE = "meterbook_language"
_CHARTS = "vendor/uPlot.iife.min.js"


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("api.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    spoken = translator(language)
    install = environment.install_gettext_callables  # type: ignore[attr-defined]  # added by the i18n extension
    install(spoken.gettext, spoken.ngettext, newstyle=True)
    environment.globals.update(
        asset=asset,
        words=words,
        wording=account_words,
        charts=(STATIC / _CHARTS).is_file(),
        unit_sign=unit_sign,
        Need=Need,
    )
    return environment


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes when the file does, so that browsers may keep it for good."""
    path = STATIC / name
    stamp = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "none"
    return f"/static/{name}?v={stamp}"


@dataclass(frozen=True)
class Page:
    """A page about to be shown to somebody (or to nobody yet, before the login)."""

    request: Request
    rooms: Rooms
    viewer: Viewer | None
    language: Language
    now: Instant

    def show(self, template: str, facts: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
        """The page of a template; every name that it uses must be among the facts."""
        site = self.rooms.site
        text = (
            _environment(self.language)
            .get_template(template)
            .render(
                **facts,
                site=site,
                viewer=self.viewer,
                language=self.language,
                f=self.formats,
                now=self.now,
                here=self.address,
                say=self.say,
                place=self.place,
                utility_name=self.utility_name,
            )
        )
        return HTMLResponse(text, status)

    @property
    def formats(self) -> Formats:
        """How figures and instants are written for the reader."""
        return Formats(self.language, self.rooms.site.calendar.zone, self.rooms.site.currency)

    @property
    def address(self) -> str:
        """Where the reader is, with the query, to come back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def say(self, text: Text) -> str:
        """A text of the site in the reader's language."""
        return text.in_(self.language)

    def place(self, space: str | None) -> str:
        """A space with the one above it: `Ward building, Campus`; empty where there is none."""
        names: list[str] = []
        while space is not None and space in self.rooms.site.spaces and len(names) < 2:
            found = self.rooms.site.spaces[space]
            names.append(self.say(found.name))
            space = found.parent
        return (" · " if self.language == "zh" else ", ").join(names)

    def utility_name(self, utility: str) -> str:
        """The name of a utility."""
        return self.say(UTILITIES[utility][1])


def language_of(request: Request, rooms: Rooms) -> Language:
    """The language chosen in this browser, else the site's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return next((language for language in LANGUAGES if language == chosen), rooms.site.language)


def page_of(request: Request, rooms: Here, viewer: Annotated[Viewer | None, Depends(viewer_of)]) -> Page:
    """The page that a request asks for."""
    return Page(request, rooms, viewer, language_of(request, rooms), rooms.clock())


PageAsked = Annotated[Page, Depends(page_of)]


def api(path: str, **query: str) -> str:
    """An address of the API, for charts to fetch."""
    return f"/api/v1{path}?{urlencode(query)}" if query else f"/api/v1{path}"


def local_path(back: str) -> str:
    """`back` where it is a path on this host, else the start page."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/"

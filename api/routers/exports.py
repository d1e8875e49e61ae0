"""Statements as files: CSV, workbooks and PDF of a department or of a whole month, and what a ledger posts."""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response

from api.ask import MonthAsked
from api.port import Here, Rooms
from api.problem import Problem, Said
from api.routers import PREFIX
from api.scope import Need, Viewer, allow
from meterbook.domain.statement import Statement
from meterbook.domain.text import Language
from meterbook.i18n import mark
from meterbook.reports import csv, xlsx
from meterbook.reports.font import NoFont, find
from meterbook.reports.issue import Issue

router = APIRouter(prefix=PREFIX, tags=["statements"])

Readers = Annotated[Viewer, Depends(allow(Need.STATEMENTS))]
LanguageAsked = Annotated[Language | None, Query(description="default: the language of the site")]

_PLAIN = re.compile(r"[^A-Za-z0-9._-]")
_UNFIT = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
_NO_FONT: dict[int | str, dict[str, Any]] = {
    HTTPStatus.SERVICE_UNAVAILABLE.value: {"description": "no font with Chinese; says which package to install"}
}


class Csv(Response):
    """Rows of text."""

    media_type = "text/csv; charset=utf-8"


class Workbook(Response):
    """An Office Open XML workbook."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Pdf(Response):
    """Pages."""

    media_type = "application/pdf"


@router.get("/statements/{month}/{department}.csv", response_class=Csv)
@router.get("/statements/{month}/{department}.xlsx", response_class=Workbook)
@router.get("/statements/{month}/{department}.pdf", response_class=Pdf, responses=_NO_FONT)
def statement_file(
    request: Request,
    month: MonthAsked,
    department: str,
    rooms: Here,
    viewer: Readers,
    language: LanguageAsked = None,
) -> Response:
    """A department's statement as a file."""
    party, now = viewer.party(department), rooms.clock()
    issue = _issue(rooms, month, [rooms.ledger.statement(month, party, now)], language, now, complete=False)
    return _file(rooms, issue, _ending(request), party, issue.name(party))


@router.get("/statements/{month}.csv", response_class=Csv)
@router.get("/statements/{month}.xlsx", response_class=Workbook)
@router.get("/statements/{month}.pdf", response_class=Pdf, responses=_NO_FONT)
def statements_file(
    request: Request, month: MonthAsked, rooms: Here, viewer: Readers, language: LanguageAsked = None
) -> Response:
    """Every statement of a month that the caller may see, as one file."""
    issue = _visible(rooms, viewer, month, language)
    return _file(rooms, issue, _ending(request), "", issue.say(rooms.site.name))


@router.get("/ledger/{month}.csv", response_class=Csv)
def ledger_file(month: MonthAsked, rooms: Here, viewer: Readers, language: LanguageAsked = None) -> Response:
    """What a ledger posts for a month: cost centre, account, amount; of the departments that the caller may see."""
    issue = _visible(rooms, viewer, month, language)
    name = issue.words.gettext(mark("Ledger"))
    return _attached(
        Csv(csv.ledger(issue, rooms.settings.reports.accounts)), f"ledger-{month}.csv", f"{month} {name}.csv"
    )


def _visible(rooms: Rooms, viewer: Viewer, month: str, language: Language | None) -> Issue:
    now = rooms.clock()
    found = viewer.statements(rooms.ledger.statements(month, now))
    return _issue(rooms, month, found, language, now, complete=viewer.departments is None)


def _issue(
    rooms: Rooms, month: str, found: list[Statement], language: Language | None, now: int, *, complete: bool
) -> Issue:
    tongue = language or rooms.site.language
    signature = rooms.ledger.signature(month)
    return Issue.of(rooms.site, month, found, tongue, now, complete=complete, signature=signature)


def _ending(request: Request) -> str:
    return request.url.path.rpartition(".")[2]


def _file(rooms: Rooms, issue: Issue, ending: str, party: str, whose: str) -> Response:
    answer: Response
    if ending == "xlsx":
        answer = Workbook(xlsx.statements(issue))
    elif ending == "pdf":
        answer = Pdf(_pdf(rooms, issue))
    else:
        answer = Csv(csv.statements(issue, rooms.settings.reports.accounts))
    plain = "-".join(part for part in ("statement", issue.month, party) if part)
    title = issue.words.gettext(mark("Utility statement"))
    return _attached(answer, f"{plain}.{ending}", f"{issue.month} {whose} {title}.{ending}")


def _pdf(rooms: Rooms, issue: Issue) -> bytes:
    from meterbook.reports import pdf  # fpdf and its fonts cost half a second; the service starts without

    try:
        return pdf.statements(issue, find(rooms.settings.reports.font, os.environ))
    except NoFont as error:
        said = Said(error.message, error.facts)
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), said=said) from error


def _attached(answer: Response, plain: str, name: str) -> Response:
    """An answer to be kept as a file of that name; those who read no UTF-8 get the plain one (RFC 6266)."""
    told = quote(_UNFIT.sub("_", name), safe="")
    answer.headers["Content-Disposition"] = (
        f"attachment; filename=\"{_PLAIN.sub('_', plain)}\"; filename*=UTF-8''{told}"
    )
    return answer

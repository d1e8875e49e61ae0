"""Quotas and scores: how departments stand, what waits for approval, the league table, and how a score came about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import RedirectResponse, Response

from api.auth import check_csrf
from api.granting import OwnRequest, approve
from api.judging import judge_of
from api.portal.months import MonthChosen, months_of
from api.portal.render import Page, PageAsked
from api.problem import Said, invalid, not_here
from api.scope import Need, Viewer, allow
from meterbook.accounting.correctable import Refused
from meterbook.accounting.score import LIMITS
from meterbook.accounting.score import months_of as months_of_quarter
from meterbook.books import quotas as book
from meterbook.books.quotas import ApprovedAlready
from meterbook.domain.calendar import first_of_month, next_month
from meterbook.i18n import mark

router = APIRouter(include_in_schema=False)

Granters = Annotated[Viewer, Depends(allow(Need.QUOTA_ENTRIES))]
Readers = Annotated[Viewer, Depends(allow(Need.DEPARTMENTS))]
Entry = Annotated[int, Path(ge=1, le=2**63 - 1)]

ENTRIES = 200
"""Entries that the page shows, the newest."""

_OWN = Said(mark("You asked for this entry; somebody else approves it."))
_APPROVED = Said(mark("Somebody was faster: the entry is approved."))
_NOT_NOW = Said(mark("The entry does not go with quotas.yaml any more, or too little is left to give."))


@router.get("/accounting/quotas")
def quotas(page: PageAsked, viewer: Granters, month: MonthChosen = None) -> Response:
    """How departments stand against their quotas, and the entries that wait for approval."""
    return _quotas(page, month, {})


@router.post("/accounting/quotas/{entry}")
def approve_entry(
    entry: Entry, page: PageAsked, viewer: Granters, csrf: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Approve an entry; where that is not possible, the page says why."""
    check_csrf(viewer.caller, csrf)
    try:
        approve(page.rooms.site, page.rooms.books, entry, viewer.user.name, page.now)
    except KeyError:
        raise not_here("quota entry", str(entry)) from None
    except OwnRequest:
        return _quotas(page, None, {"refusal": _OWN}, HTTPStatus.CONFLICT)
    except ApprovedAlready:
        return _quotas(page, None, {"refusal": _APPROVED}, HTTPStatus.CONFLICT)
    except Refused:
        return _quotas(page, None, {"refusal": _NOT_NOW}, HTTPStatus.CONFLICT)
    return RedirectResponse("/accounting/quotas", HTTPStatus.SEE_OTHER)


@router.get("/accounting/scores")
def league(page: PageAsked, viewer: Granters, quarter: Annotated[str | None, Query(max_length=7)] = None) -> Response:
    """The league table of a quarter; without one, of the last that has a month which is over."""
    judge = judge_of(page.rooms.ledger, page.rooms.books)
    current = _quarter(_month_before(page.rooms.site.calendar.month_of(page.now)))
    shown = quarter or current
    try:
        first = months_of_quarter(shown)[0]
    except ValueError as error:
        raise invalid("query.quarter", str(error)) from None
    following = _quarter(_month_after(months_of_quarter(shown)[-1]))
    return page.show(
        "scores.html",
        {
            "quarter": shown,
            "before": _quarter(_month_before(first)),
            "following": following if following <= _quarter(page.rooms.site.calendar.month_of(page.now)) else None,
            "table": judge.quarter(shown, page.now) if judge is not None else None,
        },
    )


@router.get("/departments/{department}/score")
def score(department: str, page: PageAsked, viewer: Readers, month: MonthChosen = None) -> Response:
    """A department's month out of 100 points, and how each part of it came about."""
    found = viewer.department(department)
    asked = month or _month_before(page.rooms.site.calendar.month_of(page.now))
    months = months_of(page, asked)
    judge = judge_of(page.rooms.ledger, page.rooms.books)
    declared = page.rooms.site.scores
    return page.show(
        "score.html",
        {
            "department": found,
            "months": months,
            "score": judge.month(months.shown, page.now, [found.id])[0] if judge is not None else None,
            "passing": declared.passing if declared is not None else None,
            "limits": {
                part.id: (
                    part.full_at if part.full_at is not None else LIMITS[part.rule][0],
                    part.none_at if part.none_at is not None else LIMITS[part.rule][1],
                )
                for part in (declared.parts if declared is not None else ())
                if part.rule in LIMITS
            },
        },
    )


def _quotas(page: Page, month: str | None, facts: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response:
    months = months_of(page, month)
    with page.rooms.books.read() as connection:
        entries = book.find(connection, limit=ENTRIES)
    shared: dict[str, object] = {
        "months": months,
        "standings": page.rooms.ledger.quotas(months.shown, page.now),
        "waiting": [entry for entry in entries if entry.approval is None],
        "approved": [entry for entry in entries if entry.approval is not None],
        "refusal": None,
    }
    return page.show("quotas.html", shared | dict(facts), status)


def _quarter(month: str) -> str:
    return f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"


def _month_before(month: str) -> str:
    return f"{first_of_month(month) - timedelta(days=1):%Y-%m}"


def _month_after(month: str) -> str:
    return f"{next_month(first_of_month(month)):%Y-%m}"

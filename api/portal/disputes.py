"""Disputes: the list, one of them with what became of it, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import RedirectResponse, Response

from api.auth import check_csrf
from api.disputing import NothingMoved, OwnDispute, Wish, answer, in_full
from api.portal.render import Page, PageAsked
from api.portal.statements import extras
from api.problem import Said
from api.schemas.correction import shown
from api.schemas.dispute import DisputeOut
from api.scope import Need, Viewer, allow
from meterbook.accounting.correctable import Refused
from meterbook.books import corrections
from meterbook.books import disputes as book
from meterbook.books.disputes import AnsweredAlready
from meterbook.domain.correction import Correction
from meterbook.domain.dispute import Dispute, Outcome
from meterbook.domain.instant import parse
from meterbook.i18n import mark

router = APIRouter(include_in_schema=False)

Contesters = Annotated[Viewer, Depends(allow(Need.DISPUTES))]
Answerers = Annotated[Viewer, Depends(allow(Need.DISPUTE_ANSWERS))]
Name = Annotated[int, Path(ge=1, le=2**63 - 1)]

PAGE = 50
OFFERED = 30
"""Corrections that an answer can choose from: the newest of the utility."""

_NO_COMMENT = Said(mark("Write down first why it is answered so."))
_NOTHING_NAMED = Said(
    mark("An adjustment names what mends the figure: tick corrections, or write what was changed in the site's files.")
)
_NAMED_NOTHING_MENDED = Said(mark("A rejection mends nothing: choose “adjusted”, or leave out corrections and change."))
_NOT_THESE = Said(mark("One of these corrections was undone or belongs to another utility. Look again, then decide."))
_ANSWERED = Said(mark("Somebody was faster: the dispute is answered."))
_OWN = Said(mark("You opened this dispute; somebody else answers it."))
_UNMOVED = Said(
    mark(
        "The contested figure is what it was, so there is no adjustment yet: enter the correction first, or reject. "
        "Rules and prices of a closed month stay; change them from an open month on."
    )
)


@router.get("/disputes")
def dispute_list(
    page: PageAsked,
    viewer: Contesters,
    show: Annotated[str, Query(pattern="^(open|all)$")] = "open",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Disputes that wait for their answer, or all of them; the newest first."""
    with page.rooms.books.read() as connection:
        found = book.find(
            connection,
            departments=viewer.departments,
            answered=False if show == "open" else None,
            before=before,
            limit=PAGE + 1,
        )
    zone = page.rooms.site.calendar.zone
    return page.show(
        "disputes.html",
        {
            "disputes": [DisputeOut.of(one, zone) for one in found[:PAGE]],
            "show": show,
            "following": found[PAGE - 1].id if len(found) > PAGE else None,
            "extras": extras(page.rooms.site),
            "at": parse,
        },
    )


@router.get("/disputes/{dispute}")
def dispute_page(dispute: Name, page: PageAsked, viewer: Contesters) -> Response:
    """One dispute: what was contested, what was answered, what became of it."""
    return _show(page, viewer, viewer.dispute(page.rooms.books, dispute), {})


@router.post("/disputes/{dispute}")
def answer_dispute(
    dispute: Name,
    page: PageAsked,
    viewer: Answerers,
    outcome: Annotated[Outcome, Form()],
    comment: Annotated[str, Form(max_length=2000)] = "",
    change: Annotated[str, Form(max_length=2000)] = "",
    correction: Annotated[Sequence[int], Form(max_length=100)] = (),
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Answer a dispute; what does not hold comes back with the reason."""
    check_csrf(viewer.caller, csrf)
    found = viewer.dispute(page.rooms.books, dispute)
    wish = Wish(outcome, comment.strip(), tuple(correction), change.strip() or None)
    refusal, status = _refusal(page, viewer, found, wish)
    if refusal is None:
        return RedirectResponse(f"/disputes/{dispute}", HTTPStatus.SEE_OTHER)
    current = viewer.dispute(page.rooms.books, dispute)
    return _show(page, viewer, current, {"refusal": refusal, "wish": wish}, status)


def _refusal(page: Page, viewer: Viewer, found: Dispute, wish: Wish) -> tuple[Said | None, HTTPStatus]:
    """Answer, or say why not."""
    if not wish.comment:
        return _NO_COMMENT, HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        answer(page.rooms.ledger, page.rooms.books, found, wish, viewer.user.name, page.now)
    except Refused:
        return _unfit(wish), HTTPStatus.UNPROCESSABLE_ENTITY
    except AnsweredAlready:
        return _ANSWERED, HTTPStatus.CONFLICT
    except OwnDispute:
        return _OWN, HTTPStatus.CONFLICT
    except NothingMoved:
        return _UNMOVED, HTTPStatus.CONFLICT
    return None, HTTPStatus.OK


def _unfit(wish: Wish) -> Said:
    if wish.outcome == "rejection":
        return _NAMED_NOTHING_MENDED
    return _NOT_THESE if wish.corrections else _NOTHING_NAMED


def _show(
    page: Page, viewer: Viewer, found: Dispute, facts: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    rooms = page.rooms
    answering = viewer.may(Need.DISPUTE_ANSWERS) and found.answer is None
    zone = rooms.site.calendar.zone
    shared: dict[str, object] = {
        "one": in_full(rooms.ledger, rooms.books, found, page.now, viewer.sees_meter),
        "department": rooms.site.departments.get(found.department),
        "answering": answering,
        "own": found.author.strip().casefold() == viewer.user.name.strip().casefold(),
        "offered": [shown(one, zone) for one in _offered(page, found)] if answering else [],
        "extras": extras(rooms.site),
        "at": parse,
        "refusal": None,
        "wish": Wish("rejection", ""),
    }
    return page.show("dispute.html", shared | dict(facts), status)


def _offered(page: Page, found: Dispute) -> list[Correction]:
    """The newest corrections in force that can mend the contested figure."""
    meters = {meter.id for meter in page.rooms.site.meters.values() if meter.utility == found.line.utility}
    with page.rooms.books.read() as connection:
        entries = corrections.in_force(connection)
    return [entry for entry in entries[::-1] if entry.meter in meters][:OFFERED]

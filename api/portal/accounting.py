"""The accounts for those who answer for them: the months, what stands in the way of closing one, and the closing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response

from api.ask import MonthAsked, month_named
from api.auth import check_csrf
from api.closing import Changed, NotClosable, close, fingerprint, in_the_way
from api.portal.months import months_of
from api.portal.overview import parts
from api.portal.render import Page, PageAsked
from api.problem import Said
from api.scope import Need, Viewer, allow
from api.utilities import supply_meters, unit_of, utilities
from meterbook.accounting.closing import sentence
from meterbook.accounting.comparison import Comparison, comparison
from meterbook.books import closings, disputes
from meterbook.books.closings import ClosedAlready
from meterbook.domain.calendar import first_of_month
from meterbook.domain.closing import Block, BlockKind, Signature
from meterbook.domain.reading import ABSURD_PAST
from meterbook.domain.statement import Line, Statement, StatementState
from meterbook.i18n import mark, translator

router = APIRouter(include_in_schema=False)

Closers = Annotated[Viewer, Depends(allow(Need.CLOSING))]

PAGE = 12
"""Months on a page."""

SHOWN = 30
"""Blocks of a kind and differences that are shown one by one; the rest is counted."""

_NOT_CONFIRMED = Said(mark("Tick that the month is to be closed for good."))
_CLOSED_BEFORE = Said(mark("Somebody was faster: the month is closed."))
_NOT_CLOSED = Said(mark("The month is not closed: see what stands in the way."))
_CHANGED = Said(mark("What stands in the way has changed since you looked. Look again, then decide."))


@dataclass(frozen=True, slots=True)
class Row:
    """A month in the list."""

    month: str
    state: StatementState
    signature: Signature | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Kind:
    """The blocks of one kind, each with its sentence."""

    kind: BlockKind
    blocks: Sequence[tuple[Block, str]]
    yields: bool


@dataclass(frozen=True, slots=True)
class Booked:
    """What a month's statements carry as adjustments of a closed month, by party."""

    source: str
    party: str
    charge: Decimal | None
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Party:
    """What a party was charged for a closed month, what it comes to, and what differs; see Compared."""

    party: str
    charged: Decimal | None
    due: Decimal | None
    difference: Decimal | None
    rerating: Decimal | None


@router.get("/accounting")
def months(page: PageAsked, viewer: Closers, before: Annotated[str | None, Query(max_length=7)] = None) -> Response:
    """The months there are readings of, the newest first, with what became of them."""
    with page.rooms.books.read() as connection:
        waiting, signed = disputes.waiting(connection), {one.month: one for one in closings.signatures(connection)}
    first, month = _first(page, signed), page.rooms.site.calendar.month_of(page.now)
    if before is not None:
        month = min(month, _previous(month_named("query.before", before)))
    rows: list[Row] = []
    while month >= first and len(rows) < PAGE:
        signature = signed.get(month)
        rows.append(Row(month, _state(page, month, signature), signature, waiting.get(month, 0)))
        month = _previous(month)
    return page.show(
        "accounting.html", {"rows": rows, "following": rows[-1].month if rows and month >= first else None}
    )


@router.get("/accounting/{month}")
def month_page(month: MonthAsked, page: PageAsked, viewer: Closers) -> Response:
    """One month: what stands in its way or who closed it, its balances, differences and adjustments."""
    return _show(page, month, {})


@router.get("/accounting/{month}/compared")
def compared(month: MonthAsked, page: PageAsked, viewer: Closers) -> Response:
    """A closed month beside what it comes to today; the page of the month for one that is not closed."""
    if page.rooms.ledger.signature(month) is None:
        return RedirectResponse(f"/accounting/{month}", HTTPStatus.SEE_OTHER)
    found = comparison(page.rooms.ledger, month)
    return page.show(
        "compared.html",
        {
            "months": months_of(page, month),
            "found": found,
            "rows": _by_department(found),
        },
    )


@router.post("/accounting/{month}")
def close_month(
    month: MonthAsked,
    page: PageAsked,
    viewer: Closers,
    reason: Annotated[str, Form(max_length=2000)] = "",
    confirmed: Annotated[str, Form(max_length=10)] = "",
    seen: Annotated[str, Form(max_length=100)] = "",
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Close a month, signed by whoever sends it; a reason overrides what the sender saw, and nothing else."""
    check_csrf(viewer.caller, csrf)
    written = {"reason": reason}
    if confirmed != "yes":
        return _show(page, month, written | {"refusal": _NOT_CONFIRMED}, HTTPStatus.UNPROCESSABLE_ENTITY)
    rooms, force = page.rooms, reason.strip() or None
    try:
        close(rooms.ledger, rooms.books, month, viewer.user.name, force, page.now, seen if force else None)
    except ClosedAlready:
        return _show(page, month, {"refusal": _CLOSED_BEFORE}, HTTPStatus.CONFLICT)
    except Changed:
        return _show(page, month, written | {"refusal": _CHANGED}, HTTPStatus.CONFLICT)
    except NotClosable:
        return _show(page, month, written | {"refusal": _NOT_CLOSED}, HTTPStatus.CONFLICT)
    return RedirectResponse(f"/accounting/{month}", HTTPStatus.SEE_OTHER)


def _show(page: Page, month: str, facts: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response:
    ledger, now = page.rooms.ledger, page.now
    signature = ledger.signature(month)
    found = list(signature.overridden) if signature is not None else in_the_way(ledger, month, now)
    balances = ledger.balances(month, now)
    begun = now >= page.rooms.site.calendar.month(month)[0]
    with page.rooms.books.read() as connection:
        waiting = disputes.waiting(connection).get(month, 0)
    shared: dict[str, object] = {
        "months": months_of(page, month),
        "state": _state(page, month, signature),
        "signature": signature,
        "kinds": _kinds(page, found),
        "yields": all(block.yields for block in found),
        "seen": fingerprint(found),
        "waiting": waiting,
        "balances": [(balance, parts(balance)) for balance in balances],
        "families": [
            (one, unit_of(page.rooms.site.meters[one.meter].utility)) for one in ledger.imbalances(month, now)
        ],
        "booked": _booked(page, ledger.statements(month, now) if begun else []),
        "most": SHOWN,
        "refusal": None,
        "reason": "",
    }
    return page.show("accounting_month.html", shared | dict(facts), status)


def _kinds(page: Page, found: Sequence[Block]) -> list[Kind]:
    words = translator(page.language)
    told = [(block, sentence(block, words)) for block in found]
    return [
        Kind(kind, own, own[0][0].yields)
        for kind, group in groupby(told, lambda one: one[0].kind)
        if (own := list(group))
    ]


def _booked(page: Page, statements: Sequence[Statement]) -> list[Booked]:
    """The adjustments on a month's statements, by the closed month and the party."""
    found: dict[tuple[str, str], list[Line]] = {}
    for statement in statements:
        for line in statement.lines:
            if line.kind == "adjustment":
                source = page.rooms.site.calendar.month_of(line.start)
                found.setdefault((source, statement.department), []).append(line)
    return [Booked(*key, _sum([line.charge for line in lines]), lines) for key, lines in sorted(found.items())]


def _by_department(found: Comparison) -> list[Party]:
    rows = []
    for party, group in groupby(found.items, lambda one: one.department):
        own = list(group)
        sums = [[getattr(one, name).charge for one in own] for name in ("charged", "due", "difference", "rerating")]
        rows.append(Party(party, *(_sum(charges) for charges in sums)))
    return rows


def _sum(charges: Sequence[Decimal | None]) -> Decimal | None:
    known = [charge for charge in charges if charge is not None]
    return sum(known, Decimal(0)) if known else None


def _state(page: Page, month: str, signature: Signature | None) -> StatementState:
    if signature is not None:
        return "closed"
    return "provisional" if page.now >= page.rooms.site.calendar.month(month)[1] else "open"


def _first(page: Page, signed: Iterable[str]) -> str:
    """The month in which a supply meter's readings begin, or an earlier one that is closed; else the one that runs."""
    site, calendar = page.rooms.site, page.rooms.site.calendar
    supply = [meter for utility in utilities(site) for meter in supply_meters(site, utility)]
    begun = [page.rooms.store.following(meter.reads or meter.id, ABSURD_PAST) for meter in supply]
    found = [calendar.month_of(reading.at) for reading in begun if reading is not None]
    return min([*found, *signed, calendar.month_of(page.now)])


def _previous(month: str) -> str:
    return f"{first_of_month(month) - timedelta(days=1):%Y-%m}"

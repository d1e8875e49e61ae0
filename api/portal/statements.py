"""The statement of a department and month."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from api.portal.months import MonthChosen, months_of
from api.portal.render import Page, PageAsked
from api.scope import Need, Viewer, allow
from meterbook.books import disputes
from meterbook.domain.site import Site
from meterbook.domain.text import Text

router = APIRouter(include_in_schema=False)

Readers = Annotated[Viewer, Depends(allow(Need.STATEMENTS))]

MOST = 1_000
"""Open disputes that a statement marks its lines by."""


@router.get("/departments/{department}/statement")
def statement_page(department: str, page: PageAsked, viewer: Readers, month: MonthChosen = None) -> Response:
    """What a party owes for a month, line by line; `unallocated` is one for those who see everything."""
    party, months = viewer.party(department), months_of(page, month)
    ledger = page.rooms.ledger
    return page.show(
        "statement.html",
        {
            "alone": True,
            "party": party,
            "department": page.rooms.site.departments.get(party),
            "months": months,
            "statement": ledger.statement(months.shown, party, page.now),
            "signature": ledger.signature(months.shown),
            "extras": extras(page.rooms.site),
            "contested": contested(page, party, months.shown),
        },
    )


def contested(page: Page, party: str, month: str) -> set[str]:
    """Ids of the lines of a statement whose disputes wait for an answer."""
    with page.rooms.books.read() as connection:
        found = disputes.find(connection, departments={party}, month=month, answered=False, limit=MOST)
    return {one.line.id for one in found}


def extras(site: Site) -> dict[str, Text]:
    """Names of surcharges and fixed charges, which stand in the band of their lines."""
    surcharges = {each.id: each.name for tariff in site.tariffs for each in tariff.surcharges}
    return surcharges | {each.id: each.name for tariff in site.tariffs for each in tariff.fixed}

"""Top-ups and transfers of quotas, from the API and the command line alike: checked, entered, approved, audited."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from meterbook.accounting.correctable import Refused
from meterbook.accounting.quota import declared, effects
from meterbook.books import audit
from meterbook.books import quotas as book
from meterbook.books.database import Books
from meterbook.domain.instant import Instant
from meterbook.domain.plans import Quota
from meterbook.domain.quota import QuotaEntry
from meterbook.domain.site import Site
from meterbook.site.problem import nearest


class OwnRequest(ValueError):
    """Who asked for an entry wants to approve it."""


def ask(
    site: Site,
    books: Books,
    *,
    utility: str,
    year: int,
    department: str,
    source: str | None,
    amount: Decimal,
    who: str,
    reason: str,
    now: Instant,
) -> QuotaEntry:
    """An entry that waits for approval. Raises Refused where there is no such quota, or not enough to give."""
    _quota(site, "department", department, utility, year)
    if source is not None:
        if source == department:
            raise Refused("source", f"{source} cannot give to itself")
        _quota(site, "source", source, utility, year)
    with books.write() as connection:
        _can_give(site, book.approved(connection, year), source, utility, year, amount)
        entry = book.add(
            connection,
            utility=utility,
            year=year,
            department=department,
            source=source,
            amount=amount,
            asked_by=who,
            reason=reason,
            at=now,
        )
        audit.add(connection, now, who, "quota entry asked for", _subject(entry), reason)
    return entry


def approve(site: Site, books: Books, id: int, who: str, now: Instant) -> QuotaEntry:
    """The entry, which counts from now on.

    Raises KeyError for an unknown one, OwnRequest for who asked for it, ApprovedAlready where somebody has approved it
    before, Refused where the site's files have no such quota any more, or the giving one too little left to give.
    """
    with books.write() as connection:
        entry = book.get(connection, id)
        if entry is None:
            raise KeyError(id)
        if entry.asked_by.strip().casefold() == who.strip().casefold():
            raise OwnRequest(f"{who} asked for quota entry {id}; somebody else must approve it")
        approved = book.approve(connection, id, who, now)
        _quota(site, "department", entry.department, entry.utility, entry.year)
        others = [one for one in book.approved(connection, entry.year) if one.id != id]
        _can_give(site, others, entry.source, entry.utility, entry.year, entry.amount)
        audit.add(connection, now, who, "quota entry approved", _subject(entry), None)
    return approved


def _subject(entry: QuotaEntry) -> str:
    given = f" from {entry.source}" if entry.source else ""
    return f"{entry.id} {entry.department} {entry.utility} {entry.year}: {entry.amount:f}{given}"


def _quota(site: Site, field: str, department: str, utility: str, year: int) -> Quota:
    """The quota of a department; raises Refused with the nearest name, or what there is."""
    if department not in site.departments:
        near = nearest(department, site.departments)
        raise Refused(field, f"there is no department {department} here{f'; did you mean {near}?' if near else ''}")
    own = [quota for quota in site.quotas if quota.department == department]
    for quota in own:
        if (quota.utility, quota.year) == (utility, year):
            return quota
    there = ", ".join(f"{quota.utility} {quota.year}" for quota in own) or "none"
    raise Refused(field, f"{department} has no quota of {utility} for {year} in quotas.yaml (it has: {there})")


def _can_give(
    site: Site, approved: Sequence[QuotaEntry], source: str | None, utility: str, year: int, amount: Decimal
) -> None:
    """Refuse what the giving department does not have; `approved` are the entries that count."""
    if source is None:
        return
    quota = _quota(site, "source", source, utility, year)
    held = declared(quota, site.departments[source], site.calendar) + sum(effects(quota, approved), Decimal(0))
    if amount > held:
        raise Refused("amount", f"{source} has {held:f} of {utility} for {year}, not {amount:f} to give")

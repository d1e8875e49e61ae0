"""What people correct, from the API and the command line alike: checked, entered in the books, noted in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from meterbook.accounting.correctable import Refused, check, register_before
from meterbook.books import audit
from meterbook.books import corrections as book
from meterbook.books.database import Books
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, What
from meterbook.domain.instant import Instant, iso
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.site import Site
from meterbook.readings.port import ReadingStore
from meterbook.site.problem import nearest


def meter_named(site: Site, name: str) -> Meter:
    """The meter that is to be corrected; raises Refused with the nearest name for one that there is not."""
    if name in site.meters:
        return site.meters[name]
    near = nearest(name, site.meters)
    raise Refused("meter", f"there is no meter {name} here{f'; did you mean {near}?' if near else ''}")


def exchange(
    books: Books,
    meter: Meter,
    at: Instant,
    old_final: Decimal,
    new_initial: Decimal,
    multiplier: Decimal | None,
    register_max: Decimal | None,
) -> Exchange:
    """An exchange as it will be entered: without a `register_max` the new register is like the old one."""
    register = Register(register_max)
    if register_max is None:
        with books.read() as connection:
            register = register_before(meter, book.in_force(connection, meter.id), at)
    return Exchange(Installation(at, old_final, new_initial, register), multiplier)


def enter(
    site: Site, store: ReadingStore, books: Books, meter: Meter, what: What, author: str, reason: str, now: Instant
) -> tuple[Correction, bool]:
    """The correction in force, and whether it is new: who says the same again adds nothing. Raises Refused."""
    with books.read() as connection:
        entered = book.in_force(connection, meter.id)
    if _same(entered, what) is None:
        check(meter, entered, what, site.calendar, now)
        if isinstance(what, Exclusion):
            _hits_readings(site, store, meter, what)
    with books.write() as connection:
        entries = book.in_force(connection, meter.id)
        found = _same(entries, what)
        if found is not None:
            return found, False
        check(meter, entries, what, site.calendar, now)
        added = book.add(connection, meter.id, what, author, reason, now)
        audit.add(connection, now, author, f"correction entered: {kind_of(what)}", f"{added.id} {meter.id}", reason)
    return added, True


def take_back(books: Books, id: int, author: str, reason: str, now: Instant) -> Correction:
    """The correction, undone. Raises KeyError for an unknown one, UndoneAlready where somebody has done so before."""
    with books.write() as connection:
        undone = book.undo(connection, id, author, reason, now)
        audit.add(connection, now, author, f"correction undone: {kind_of(undone.what)}", f"{id} {undone.meter}", reason)
    return undone


def kind_of(what: What) -> str:
    """The word people use for a kind of correction."""
    if isinstance(what, Exclusion):
        return "exclude"
    return "estimate" if isinstance(what, Estimate) else "exchange"


def _same(entries: Sequence[Correction], what: What) -> Correction | None:
    return next((entry for entry in entries if entry.what == what), None)


def _hits_readings(site: Site, store: ReadingStore, meter: Meter, exclusion: Exclusion) -> None:
    """Refuse an exclusion between two readings; after the last one it waits for those that come."""
    point = meter.reads or meter.id
    following = store.following(point, exclusion.start)
    if following is None or following.at < exclusion.end:
        return
    before = store.before(point, exclusion.start)
    near = " and ".join(iso(one.at, site.calendar.zone) for one in (before, following) if one is not None)
    raise Refused("from", f"{meter.id} has no reading there that could be excluded; the nearest: {near}")

"""The ledger of a site over its archive: readings and corrections, with computed intervals kept beside them."""

from __future__ import annotations

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.port import News
from meterbook.accounting.upkeep import Kept
from meterbook.books import arrivals
from meterbook.books.closings import Closings
from meterbook.books.corrections import Corrections
from meterbook.books.database import Books
from meterbook.books.quotas import QuotaEntries
from meterbook.domain.instant import Instant
from meterbook.domain.site import Site
from meterbook.wiring.opening import Archive

PAGE = 1_000
"""Arrivals read at a time."""

FOLLOWED_AT_MOST = 20_000
"""Arrivals after which it is quicker to compute everything anew than to read what each of them brought."""


def ledger_of(site: Site, archive: Archive) -> Ledger:
    """The ledger over an archive."""
    kept = Kept(archive.intervals, ArrivalLog(archive.books))
    return Ledger(
        site, archive.store, Corrections(archive.books), kept, QuotaEntries(archive.books), Closings(archive.books)
    )


class ArrivalLog:
    """The arrival log of the books, as accounting follows it."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def since(self, sequence: int) -> News | None:
        """See accounting.port.Arrivals."""
        start: Instant | None = None
        late: dict[str, Instant] = {}
        with self._books.read() as connection:
            newest = arrivals.last(connection)
            if newest == sequence:
                return News(sequence, None, {})
            oldest = arrivals.first(connection)
            if oldest is None or oldest > sequence + 1 or not sequence < newest <= sequence + FOLLOWED_AT_MOST:
                return None
            while page := arrivals.since(connection, sequence, PAGE):
                sequence = page[-1].sequence
                for arrival in page:
                    if arrival.start is not None:
                        start = arrival.start if start is None else min(start, arrival.start)
                    for point, first, _ in arrival.late:
                        late[point] = min(first, late.get(point, first))
        return News(sequence, start, late)

    def last(self) -> int:
        """See accounting.port.Arrivals."""
        with self._books.read() as connection:
            return arrivals.last(connection)

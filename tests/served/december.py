"""The served hospital on 2 December, with November closed. Its readings stay as they are, and intervals are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounting.keeping import kept
from served.world import MONTH, World, served

from api.closing import close
from meterbook.accounting.ledger import Ledger
from meterbook.books.closings import Closings
from meterbook.books.corrections import Corrections
from meterbook.books.quotas import QuotaEntries
from meterbook.domain.instant import parse

OVER = parse("2026-12-02T08:00:00+08:00")


@contextmanager
def december(directory: Path) -> Iterator[World]:
    """The hospital; ada has closed November, because only nine days were read."""
    with served(directory) as world, kept() as intervals:
        rooms, books = world.rooms, world.rooms.books
        ledger = Ledger(
            rooms.site, rooms.store, Corrections(books), intervals, QuotaEntries(books), closings=Closings(books)
        )
        rooms.swap(rooms.site, ledger)
        world.clock.now = OVER
        close(ledger, books, MONTH, "ada", "nine days were read", OVER)
        yield world

"""Closing a month, from the API and the command line alike: judged, kept in the books, noted in the audit."""

from __future__ import annotations

from collections.abc import Sequence

from meterbook.accounting.closing import blocks, findings, record, sentence
from meterbook.accounting.ledger import Ledger
from meterbook.books import audit
from meterbook.books import closings as book
from meterbook.books.closings import ClosedAlready
from meterbook.books.database import Books
from meterbook.domain.closing import Block, Signature
from meterbook.domain.instant import Instant
from meterbook.i18n import English


class NotClosable(Exception):
    """Something stands in the way of closing a month; `blocks` is all of it."""

    def __init__(self, month: str, blocks: Sequence[Block]) -> None:
        super().__init__(f"{month} cannot be closed")
        self.blocks = list(blocks)


def close(ledger: Ledger, books: Books, month: str, by: str, force: str | None, now: Instant) -> Signature:
    """Close a month in one transaction; `force` is the reason for which what stands in the way does not count.

    Raises NotClosable, ClosedAlready. A reason that was not needed is not kept.
    """
    signed = ledger.signature(month)
    if signed is not None:
        raise ClosedAlready(signed)
    found = blocks(findings(ledger, month, now))
    if [block for block in found if force is None or not block.yields]:
        raise NotClosable(month, found)
    signature = Signature(month, by, now, ledger.site.version, force if found else None, tuple(found))
    whole = record(ledger, signature, now)
    with books.write() as connection:
        book.add(connection, whole)
        detail = "; ".join([*([force] if force and found else []), *(sentence(block, English()) for block in found)])
        audit.add(connection, now, by, "month closed", month, detail or None)
    return signature

"""Closing a month, from the API and the command line alike: judged, kept in the books, noted in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

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


class Changed(NotClosable):
    """Something else stands in the way than whoever gave a reason for overriding it has seen."""


def in_the_way(ledger: Ledger, month: str, now: Instant) -> list[Block]:
    """Everything that stands in the way of closing a month."""
    return blocks(findings(ledger, month, now))


def fingerprint(found: Sequence[Block]) -> str:
    """SHA-256 of what stands in the way, for a form to say what was seen."""
    told = "\n".join(f"{block.kind} {block.subject} {sorted(block.figures.items())}" for block in found)
    return sha256(told.encode()).hexdigest()


def close(
    ledger: Ledger, books: Books, month: str, by: str, force: str | None, now: Instant, seen: str | None = None
) -> Signature:
    """Close a month in one transaction; `force` is the reason for which what stands in the way does not count.

    With the fingerprint `seen`, nothing else is overridden. Raises NotClosable, Changed, ClosedAlready. A reason that
    was not needed is not kept.
    """
    signed = ledger.signature(month)
    if signed is not None:
        raise ClosedAlready(signed)
    found = in_the_way(ledger, month, now)
    if seen is not None and seen != fingerprint(found):
        raise Changed(month, found)
    if [block for block in found if force is None or not block.yields]:
        raise NotClosable(month, found)
    signature = Signature(month, by, now, ledger.site.version, force if found else None, tuple(found))
    whole = record(ledger, signature, now)
    with books.write() as connection:
        book.add(connection, whole)
        detail = "; ".join([*([force] if force and found else []), *(sentence(block, English()) for block in found)])
        audit.add(connection, now, by, "month closed", month, detail or None)
    return signature

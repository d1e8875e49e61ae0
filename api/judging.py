"""The judge of a site, from the API and the command line alike."""

from __future__ import annotations

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.score import Judge
from meterbook.books.answers import answers
from meterbook.books.database import Books
from meterbook.domain.instant import Instant
from meterbook.domain.score import Answer


def judge_of(ledger: Ledger, books: Books) -> Judge | None:
    """The judge over a ledger and the incidents of the books; None where the site declares no scores."""

    def answered(start: Instant, end: Instant) -> list[Answer]:
        with books.read() as connection:
            return answers(connection, start, end)

    return Judge(ledger, ledger.site.scores, answered) if ledger.site.scores is not None else None

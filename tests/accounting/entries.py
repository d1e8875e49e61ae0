"""The corrections of a case: `corrections.yaml`, entries in the shape of the API, entered as people enter them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from api.correcting import enter, exchange, take_back
from meterbook.books.corrections import Corrections
from meterbook.books.database import Books
from meterbook.domain.correction import Estimate, Exclusion, What
from meterbook.domain.instant import parse
from meterbook.domain.meter import Meter
from meterbook.domain.site import Site
from meterbook.readings.port import ReadingStore


@contextmanager
def signed(case: Path, site: Site, store: ReadingStore, folder: Path) -> Iterator[Corrections | None]:
    """The corrections of a case in books of their own; None where it has no such file."""
    path = case / "corrections.yaml"
    if not path.exists():
        yield None
        return
    with closing(Books(f"sqlite:///{folder / 'books.db'}")) as books:
        books.migrate()
        for row in yaml.safe_load(path.read_text(encoding="utf-8")):
            _sign(row, site, store, books)
        yield Corrections(books)


def _sign(row: dict[str, Any], site: Site, store: ReadingStore, books: Books) -> None:
    meter = site.meters[row["meter"]]
    what, now = _what(row, meter, books), parse(row["entered"])
    entry, new = enter(site, store, books, meter, what, row["author"], row["reason"], now)
    assert new
    if "undo" in row:
        undo = row["undo"]
        take_back(books, entry.id, undo["author"], undo["reason"], parse(undo["at"]))


def _what(row: dict[str, Any], meter: Meter, books: Books) -> What:
    if row["kind"] == "exclude":
        return Exclusion(parse(row["from"]), parse(row["to"]))
    if row["kind"] == "estimate":
        return Estimate(parse(row["from"]), parse(row["to"]), Decimal(row["quantity"]))
    figures = Decimal(row["old_final"]), Decimal(row["new_initial"])
    changed = (Decimal(row[name]) if name in row else None for name in ("multiplier", "register_max"))
    return exchange(books, meter, parse(row["at"]), *figures, *changed)

"""Files on disk become readings and refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from collectors.files.cells import SIGNS, Sign, decimals
from collectors.files.delimited import Delimited, Encoding
from collectors.files.stamps import Dates, instants
from collectors.files.table import EXPECTED, Judge, NotReadable, layout
from collectors.files.workbook import MAGIC, MAGIC_OF_OLD, Workbook
from collectors.normalise import Normaliser
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Reading, Refusal
from meterbook.domain.site import Site


def ignore(_: float) -> None:
    """Nobody wants to know how far reading has come, or where a reading stands."""


def rows(
    path: Path,
    site: Site,
    zone: ZoneInfo | None,
    dates: Dates | None,
    now: Instant,
    *,
    decimal: Sign = "point",
    encoding: Encoding = "utf-8",
    sheet: str | None = None,
    seen: Callable[[float], None] = ignore,
    placed: Callable[[int], None] = ignore,
) -> Iterator[Reading | Refusal]:
    """The readings of a CSV or XLSX file and the refusals of the rest, one by one, in the order of the file.

    A long table names a point (or meter), a time stamp, a value and perhaps a quality in each row; a wide one has a
    time stamp and then a column for each point or meter. Values are in the canonical unit. What is declared: the
    `zone` of stamps without offset, the order of `dates` where the file does not prove it, the sign before decimals,
    the `encoding` of a CSV file, the `sheet` of a workbook. `seen` is told the share that was read, `placed` the line
    of each reading. Refusals name `line 12`. Raises NotReadable for a file that is no such table, also where that shows
    only after some rows.
    """
    try:
        source = _source(path, decimal, encoding, sheet)
        found = source.rows(seen)
        header = next(found, None)
        if header is None:
            raise NotReadable(f"there is nothing in it; {EXPECTED}")
        _refuse_undecoded(header.cells)
        shape = layout(header.cells)

        def stamps() -> Iterator[str]:
            again = islice(source.rows(ignore), 1, None)
            return (row.cells[shape.timestamp] for row in again if len(row.cells) == shape.width)

        judge = Judge(path.name, site, Normaliser(site), instants(zone, dates, stamps), decimals(decimal), now, placed)
        yield from judge.read(shape, found)
    except NotReadable as error:
        raise NotReadable(f"{path.name}: {error}") from error


def _source(path: Path, decimal: Sign, encoding: Encoding, sheet: str | None) -> Delimited | Workbook:
    with path.open("rb") as start:
        magic = start.read(4)
    if magic == MAGIC:
        return Workbook(path, sheet, SIGNS[decimal], _fits)
    if magic == MAGIC_OF_OLD:
        raise NotReadable("an old or a protected workbook; save it as .xlsx without a password, and import that")
    if magic[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise NotReadable("UTF-16; save it as CSV UTF-8, and import that")
    return Delimited(path, encoding)


def _fits(header: list[str]) -> bool:
    try:
        layout(header)
    except NotReadable:
        return False
    return True


def _refuse_undecoded(header: Sequence[str]) -> None:
    if any("\udc80" <= sign <= "\udcff" for cell in header for sign in cell):
        raise NotReadable(
            "the first row is not in the encoding of the file; one that is not UTF-8 may need --encoding gb18030"
        )

"""Tables of readings, long or wide: rows of cells become readings, or are refused with line and reason. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collectors.excerpt import excerpt
from collectors.files.cells import Unclear, quality
from collectors.normalise import Normaliser
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Quality, Reading, Refusal
from meterbook.domain.site import Site

LONG = ("timestamp", "value", "quality")
EXPECTED = (
    "the first row names the columns: point (or meter), timestamp, value and perhaps quality; "
    "or timestamp and then one point or meter a column"
)


class NotReadable(ValueError):
    """The file is no table of readings at all, or ceases to be one: what was found and what is expected."""


class Row(NamedTuple):
    """The cells of a row as text. `fault` says why they are none, where they could not even be told apart."""

    line: int
    cells: Sequence[str]
    fault: str | None = None


class Long(NamedTuple):
    """Where the cells of a long table stand; `meters` says that the first names a meter. `quality` may be absent."""

    meters: bool
    timestamp: int
    value: int
    quality: int | None
    width: int


class Wide(NamedTuple):
    """The points of a wide table by column, after that of the time stamp; the names of those nobody knows are None."""

    headings: tuple[str, ...]
    timestamp: int = 0

    @property
    def width(self) -> int:
        """Cells of a row."""
        return 1 + len(self.headings)


Layout = Long | Wide


def layout(header: Sequence[str]) -> Layout:
    """What the first row says of a table; raises NotReadable where it is no heading of readings."""
    names = [name.strip().lower() for name in header]
    first = names[0] if names else ""
    if first in ("point", "meter"):
        return _long(names)
    if first == "timestamp" and len(names) > 1 and not {"point", "meter", "value"} & set(names):
        headings = tuple(name.strip() for name in header[1:])
        if "" in headings:
            raise NotReadable(f"column {headings.index('') + 2} has no heading; {EXPECTED}")
        if len(set(headings)) < len(headings):
            twice = next(name for name in headings if headings.count(name) > 1)
            raise NotReadable(f"two columns are headed {excerpt(twice)!r}; {EXPECTED}")
        return Wide(headings)
    raise NotReadable(f"the first row is {excerpt(', '.join(header))!r}; {EXPECTED}")


def _long(names: list[str]) -> Long:
    unknown = [name for name in names[1:] if name not in LONG]
    missing = [name for name in ("timestamp", "value") if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        fault = f"unknown {unknown[0]!r}" if unknown else f"no {missing[0]!r}" if missing else "one column twice"
        raise NotReadable(f"the first row has {excerpt(fault)}; {EXPECTED}")
    column = names.index("quality") if "quality" in names else None
    return Long(names[0] == "meter", names.index("timestamp"), names.index("value"), column, len(names))


def point_of_meter(site: Site, name: str) -> str:
    """The point that a meter reads, which is the meter itself where it is read by hand; raises Unclear."""
    meter = site.meters.get(name)
    if meter is None:
        raise Unclear(f"no meter is called {excerpt(name)!r}")
    if meter.reads is None:
        raise Unclear(f"meter {name} is calculated from others; it has no register to read")
    return meter.reads


@dataclass(frozen=True)
class Judge:
    """Knows the points and meters of a site and how the cells of one file are read; `source` is the file's name.

    `placed` is told the line of each reading before it is given.
    """

    source: str
    site: Site
    normaliser: Normaliser
    instant: Callable[[str], Instant]
    number: Callable[[str], float]
    now: Instant
    placed: Callable[[int], None] = lambda _line: None

    def read(self, shape: Layout, rows: Iterable[Row]) -> Iterator[Reading | Refusal]:
        """What the rows after the first give, one by one, in their order.

        Raises NotReadable, before any, for a wide table with two columns of one point.
        """
        return self._long(shape, rows) if isinstance(shape, Long) else self._wide(shape, rows)

    def _long(self, shape: Long, rows: Iterable[Row]) -> Iterator[Reading | Refusal]:
        points: dict[str, str] = {}
        of_quality = shape.quality
        for row in rows:
            line, cells, fault = row
            if fault is not None or len(cells) != shape.width:
                yield self._misshapen(row, shape.width)
                continue
            try:
                name = cells[0].strip()
                point = points.get(name)
                if point is None:
                    points[name] = point = point_of_meter(self.site, name) if shape.meters else self._known(name)
                at = self.instant(cells[shape.timestamp].strip())
                value = self.number(cells[shape.value].strip())
                kind = Quality.GOOD if of_quality is None else quality(cells[of_quality])
            except Unclear as unclear:
                yield self._refusal(line, str(unclear), cells)
                continue
            yield self._reading(point, at, value, kind, line, cells)

    def _wide(self, shape: Wide, rows: Iterable[Row]) -> Iterator[Reading | Refusal]:
        points: list[tuple[int, str]] = []
        headed: dict[str, str] = {}
        for column, heading in enumerate(shape.headings, 1):
            try:
                point = self._of_either(heading)
                if headed.setdefault(point, heading) != heading:
                    raise NotReadable(f"the columns {headed[point]!r} and {heading!r} are both {point}; leave one out")
                points.append((column, point))
            except Unclear as unclear:
                yield self._refusal(1, f"{unclear}; column {column + 1} is left out", shape.headings)
        for row in rows:
            if row.fault is not None or len(row.cells) != shape.width:
                yield self._misshapen(row, shape.width)
            else:
                yield from self._across(row, points)

    def _across(self, row: Row, points: Sequence[tuple[int, str]]) -> Iterator[Reading | Refusal]:
        """The readings of one row of a wide table; an empty cell is none, and nothing to complain of."""
        line, cells, _ = row
        try:
            at = self.instant(cells[0].strip())
        except Unclear as unclear:
            yield self._refusal(line, str(unclear), cells)
            return
        for column, point in points:
            text = cells[column].strip()
            if not text:
                continue
            try:
                value = self.number(text)
            except Unclear as unclear:
                yield self._refusal(line, f"{point}: {unclear}", cells)
            else:
                yield self._reading(point, at, value, Quality.GOOD, line, cells)

    def _reading(
        self, point: str, at: Instant, value: float, kind: Quality, line: int, cells: Sequence[str]
    ) -> Reading | Refusal:
        judged = self.normaliser.row(point, at, value, kind, now=self.now, source=self.source, subject="")
        if not isinstance(judged, Reading):
            return self._refusal(line, judged.reason, cells)
        self.placed(line)
        return judged

    def _misshapen(self, row: Row, width: int) -> Refusal:
        fault = row.fault or f"{len(row.cells)} cells where the first row names {width}"
        return self._refusal(row.line, fault, row.cells)

    def _known(self, name: str) -> str:
        if name not in self.site.points:
            raise Unclear(f"no point is called {excerpt(name)!r}")
        return name

    def _of_either(self, name: str) -> str:
        meter = self.site.meters.get(name)
        if name in self.site.points:
            if meter is not None and meter.reads != name:
                raise Unclear(f"{excerpt(name)!r} is a point, and a meter that reads another")
            return name
        if meter is not None:
            return point_of_meter(self.site, name)
        raise Unclear(f"no point or meter is called {excerpt(name)!r}")

    def _refusal(self, line: int, reason: str, cells: Sequence[str]) -> Refusal:
        """A row that is no reading. Bytes that are not in the encoding of the file stand as lone surrogates."""
        content = excerpt(",".join(cells))
        if any("\udc80" <= sign <= "\udcff" for cell in cells for sign in cell[:1000]):
            reason = "not in the encoding of the file; one that is not UTF-8 may need --encoding gb18030"
        return Refusal(self.source, f"line {line}", reason, content, self.now)

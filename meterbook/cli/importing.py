"""`import`: readings from files, through the same way in as everything else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.progress import Progress, TaskID

from collectors.files import Dates, NotReadable, rows
from meterbook.cli.options import Data, Now, SiteDirectory, TextFormat, data_directory, present
from meterbook.cli.terminal import complain, write, write_json
from meterbook.cli.usage import Wrong
from meterbook.domain.instant import Clock
from meterbook.domain.reading import IntakeFull, NotKept, Outcome, Reading, Receipt, Refusal
from meterbook.i18n import mark
from meterbook.pipeline import Pipeline
from meterbook.readings.fault import StoreError
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.line_protocol import reading_line, series
from meterbook.readings.port import Batch, ReadingStore
from meterbook.wiring.opening import clock_from, open_archive, open_site


class DateOrder(StrEnum):
    """The order of year, month and day in dates that are not ISO."""

    YMD = "ymd"
    DMY = "dmy"
    MDY = "mdy"


class DecimalSign(StrEnum):
    """The sign before the decimals."""

    POINT = "point"
    COMMA = "comma"


class TextEncoding(StrEnum):
    """The encoding of a CSV file."""

    UTF_8 = "utf-8"
    GB18030 = "gb18030"


SOURCE = "import"
"""What quarantine counts refused rows under; the file's name stands in each."""

BATCH = 5_000
"""Rows that go to disk together."""

SHOWN = 20
"""Refused rows that a report for people lists."""

KEPT = 10_000
"""Refused rows of a file that are kept for the report; all are counted, and the newest are in quarantine."""

Read = Callable[[Path, Callable[[float], None], Callable[[int], None]], Iterator[Reading | Refusal]]
"""Opens a file; tells the share of it that was read, and the line of each reading."""


@dataclass
class Report:
    """What became of one file. `unreadable` says why nothing more of it could be read."""

    file: str
    accepted: int = 0
    repeated: int = 0
    conflicts: int = 0
    refusals: int = 0
    refused: list[Refusal] = field(default_factory=list)
    unreadable: str | None = None

    @property
    def read(self) -> int:
        """Rows that are readings."""
        return self.accepted + self.repeated + self.conflicts

    def refuse(self, refusals: list[Refusal]) -> None:
        """Count refused rows and keep the first."""
        self.refusals += len(refusals)
        self.refused.extend(refusals[: KEPT - len(self.refused)])


class Taken(NamedTuple):
    """What became of rows, and those that the store will never take."""

    receipt: Receipt
    refused: list[Refusal]


Take = Callable[[Sequence[Reading], Sequence[int], Path, Sequence[Refusal]], Taken]
"""Keeps the readings of a file, of which the lines are given, and the refusals beside them."""


class Stopped(Exception):
    """The disk takes no more: what is in the reports is kept, and importing again goes on from there."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("import")(import_)


def import_(
    site: SiteDirectory,
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV or XLSX: point (or meter), timestamp, value, optional quality; or a column for each"),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and judge, keep nothing")] = False,
    zone: Annotated[
        str | None, typer.Option(help="time zone of stamps without an offset, such as Asia/Shanghai")
    ] = None,
    dates: Annotated[
        DateOrder | None, typer.Option(help="order of day, month and year in dates not in ISO form")
    ] = None,
    decimal: Annotated[DecimalSign, typer.Option(help="sign before the decimals")] = DecimalSign.POINT,
    encoding: Annotated[TextEncoding, typer.Option(help="encoding of CSV files")] = TextEncoding.UTF_8,
    sheet: Annotated[
        str | None, typer.Option(help="sheet of workbooks; default: the first with a fitting heading")
    ] = None,
    format_: Annotated[TextFormat, typer.Option("--format", help="how to report")] = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Take readings from files. What cannot be a reading is refused with line and reason; the others go in."""
    place = _zone(zone)
    clock = clock_from(present(now))
    opened, settings = open_site(site)

    def read(file: Path, seen: Callable[[float], None], placed: Callable[[int], None]) -> Iterator[Reading | Refusal]:
        order: Dates | None = dates.value if dates else None
        return rows(
            file,
            opened,
            place,
            order,
            clock(),
            decimal=decimal.value,
            encoding=encoding.value,
            sheet=sheet,
            seen=seen,
            placed=placed,
        )

    reports: list[Report] = []
    stopped: Stopped | None = None
    try:
        if dry_run:
            _take_all(files, read, None, reports)
        else:
            with open_archive(data_directory(site, data), settings) as archive:
                pipeline = Pipeline(opened, archive.store, archive.books, clock, settings.intake_capacity)
                with _way_in(pipeline, archive.store, clock) as take:
                    _take_all(files, read, take, reports)
    except Stopped as error:
        stopped = error
    _tell(reports, format_, dry_run)
    if stopped:
        complain(f"{stopped}; stopped there. What is reported above is kept: import again, and it counts once")
        raise typer.Exit(2)
    raise typer.Exit(_exit_code(reports))


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Wrong(mark("--zone %(name)s is no time zone; one looks like Asia/Shanghai"), name=name) from None


@contextmanager
def _way_in(pipeline: Pipeline, store: ReadingStore, clock: Clock) -> Iterator[Take]:
    """Through the pipeline's writer, or straight into a server: what that refuses costs no other row."""
    if isinstance(store, InfluxStore):
        yield partial(_land, pipeline, store, clock)
        return

    def deliver(readings: Sequence[Reading], _lines: Sequence[int], _file: Path, refused: Sequence[Refusal]) -> Taken:
        return Taken(pipeline.deliver(SOURCE, readings, refused), [])

    pipeline.start()
    try:
        yield deliver
    finally:
        pipeline.stop()


def _land(
    pipeline: Pipeline,
    store: InfluxStore,
    clock: Clock,
    readings: Sequence[Reading],
    lines: Sequence[int],
    file: Path,
    refused: Sequence[Refusal],
) -> Taken:
    """Write to the server, then to the books; refused readings are named by their lines."""
    landing = store.land([Batch(readings, clock())])
    line_of = {reading_line(series(one.point), one): line for one, line in zip(readings, lines, strict=True)}
    never = [
        one._replace(subject=f"line {line_of[one.content]}") if one.content in line_of else one
        for one in landing.refused
    ]
    pipeline.landed(landing._replace(refused=[*refused, *(_placed(one, file) for one in never)]))
    accepted, repeated, conflicts, _ = (list(landing.outcomes).count(outcome) for outcome in Outcome)
    return Taken(Receipt(accepted, repeated, conflicts), never)


def _take_all(files: list[Path], read: Read, take: Take | None, reports: list[Report]) -> None:
    """Read the files one after the other, a report for each; raises Stopped."""
    with Progress(disable=not sys.stderr.isatty(), transient=True) as progress:
        for file in files:
            bar = progress.add_task(file.name, total=1.0)
            reports.append(Report(str(file)))

            def seen(share: float, bar: TaskID = bar) -> None:
                progress.update(bar, completed=share)

            lines: list[int] = []
            _take(file, read(file, seen, lines.append), lines, take, reports[-1])


def _take(file: Path, found: Iterator[Reading | Refusal], lines: list[int], take: Take | None, report: Report) -> None:
    """Read a file in batches; each is kept before the next is read. Without a way in nothing is kept."""
    try:
        while batch := list(islice(found, BATCH)):
            readings = [row for row in batch if isinstance(row, Reading)]
            refused = [row for row in batch if isinstance(row, Refusal)]
            if take is None:
                report.accepted += len(readings)
            else:
                receipt, never = take(readings, lines, file, [_placed(row, file) for row in refused])
                report.accepted += receipt.accepted
                report.repeated += receipt.repeated
                report.conflicts += receipt.conflicts
                refused += never
            report.refuse(refused)
            lines.clear()
    except NotReadable as error:
        report.unreadable = str(error)
    except OSError as error:
        report.unreadable = f"{file.name}: {error.strerror or error}"
    except (IntakeFull, NotKept, StoreError) as error:
        raise Stopped(f"{file.name}: {error}") from error


def _placed(refusal: Refusal, file: Path) -> Refusal:
    """A refusal that names its file, for quarantine."""
    return refusal._replace(source=SOURCE, subject=f"{file.name}, {refusal.subject}")


def _exit_code(reports: list[Report]) -> int:
    if not any(report.read for report in reports) and any(report.refusals or report.unreadable for report in reports):
        return 2
    return 1 if any(report.refusals or report.unreadable for report in reports) else 0


def _tell(reports: list[Report], format_: TextFormat, dry_run: bool) -> None:
    if format_ is TextFormat.JSON:
        write_json({"dry_run": dry_run, "files": [_as_json(report) for report in reports]})
        return
    for report in reports:
        if report.read or report.refusals or not report.unreadable:
            taken = "readable" if dry_run else "taken"
            write(
                f"{report.file}: {report.accepted} {taken}, {report.repeated} repeated, "
                f"{report.conflicts} in conflict, {report.refusals} refused"
            )
        for refusal in report.refused[:SHOWN]:
            write(f"  {refusal.subject}: {refusal.reason}")
        if report.refusals > SHOWN:
            listed = "all" if report.refusals <= KEPT else f"the first {KEPT}"
            write(f"  and {report.refusals - SHOWN} more; --format json lists {listed}")
        if report.unreadable:
            write(report.unreadable)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "file": report.file,
        "accepted": report.accepted,
        "repeated": report.repeated,
        "conflicts": report.conflicts,
        "unreadable": report.unreadable,
        "refusals": report.refusals,
        "refused": [
            {"line": _line_of(refusal), "reason": refusal.reason, "content": refusal.content}
            for refusal in report.refused
        ],
    }


def _line_of(refusal: Refusal) -> int | None:
    number = refusal.subject.removeprefix("line ")
    return int(number) if number.isdigit() else None

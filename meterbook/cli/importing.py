"""`import`: readings from files, through the same way in as everything else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.progress import Progress, TaskID

from collectors.files import Dates, NotReadable, rows
from meterbook.cli.options import Data, Now, SiteDirectory, TextFormat, data_directory, present
from meterbook.cli.terminal import complain, write, write_json
from meterbook.domain.reading import IntakeFull, NotKept, Reading, Refusal
from meterbook.pipeline import Pipeline
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

Read = Callable[[Path, Callable[[float], None]], Iterator[Reading | Refusal]]
"""Opens a file; tells the share of it that was read."""


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

    def read(file: Path, seen: Callable[[float], None]) -> Iterator[Reading | Refusal]:
        order: Dates | None = dates.value if dates else None
        return rows(
            file, opened, place, order, clock(), decimal=decimal.value, encoding=encoding.value, sheet=sheet, seen=seen
        )

    reports: list[Report] = []
    stopped: Stopped | None = None
    try:
        if dry_run:
            _take_all(files, read, None, reports)
        else:
            with open_archive(data_directory(site, data), settings) as archive:
                pipeline = Pipeline(opened, archive.store, archive.books, clock, settings.intake_capacity)
                pipeline.start()
                try:
                    _take_all(files, read, pipeline, reports)
                finally:
                    pipeline.stop()
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
        raise typer.BadParameter(f"--zone {name} is no time zone; one looks like Asia/Shanghai") from None


def _take_all(files: list[Path], read: Read, pipeline: Pipeline | None, reports: list[Report]) -> None:
    """Read the files one after the other, a report for each; raises Stopped."""
    with Progress(disable=not sys.stderr.isatty(), transient=True) as progress:
        for file in files:
            bar = progress.add_task(file.name, total=1.0)
            reports.append(Report(str(file)))

            def seen(share: float, bar: TaskID = bar) -> None:
                progress.update(bar, completed=share)

            _take(file, read(file, seen), pipeline, reports[-1])


def _take(file: Path, found: Iterator[Reading | Refusal], pipeline: Pipeline | None, report: Report) -> None:
    """Read a file in batches; each is on disk before the next is read. Without a pipeline nothing is kept."""
    try:
        while batch := list(islice(found, BATCH)):
            readings = [row for row in batch if isinstance(row, Reading)]
            refused = [row for row in batch if isinstance(row, Refusal)]
            if pipeline is None:
                report.accepted += len(readings)
            else:
                receipt = pipeline.deliver(SOURCE, readings, [_placed(row, file) for row in refused])
                report.accepted += receipt.accepted
                report.repeated += receipt.repeated
                report.conflicts += receipt.conflicts
            report.refuse(refused)
    except NotReadable as error:
        report.unreadable = str(error)
    except OSError as error:
        report.unreadable = f"{file.name}: {error.strerror or error}"
    except (IntakeFull, NotKept) as error:
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

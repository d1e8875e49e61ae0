"""How fast a file of readings is read, and how fast it is imported: durable, acknowledged batch by batch.

A million rows of CSV (ten points, quarter hours with offset) must be in within a minute; a tenth of them as a workbook
is shown beside it. `--rows` makes it shorter. Everything stays in a temporary directory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from collectors.files import rows
from meterbook.domain.instant import MINUTE, Instant, iso, parse
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.site.load import load

SITE = Path(__file__).parent.parent / "config" / "sites" / "demo"
ROWS = 1_000_000
POINTS = 10
BUDGET = 60.0
BEGIN: Instant = parse("2022-01-01T00:00:00+08:00")
NOW = "2026-11-01T00:00:00+08:00"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def register(site: Site, count: int) -> Iterator[tuple[str, Instant, str]]:
    """The rows of all files."""
    points = sorted(site.points)[:POINTS]
    for number in range(count):
        step, point = divmod(number, len(points))
        yield points[point], BEGIN + step * 15 * MINUTE, f"{1000 + step * 0.25:.2f}"


def write_csv(path: Path, site: Site, count: int) -> None:
    """A long table."""
    with path.open("w", encoding="utf-8") as file:
        file.write("point,timestamp,value\n")
        for point, at, value in register(site, count):
            file.write(f"{point},{iso(at, SHANGHAI)},{value}\n")


def write_xlsx(path: Path, site: Site, count: int) -> None:
    """The same as the least a workbook can be: inline texts, time stamps as texts, values as numbers."""
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns:r="{relation}"><sheets><sheet name="1" r:id="a"/></sheets></workbook>'
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="a" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(b"<worksheet><sheetData>")
            sheet.write(f"<row>{''.join(map(text, ('point', 'timestamp', 'value')))}</row>".encode())
            for point, at, value in register(site, count):
                sheet.write(f"<row>{text(point)}{text(iso(at, SHANGHAI))}<c><v>{value}</v></c></row>".encode())
            sheet.write(b"</sheetData></worksheet>")


def text(cell: str) -> str:
    return f'<c t="inlineStr"><is><t>{cell}</t></is></c>'


def seconds_to_read(path: Path, site: Site, count: int) -> float:
    """Reading and judging alone."""
    begun = time.perf_counter()
    found = sum(type(row) is Reading for row in rows(path, site, None, None, parse(NOW)))
    if found != count:
        sys.exit(f"bench: {found} readings in {path.name}, {count} expected")
    return time.perf_counter() - begun


def seconds_to_import(path: Path, data: Path, count: int) -> float:
    """The command from start to end, into a directory of its own."""
    command = [sys.executable, "-m", "meterbook.cli", "import", SITE, path, "--data", data, "--now", NOW]
    begun = time.perf_counter()
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if told.returncode or f"{count} taken" not in told.stdout:
        sys.exit(f"bench: {told.stdout}{told.stderr}")
    return time.perf_counter() - begun


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    rows_of_csv = parser.parse_args().rows
    site = load(SITE).site
    if site is None:
        sys.exit("bench: the demo's site does not load")
    table = Table("file", "rows", "read, rows/s", "import, rows/s", "import, s")
    taken = {}
    with tempfile.TemporaryDirectory(prefix="meterbook-bench-") as name:
        for write, count in ((write_csv, rows_of_csv), (write_xlsx, rows_of_csv // 10)):
            path = Path(name) / write.__name__.replace("write_", "rows.")
            write(path, site, count)
            reading = seconds_to_read(path, site, count)
            importing = seconds_to_import(path, path.with_name(f"{path.name}.d"), count)
            taken[path.suffix] = importing
            table.add_row(
                path.suffix, f"{count:,}", f"{count / reading:,.0f}", f"{count / importing:,.0f}", f"{importing:.1f}"
            )
            path.unlink()
    Console(width=100).print(table)
    if taken[".csv"] * ROWS / rows_of_csv > BUDGET:
        sys.exit(f"bench: a million rows of CSV take more than {BUDGET:.0f} s")


if __name__ == "__main__":
    main()

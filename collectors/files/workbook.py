"""XLSX workbooks: parts of a zip archive become rows of cells."""

from __future__ import annotations

import posixpath
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from collectors.excerpt import excerpt
from collectors.files import sheet
from collectors.files.parts import Shown, elements, formats, ignore, texts
from collectors.files.table import NotReadable, Row

MAGIC, MAGIC_OF_OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How workbooks begin, and how old or protected ones do."""

MIB = 1 << 20
LARGEST_FILE = 128 * MIB
LARGEST_SHEET = 1024 * MIB
"""Inflated bytes of a sheet; it is read as a stream."""
LARGEST_TEXTS, LARGEST_PART = 64 * MIB, 16 * MIB
"""Inflated bytes of the shared texts and of any other part; they are kept in memory."""

_DAMAGE = (BadZipFile, zlib.error, ExpatError, EOFError, NotImplementedError, RuntimeError, LookupError, ValueError)


class Workbook:
    """One sheet of an XLSX file: that called `name`, or without one the visible one whose first row `fits`.

    Raises NotReadable wherever the file is damaged, larger than any table of readings, or has no such sheet.
    """

    def __init__(self, path: Path, name: str | None, sign: str, fits: Callable[[list[str]], bool]) -> None:
        self._path = path
        with self._open() as archive:
            contents = _Contents(archive)
            self._key = sheet.Key(contents.shared, contents.formats, contents.from_1904, sign)
            self._part = self._choose(archive, contents, name, fits)

    def rows(self, seen: Callable[[float], None]) -> Iterator[Row]:
        """The rows that are not empty, the heading first; `seen` is told the share of the sheet that was read.

        Rows are filled up to the length of the heading, as a sheet does not say where it ends.
        """
        with self._open() as archive:
            size = max(1, archive.getinfo(self._part).file_size)
            width = 0
            for row in self._read(archive, self._part, lambda read: seen(read / size)):
                width = width or len(row.cells)
                yield row._replace(cells=[*row.cells, *[""] * (width - len(row.cells))])

    @contextmanager
    def _open(self) -> Iterator[ZipFile]:
        """The archive; whatever is wrong with it is said in one sentence."""
        if self._path.stat().st_size > LARGEST_FILE:
            raise NotReadable(f"larger than {LARGEST_FILE // MIB} MiB; save the sheet as CSV UTF-8 and import that")
        try:
            with ZipFile(self._path) as archive:
                yield archive
        except NotReadable:
            raise
        except _DAMAGE as error:
            raise NotReadable(
                f"no workbook, or a damaged one ({excerpt(str(error))}); open it in a spreadsheet program, save it "
                "as .xlsx without a password, and import that"
            ) from error

    def _read(self, archive: ZipFile, part: str, seen: Callable[[int], None]) -> Iterator[Row]:
        with _part(archive, part, LARGEST_SHEET) as stream:
            yield from sheet.rows(stream, self._key, seen)

    def _choose(
        self, archive: ZipFile, contents: _Contents, name: str | None, fits: Callable[[list[str]], bool]
    ) -> str:
        sheets = contents.sheets
        names = ", ".join(sheets) or "none"
        if name is not None:
            if name not in sheets:
                raise NotReadable(f"no sheet is called {excerpt(name)!r}; there are {excerpt(names)}")
            return sheets[name]
        if len(sheets) == 1:
            return next(iter(sheets.values()))
        fitting = [one for one in sheets if one not in contents.hidden and self._fits(archive, sheets[one], fits)]
        if len(fitting) > 1:
            several = excerpt(", ".join(fitting))
            raise NotReadable(f"several sheets begin as a table of readings ({several}); name one with --sheet")
        if fitting:
            return sheets[fitting[0]]
        raise NotReadable(f"no sheet begins with the heading of a table of readings; there are {excerpt(names)}")

    def _fits(self, archive: ZipFile, part: str, fits: Callable[[list[str]], bool]) -> bool:
        first = next(self._read(archive, part, ignore), None)
        return first is not None and fits(list(first.cells))


class _Contents:
    """What a workbook says of itself: its sheets in order (name -> part), the hidden ones, the keys to its cells."""

    def __init__(self, archive: ZipFile) -> None:
        parts = archive.NameToInfo
        if "xl/workbook.xml" not in parts:
            raise NotReadable("no .xlsx workbook; save the sheet as .xlsx or as CSV UTF-8, and import that")
        self.from_1904 = False
        self.sheets: dict[str, str] = {}
        self.hidden: set[str] = set()
        targets = _targets(archive)
        with _part(archive, "xl/workbook.xml") as stream:
            for name, attributes, _ in elements(stream):
                if name == "workbookPr":
                    self.from_1904 = self.from_1904 or attributes.get("date1904") in ("1", "true")
                elif name == "sheet" and "name" in attributes:
                    target = targets.get(_reference(attributes), "")
                    if target in parts:
                        self.sheets[attributes["name"]] = target
                        if attributes.get("state", "visible") != "visible":
                            self.hidden.add(attributes["name"])
        self.shared: list[str] = []
        self.formats: list[Shown] = []
        if "xl/sharedStrings.xml" in parts:
            with _part(archive, "xl/sharedStrings.xml", LARGEST_TEXTS) as stream:
                self.shared = texts(stream)
        if "xl/styles.xml" in parts:
            with _part(archive, "xl/styles.xml") as stream:
                self.formats = formats(stream)


def _targets(archive: ZipFile) -> dict[str, str]:
    """The parts that the workbook refers to, by their reference."""
    found: dict[str, str] = {}
    if "xl/_rels/workbook.xml.rels" in archive.NameToInfo:
        with _part(archive, "xl/_rels/workbook.xml.rels") as stream:
            for name, attributes, _ in elements(stream):
                if name == "Relationship" and "Id" in attributes:
                    # Relative to xl/ or, with a slash, to the archive.
                    target = posixpath.join("/xl", attributes.get("Target", ""))
                    found[attributes["Id"]] = posixpath.normpath(target).lstrip("/")
    return found


def _reference(attributes: dict[str, str]) -> str:
    """The reference in `r:id`, whatever prefix the file uses."""
    return next((text for name, text in attributes.items() if name.endswith(":id")), "")


def _part(archive: ZipFile, part: str, largest: int = LARGEST_PART) -> IO[bytes]:
    """A part to read. Its declared size is checked here, and zipfile reads no more than that."""
    size = archive.getinfo(part).file_size
    if size > largest:
        raise NotReadable(
            f"{part} inflates to {size // MIB} MiB; no table of readings does. Save the sheet as CSV UTF-8"
        )
    return archive.open(part)

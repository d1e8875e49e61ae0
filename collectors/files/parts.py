"""The XML parts of a workbook, read as streams. Pure.

Our own reader, for two reasons: a hostile workbook must not cost more memory than the bounds below, and a formula
whose result is not in the file must not look like an empty cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, Literal, NamedTuple
from xml.parsers import expat

from collectors.files.table import NotReadable

CHUNK = 1 << 13
"""Bytes that are parsed at once: few, so that what they give is gone before the garbage collector looks for it."""
LONGEST_CELL = 32_767
"""Characters that a cell can hold, according to the format."""
DEEPEST = 64
"""Elements inside each other."""
LONGEST_TAG = 1 << 20
"""Bytes of a tag or a comment, which the parser must hold as a whole."""

Shown = Literal["number", "percent", "date", "moment"]
"""How the format of a cell shows its number: a `moment` has a time of day."""

_BUILT_IN: dict[str, Shown] = {
    **dict.fromkeys(("9", "10"), "percent"),
    **dict.fromkeys(map(str, (14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58)), "date"),
    **dict.fromkeys(map(str, (18, 19, 20, 21, 22, 32, 33, 34, 35, 45, 46, 47, 55, 56)), "moment"),
}
_NONE: dict[str, str] = {}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)


class Element(NamedTuple):
    """An element that begins, with its attributes, or ends, with its text. Names are without prefixes."""

    name: str
    attributes: dict[str, str]
    text: str | None


def ignore(_: int) -> None:
    """Nobody wants to know how far reading has come."""


def elements(stream: IO[bytes], seen: Callable[[int], None] = ignore) -> Iterator[Element]:
    """The elements of a part in order, without the phonetic readings beside Japanese and Chinese texts.

    `seen` is told how many bytes were read. Raises NotReadable for a document type (nobody needs one here but for
    mischief) and for what is longer or deeper than any spreadsheet program writes, expat.ExpatError for no XML at all.
    """
    scribe = _Scribe()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = scribe.begin, scribe.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = scribe.characters, scribe.doctype
    read = silent = 0
    while chunk := stream.read(CHUNK):
        parser.Parse(chunk)
        read += len(chunk)
        seen(read)
        silent = 0 if scribe.found else silent + len(chunk)
        if silent > LONGEST_TAG:
            raise NotReadable(f"a tag or a comment is longer than {LONGEST_TAG} bytes")
        yield from scribe.found
        scribe.found.clear()
    parser.Parse(b"", True)
    yield from scribe.found


class _Scribe:
    """Writes down what the parser calls out."""

    def __init__(self) -> None:
        self.found: list[Element] = []
        self._text: list[str] = []
        self._length = 0
        self._depth = 0
        self._phonetic = False

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotReadable(f"more than {DEEPEST} elements stand inside each other")
        if ":" in name:
            name = name.rpartition(":")[2]
        self._phonetic = self._phonetic or name == "rPh"
        self._length = 0
        self._text.clear()
        if not self._phonetic:
            self.found.append(Element(name, attributes, None))

    def end(self, name: str) -> None:
        self._depth -= 1
        if ":" in name:
            name = name.rpartition(":")[2]
        if not self._phonetic:
            self.found.append(Element(name, _NONE, "".join(self._text)))
        self._phonetic = self._phonetic and name != "rPh"
        self._text.clear()

    def characters(self, more: str) -> None:
        self._length += len(more)
        if self._length > LONGEST_CELL:
            raise NotReadable(f"a text in it is longer than the {LONGEST_CELL} characters a cell can hold")
        self._text.append(more)

    def doctype(self, *_: object) -> None:
        raise NotReadable("it declares a document type, which no spreadsheet program writes")


def texts(stream: IO[bytes]) -> list[str]:
    """The texts that cells share, by number."""
    shared: list[str] = []
    runs: list[str] = []
    for name, _, text in elements(stream):
        if name == "t" and text:
            runs.append(text)
        elif name == "si" and text is not None:
            shared.append("".join(runs))
            runs.clear()
    return shared


def formats(stream: IO[bytes]) -> list[Shown]:
    """How each cell format shows a number, by its number."""
    own: dict[str, Shown] = {}
    shown: list[Shown] = []
    of_cells = False
    for name, attributes, text in elements(stream):
        if name == "cellXfs":
            of_cells = text is None
        elif name == "numFmt" and text is None:
            own[attributes.get("numFmtId", "")] = _shown(attributes.get("formatCode", ""))
        elif name == "xf" and text is None and of_cells:
            number = attributes.get("numFmtId", "0")
            shown.append(own.get(number) or _BUILT_IN.get(number, "number"))
    return shown


def _shown(code: str) -> Shown:
    """What a format code such as yyyy-mm-dd hh:mm shows."""
    letters = set(_LITERAL.sub("", code.partition(";")[0]).lower())
    if letters & {"h", "s"}:
        return "moment"
    if letters & {"y", "d", "m"}:
        return "date"
    return "percent" if "%" in letters else "number"

"""The font that PDFs embed: named in the settings, or found on the system."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fontTools.ttLib import TTCollection, TTFont, TTLibError

from meterbook.i18n import Translator, mark

KNOWN = (
    "notosanssc-regular.otf",
    "notosanssc-regular.ttf",
    "notosanscjksc-regular.otf",
    "sourcehansanssc-regular.otf",
    "sourcehansanscn-regular.otf",
    "notosanscjk-regular.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
)
"""Files of fonts with Chinese and Latin letters, the preferred first."""

_SIMPLIFIED = frozenset({"SC", "CN", "GB"})
_FAMILY = 1
_PROBE = "电水费合计0"
_NEEDED = ("head", "hhea", "hmtx", "maxp", "cmap", "name", "OS/2", "post")
_NONE = mark(
    "No font with Chinese was found in %(places)s: install the package fonts-wqy-microhei or fonts-noto-cjk, "
    "or name the file of a font as `reports.font` in service.yaml."
)
_ABSENT = mark("`reports.font` in service.yaml names %(file)s, which is not there: name the file of a font.")
_UNUSABLE = mark("%(file)s cannot be embedded: name another font as `reports.font` in service.yaml (%(error)s).")
_NOT_CHINESE = mark("%(file)s has no Chinese letters: name another font as `reports.font` in service.yaml.")


class NoFont(Exception):
    """There is no font to write a PDF with: an English message that is translated where it is told, and its facts."""

    def __init__(self, message: str, facts: Mapping[str, str]) -> None:
        super().__init__(message % facts)
        self.message, self.facts = message, facts

    def told(self, words: Translator) -> str:
        """What is wrong and what to do, in the translator's language."""
        return words.gettext(self.message) % self.facts


class Face(NamedTuple):
    """A font: its file, and which one of a collection."""

    file: Path
    number: int


def find(named: str | None, environment: Mapping[str, str]) -> Face:
    """The font named in the settings, else the first of KNOWN in the system's places; raises NoFont."""
    if named is not None:
        file = Path(named)
        if not file.is_file():
            raise NoFont(_ABSENT, {"file": named})
        return _face(file)
    places = _places(environment)
    found: dict[str, Path] = {}
    for file in _files(places):
        found.setdefault(file.name.lower(), file)
    best = next((found[name] for name in KNOWN if name in found), None)
    if best is None:
        raise NoFont(_NONE, {"places": ", ".join(str(place) for place in places)})
    return _face(best)


def _places(environment: Mapping[str, str]) -> Sequence[Path]:
    """Where desktops keep fonts, by the XDG Base Directory Specification."""
    home = environment.get("HOME", "")
    own = environment.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    shared = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [Path(place) / "fonts" for place in (own, *shared.split(":")) if place]


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        for folder, _, names in os.walk(place):
            yield from (Path(folder) / name for name in sorted(names))


def _face(file: Path) -> Face:
    """The Simplified Chinese face of a collection, else its first; raises NoFont where it cannot be embedded."""
    try:
        with file.open("rb") as stream:
            number = _simplified(stream) if file.suffix.lower() in (".ttc", ".otc") else 0
            stream.seek(0)
            letters = _letters(TTFont(stream, fontNumber=number, lazy=True))
    except (OSError, TTLibError, AssertionError, KeyError, IndexError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise NoFont(_UNUSABLE, {"file": str(file), "error": reason}) from error
    if not letters >= set(_PROBE):
        raise NoFont(_NOT_CHINESE, {"file": str(file)})
    return Face(file, number)


def _simplified(stream: BinaryIO) -> int:
    collection = TTCollection(stream, lazy=True)
    families = [str(face["name"].getDebugName(_FAMILY)) for face in collection]
    return next((number for number, family in enumerate(families) if _SIMPLIFIED & set(family.split())), 0)


def _letters(font: TTFont) -> set[str]:
    """The letters a font has shapes for. Raises what reading a damaged file raises."""
    for table in font.reader.tables:
        font.reader[table]
    for table in _NEEDED:
        font[table]
    return {chr(letter) for letter in font.getBestCmap() or ()}

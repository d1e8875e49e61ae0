"""The font that PDFs embed: named in the settings, or found on the system."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fontTools.ttLib import TTCollection, TTLibError

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
_NONE = mark(
    "No font with Chinese was found in %(places)s: install the package fonts-wqy-microhei or fonts-noto-cjk, "
    "or name the file of a font as `reports.font` in service.yaml."
)
_ABSENT = mark("`reports.font` in service.yaml names %(file)s, which is not there: name the file of a font.")
UNUSABLE = mark("%(file)s cannot be embedded: name another font as `reports.font` in service.yaml (%(error)s).")
NOT_CHINESE = mark("%(file)s has no Chinese letters: name another font as `reports.font` in service.yaml.")


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
    found = {file.name.lower(): file for file in _files(places)}
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
    """The Simplified Chinese face of a collection, else its first."""
    if file.suffix.lower() not in (".ttc", ".otc"):
        return Face(file, 0)
    try:
        with TTCollection(str(file), lazy=True) as collection:
            families = [str(face["name"].getDebugName(_FAMILY)) for face in collection]
    except (OSError, TTLibError, AssertionError) as error:
        raise NoFont(UNUSABLE, {"file": str(file), "error": str(error) or type(error).__name__}) from error
    chosen = (number for number, family in enumerate(families) if _SIMPLIFIED & set(family.split()))
    return Face(file, next(chosen, 0))

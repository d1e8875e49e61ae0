"""docs/accounting.md and its Chinese, written from the month as the commands tell it: `make docs WRITE=1`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from textwrap import fill
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from worked import month
from worked.figures import Figures
from worked.month import DEPARTMENT, Told

from meterbook.domain.quantity import UTILITIES
from meterbook.domain.text import LANGUAGES, Language
from meterbook.i18n import translator
from meterbook.i18n.statements import BANDS, KINDS

WIDTH = 120
DOCS = Path(__file__).parents[2] / "docs"
PAGES: dict[Language, Path] = {"en": DOCS / "accounting.md", "zh": DOCS / "zh/accounting.md"}

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def pages(told: Told) -> dict[Language, str]:
    """Both pages."""
    figures = Figures(told)
    written = {
        language: _TEMPLATES.get_template(f"accounting.{language}.md.j2").render(
            f=figures, told=told, sums=figures.sums, rows=Rows(figures, language), month=month
        )
        for language in LANGUAGES
    }
    return {**written, "en": _filled(written["en"])}


def _filled(text: str) -> str:
    """Paragraphs of Latin letters filled to the width of a line; a sum is never broken."""
    parts = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"(?m)^(?![#|]).+(?:\n(?![#|-]).+)*", lambda one: _fill(one[0]), parts[place])
    return "".join(parts)


def _fill(paragraph: str) -> str:
    whole = re.sub(r"`[^`]+`", lambda span: span[0].replace(" ", "\0"), paragraph)
    inside = "  " if paragraph.startswith("- ") else ""
    words = " ".join(whole.split())
    filled = fill(words, WIDTH, subsequent_indent=inside, break_long_words=False, break_on_hyphens=False)
    return filled.replace("\0", " ")


class Rows:
    """The rows of the page's tables in one language."""

    def __init__(self, figures: Figures, language: Language) -> None:
        self._figures, self._told, self._language = figures, figures.told, language
        self._words = translator(language).gettext

    def name(self, party: str | None) -> str:
        """A department's name; nobody's is that of what nobody carries."""
        if party == "unallocated":
            return self._words("Unallocated")
        return str(self._figures.departments[party or ""]["name"][self._language])

    def register(self) -> str:
        """The stretches of the outpatient building's register."""
        edges = [(one["opening"], one["closing"], one["multiplier"]) for one in self._figures.register]
        return _rows(
            [_shown(first["at"]), _shown(last["at"]), first["register"], last["register"], ratio]
            for first, last, ratio in edges
        )

    def hours(self, span: str, meter: str) -> str:
        """Hours of a meter with their quality."""
        return _rows(
            [
                f"{_shown(one['start'])[5:]} – {_shown(one['end'])[11:]}",
                one["value"] or "—",
                *(f"{float(one[share]):.0%}" for share in ("measured", "estimated", "missing")),
            ]
            for one in self._told.used[span][meter]
        )

    def balance(self, utility: str) -> str:
        """Where a utility's supply went."""
        found = self._told.balance[utility]
        parts = [found["allocated"], found["losses_shared"]]
        own = [[self.name(party), *(part.get(party, "") for part in parts)] for party in {**parts[0], **parts[1]}]
        return _rows([*own, [self.name("unallocated"), found["unallocated"], ""]])

    def apportioned(self, name: str) -> str:
        """An apportionment, party by party."""
        return _rows([self.name(party), *rest] for party, *rest in getattr(self._figures, name)())

    def on_lines(self) -> str:
        """The department's part of a charge on its lines."""
        return _rows(self._figures.on_lines())

    def heads(self) -> str:
        """Who carries the ward building's water, before and after the middle of the month."""
        return _rows(
            [self.name(party), *(_shown(line[edge]) for edge in ("from", "to")), line["quantity"], line["charge"]]
            for party in ("wards", "logistics")
            for line in self._figures.lines(party, meter="W-B2")
        )

    def bands(self) -> str:
        """Bands of the site with their sums."""
        sums, found = self._figures.sums, self._figures.bands()
        return _rows([self._words(BANDS[band]), kwh, price, sums[f"band_{band}"]] for band, kwh, price, _ in found)

    def statement(self) -> str:
        """The department's statement, line by line."""
        return _rows(
            [
                UTILITIES[line["utility"]][1].in_(self._language),
                self._words(KINDS[line["kind"]]),
                line["meter"] or "",
                self._words(BANDS[line["band"]]) if line["band"] in BANDS else line["band"] or "",
                f"{line['quantity']} {line['unit']}" if line["quantity"] else "",
                line["charge"],
                f"{float(line['quality']['estimated']):.2%}",
            ]
            for line in self._told.drawn[DEPARTMENT]["lines"]
        )

    def hashes(self) -> str:
        """The hash of every statement, when it was closed and after the late readings."""
        return _rows(
            [self.name(party), one["payable"], f"`{one['hash'][:16]}…`", f"`{self._told.later[party]['hash'][:16]}…`"]
            for party, one in self._told.closed.items()
        )

    def adjusted(self) -> str:
        """What came to something else, component by component."""
        return _rows(
            [
                self.name(one["department"]),
                one["component"],
                *(one[sum_]["charge"] or "—" for sum_ in ("charged", "due", "difference")),
                one["difference"]["quantity"],
            ]
            for one in self._figures.compared()
        )

    def posted(self) -> str:
        """The department's rows of the ledger."""
        own = [row for row in self._told.ledger if row["department"] == DEPARTMENT]
        columns = ("cost_centre", "account", "amount")
        return _rows([*(row[column] for column in columns), f"`{row['utility']}.{row['kind']}`"] for row in own)

    def posted_sums(self, quotas: str) -> str:
        """The ledger by department; `quotas` names the opposite of what they pay for their quotas."""
        return _rows(
            [centre or "—", self.name(party) if party else quotas, amount]
            for (centre, party), amount in self._figures.posted_sums().items()
        )


def _rows(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)


def _shown(at: str) -> str:
    return at[:16].replace("T", " ")


def write() -> None:
    """Write both pages."""
    with tempfile.TemporaryDirectory() as folder:
        written = pages(month.played(Path(folder)))
    for language, page in PAGES.items():
        page.parent.mkdir(exist_ok=True)
        page.write_text(written[language], encoding="utf-8")


if __name__ == "__main__":
    write()

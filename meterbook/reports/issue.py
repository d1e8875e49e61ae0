"""Statements as they are handed out: what every kind of file says of them, in one language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from meterbook.domain.closing import Signature
from meterbook.domain.instant import Instant
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.site import Site
from meterbook.domain.statement import QUOTA_KINDS, Line, Statement, StatementState
from meterbook.domain.text import Language, Text
from meterbook.i18n import Translator, mark, translator
from meterbook.i18n.formats import UNKNOWN, Formats, unit_sign
from meterbook.i18n.statements import BANDS, KINDS, REMARKS

_STANDING: Mapping[StatementState, str] = {
    "open": mark("The month still runs: as it was on %(moment)s."),
    "provisional": mark("As it was on %(moment)s: this may change until the month is closed."),
    "closed": mark("Closed by %(name)s, %(moment)s."),
}
_COMPONENTS: Mapping[str, str] = {
    **BANDS,
    "energy": mark("Consumption"),
    "demand": KINDS["demand"],
    "power_factor": KINDS["power_factor"],
}
_USED = ("direct", "shared", "loss")


class Use(NamedTuple):
    """A utility on a statement: what was used, and what the site's tariffs charge for it; None where unknown."""

    quantity: Decimal | None
    charge: Decimal | None


@dataclass(frozen=True)
class Issue:
    """Statements of one month in one language.

    `at` is when they were drawn up; of a closed month that is when it was closed, so that the files stay the same
    bytes. `complete`: nobody's is left out, so that together they are the site's charge.
    """

    site: Site
    month: str
    statements: tuple[Statement, ...]
    language: Language
    at: Instant
    complete: bool
    signature: Signature | None = None

    @classmethod
    def of(
        cls,
        site: Site,
        month: str,
        statements: Iterable[Statement],
        language: Language,
        now: Instant,
        *,
        complete: bool,
        signature: Signature | None,
    ) -> Issue:
        """Statements handed out at the instant `now`; `signature` is who closed the month, if it answers as closed."""
        at = now if signature is None else signature.at
        return cls(site, month, tuple(statements), language, at, complete, signature)

    @cached_property
    def words(self) -> Translator:
        """The words of its language."""
        return translator(self.language)

    @cached_property
    def formats(self) -> Formats:
        """How figures and instants are written in its language."""
        return Formats(self.language, self.site.calendar.zone, self.site.currency)

    def say(self, text: Text) -> str:
        """A text of the site."""
        return text.in_(self.language)

    @property
    def title(self) -> str:
        """What all of it is called."""
        named = self.words.gettext("Utility statements")
        return f"{self.say(self.site.name)} · {named} {self.formats.month(self.month)}"

    def priced(self, heading: str) -> str:
        """The heading of a column of money."""
        return f"{heading} {self.site.currency}"

    def use_headings(self, utility: str) -> tuple[str, str]:
        """The headings of what was used of a utility, with its unit, and of what it costs."""
        name = self.utility(utility)
        return f"{name} {unit_sign(UNITS[UTILITIES[utility][0]])}", self.priced(name)

    def name(self, party: str) -> str:
        """A department's name; who is not in the site any more has its id for a name."""
        if party == UNALLOCATED:
            return self.words.gettext("Unallocated")
        found = self.site.departments.get(party)
        return party if found is None else self.say(found.name)

    def cost_centre(self, party: str | None) -> str | None:
        """A department's cost centre, None where it has none."""
        found = None if party is None else self.site.departments.get(party)
        return None if found is None else found.cost_centre

    def utility(self, utility: str) -> str:
        """The name of a utility."""
        return self.say(UTILITIES[utility][1])

    def kind(self, line: Line) -> str:
        """What kind of line it is."""
        return self.words.gettext(KINDS[line.kind])

    def component(self, line: Line) -> str:
        """The band, surcharge, fixed charge or step of a line, or what it adjusts; empty where there is none."""
        band = line.band
        if band is None:
            return ""
        if line.kind == "quota_excess":
            return self.words.gettext("from %(step)s over the quota") % {"step": band}
        if band in self._extras:
            return self.say(self._extras[band])
        return self.words.gettext(_COMPONENTS[band]) if band in _COMPONENTS else band

    @cached_property
    def _extras(self) -> dict[str, Text]:
        tariffs = self.site.tariffs
        surcharges = {each.id: each.name for tariff in tariffs for each in tariff.surcharges}
        return surcharges | {each.id: each.name for tariff in tariffs for each in tariff.fixed}

    @property
    def standing(self) -> str:
        """Who closed the month, or as of when it is told."""
        state = self.statements[0].state if self.statements else "closed" if self.signature else "provisional"
        name = self.signature.by if self.signature else ""
        return self.words.gettext(_STANDING[state]) % {"name": name, "moment": self.formats.moment(self.at)}

    @property
    def ordered(self) -> list[Statement]:
        """Its statements as people read them: what is unallocated comes last."""
        return sorted(self.statements, key=lambda each: each.department == UNALLOCATED)

    def remarks(self, statement: Statement) -> list[str]:
        """What a reader of the charges must know, as sentences."""
        found = (remark.partition(": ") for remark in statement.remarks)
        return [f"{self.utility(utility)}: {self.words.gettext(REMARKS[word])}" for utility, _, word in found]

    @cached_property
    def utilities(self) -> list[str]:
        """The utilities of its lines."""
        return sorted({line.utility for each in self.statements for line in each.lines})


def added(values: Iterable[Decimal | None]) -> Decimal | None:
    """A sum; unknown where one of its parts is."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(found) else None


def used(lines: Iterable[Line]) -> Use | None:
    """What was used and charged on lines of one utility, without quotas; None where there are no such lines."""
    own = [line for line in lines if line.kind not in QUOTA_KINDS]
    if not own:
        return None
    carrying = [line for line in own if line.kind in _USED]
    return Use(added(line.quantity for line in carrying), added(line.charge for line in own))


def of_utility(statement: Statement, utility: str) -> Use | None:
    """A utility on a statement, None where it has no lines of it."""
    return used(line for line in statement.lines if line.utility == utility)


def of_quotas(statement: Statement) -> Decimal | None:
    """What quotas cost a department, or bring it; None where that has no price."""
    return added(line.charge for line in statement.lines if line.kind in QUOTA_KINDS)


def shown(value: Decimal | None) -> Decimal | str:
    """A figure, or the sign for one that nobody knows."""
    return UNKNOWN if value is None else value

"""`statement --compare`: a closed month as it was charged, beside what it comes to today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import typer

from api.schemas.common import plain
from api.schemas.comparison import ComparisonOut
from meterbook.accounting.comparison import Compared, Comparison, Sum, comparison
from meterbook.accounting.ledger import Ledger
from meterbook.cli.accounts import asked_of
from meterbook.cli.explanation import COMPONENTS
from meterbook.cli.terminal import complain, write, write_json, write_table
from meterbook.domain.quantity import UTILITIES
from meterbook.domain.site import Site
from meterbook.domain.text import Language
from meterbook.i18n import mark, translator
from meterbook.settings import Settings


def compare(
    site: Site, settings: Settings, place: Path, month: str, only: str | None, *, told: bool, language: Language
) -> None:
    """Compare a month, for one department or all; `told` in words, else as JSON.

    Exit code 1 where the month is not closed, and where its record in the books was changed.
    """
    _ = translator(language).gettext

    def asked(ledger: Ledger) -> Comparison | None:
        return None if ledger.signature(month) is None else comparison(ledger, month)

    found = asked_of(site, settings, place, asked)
    if found is None:
        complain(_("%(month)s is not closed; nothing was charged that could differ") % {"month": month})
        raise typer.Exit(1)
    if only is not None:
        found = replace(found, items=tuple(one for one in found.items if one.department == only))
    if told:
        _tell(found, site, language)
    else:
        write_json(ComparisonOut.of(found).model_dump(mode="json"))
    if found.damaged:
        sentence = mark("the books were changed: the hash does not fit the statement of %(who)s; restore a backup")
        complain(_(sentence) % {"who": ", ".join(found.damaged)})
        raise typer.Exit(1)


def _tell(found: Comparison, site: Site, language: Language) -> None:
    """The components that come to something else, the sum of each department, and what becomes of the difference."""
    _ = translator(language).gettext
    facts = {"month": found.month, "booked_in": found.booked_in, "currency": site.currency}
    columns = [_("Department"), _("Utility"), _("Component"), _("charged") + ">", _("due") + ">", _("difference") + ">"]
    columns += [_("by today's rules") + ">", _("difference to due") + ">"]
    rows = [
        row
        for party, own in groupby(found.items, lambda one: one.department)
        for row in _rows(party, list(own), site, language)
    ]
    if rows:
        write_table(_("%(month)s compared, %(currency)s") % facts, columns, rows)
    if any(one.difference for one in found.items):
        write(_("the difference of due and charged is booked in %(booked_in)s, as long as that is open") % facts)
    else:
        write(_("by its own rules %(month)s comes to what was charged") % facts)
    if any(one.rerating for one in found.items):
        write(_("what today's rules and prices would change is not booked: a closed month keeps its own") % facts)
    if found.changed:
        write(_("computed again, these statements are others: %(who)s") % {"who": ", ".join(found.changed)})
    else:
        write(_("computed again, every statement is the same, byte for byte"))


def _rows(party: str, own: Sequence[Compared], site: Site, language: Language) -> Iterator[list[str]]:
    """What came to something else for a department, with its sum."""
    other = [one for one in own if one.difference or one.rerating]
    for one in other:
        utility = UTILITIES[one.utility][1].in_(language)
        sums = (one.charged, one.due, one.difference, one.rerated, one.rerating)
        yield [party, utility, component_name(one.component, site, language), *(_plain(each.charge) for each in sums)]
    if other:
        whole = [_charge(own, name) for name in ("charged", "due", "difference", "rerated", "rerating")]
        yield [party, "", translator(language).gettext("Total"), *(_plain(each) for each in whole)]


def component_name(component: str, site: Site, language: Language) -> str:
    """A component in words: a band, demand, power factor, or a surcharge or fixed charge of some tariff."""
    if component in COMPONENTS:
        return translator(language).gettext(COMPONENTS[component])
    named = {extra.id: extra.name for tariff in site.tariffs for extra in tariff.surcharges}
    named |= {extra.id: extra.name for tariff in site.tariffs for extra in tariff.fixed}
    return named[component].in_(language) if component in named else component


def _charge(own: Sequence[Compared], name: str) -> Decimal | None:
    total = Sum()
    for one in own:
        total = total.plus(getattr(one, name))
    return total.charge


def _plain(charge: Decimal | None) -> str:
    return "" if charge is None else plain(charge)

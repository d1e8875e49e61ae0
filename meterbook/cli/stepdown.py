"""`stepdown`: what departments were charged, passed on in stages to those they serve."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from api.schemas.common import plain
from api.schemas.stepdown import SteppedDownOut
from meterbook.accounting.ledger import Ledger
from meterbook.accounting.stepdown import NoStages, Unpriced, stepped_down
from meterbook.cli.accounts import Current, asked_of
from meterbook.cli.delivery import Out, deliver, see_to
from meterbook.cli.options import Data, Format, Language, Now, SiteDirectory, data_directory, month_of, present, spoken
from meterbook.cli.terminal import as_json, complain, write, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.site import Site
from meterbook.domain.stepdown import Stage, StageBy, SteppedDown, shown
from meterbook.domain.text import Language as Tongue
from meterbook.i18n import Translator, mark, translator
from meterbook.i18n.statements import STATEMENT_STATES
from meterbook.reports import stepdown as report
from meterbook.wiring.opening import clock_from, open_site

_BY: dict[StageBy, str] = {
    "headcount": mark("by heads"),
    "area_m2": mark("by area"),
    "shares": mark("by shares"),
    "weights": mark("by weights"),
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(stepdown)


def stepdown(
    site: SiteDirectory,
    month: Annotated[str, typer.Argument(metavar="MONTH", help="such as 2026-10")],
    format_: Annotated[Format, typer.Option("--format", help="how to write it")] = Format.TABLE,
    out: Out = None,
    language: Language = None,
    current: Current = False,
    data: Data = None,
    now: Now = None,
) -> None:
    """Hospital cost accounting: what departments were charged, passed on in stages to those they serve."""
    moment = clock_from(present(now))()
    if format_ is Format.TABLE and out is not None:
        raise Wrong(mark("a table is for the screen; give another --format with --out"))
    see_to(out, format_, binary=False)
    opened, settings = open_site(site)
    month_of(month)
    tongue = spoken(language, opened)
    words = translator(tongue)

    def asked(ledger: Ledger) -> SteppedDown:
        return stepped_down(ledger, month, moment, current=current)

    try:
        found = asked_of(opened, settings, data_directory(site, data), asked)
    except NoStages:
        _refuse(words, mark("allocations.yaml declares no `step_down` stages for %(month)s"), month=month)
    except Unpriced as error:
        told = mark("%(departments)s: a quantity of %(month)s has no price; add it to tariffs.yaml")
        _refuse(words, told, month=month, departments=", ".join(error.departments))
    if format_ is Format.TABLE:
        _Table(opened, found, tongue, words).write()
        return
    told = words.gettext(mark("costs of %(month)s, stepped down")) % {"month": month}
    deliver(_content(opened, found, tongue, format_), out, told, words)


def _refuse(words: Translator, sentence: str, **facts: str) -> None:
    complain(words.gettext(sentence) % facts)
    raise typer.Exit(1)


def _content(site: Site, found: SteppedDown, tongue: Tongue, form: Format) -> bytes:
    if form is Format.CSV:
        return report.transfers(site, found, tongue).encode()
    return f"{as_json(SteppedDownOut.of(found).model_dump(mode='json', by_alias=True))}\n".encode()


class _Table:
    """A step-down on the screen."""

    def __init__(self, site: Site, found: SteppedDown, tongue: Tongue, words: Translator) -> None:
        self.site, self.found, self.tongue, self.words = site, found, tongue, words

    def write(self) -> None:
        """Who carries what before and after, every transfer, and what nobody could be given."""
        _, found = self.words.gettext, self.found
        title = _("Step-down") + f" {found.month}, {_(STATEMENT_STATES[found.state])}, {found.currency}"
        columns = [_("Department"), *(f"{one}>" for one in (_("Charged"), _("Received"), _("Passed on"), _("Cost")))]
        rows = [
            [self._name(one.department), *map(plain, (one.charged, one.received, one.passed_on, one.cost))]
            for one in found.shares
            if one.charged or one.received
        ]
        if found.unallocated:
            rows.append([_("Unallocated"), plain(found.unallocated), "", "", plain(found.unallocated)])
        passed = plain(sum((one.amount for one in found.transfers), Decimal(0)))
        cost = plain(found.total + found.difference)
        write_table(title, columns, [*rows, [_("Total"), plain(found.total), passed, passed, cost]])
        for number, stage in enumerate(found.stages, start=1):
            self._stage(number, stage)

    def _stage(self, number: int, stage: Stage) -> None:
        _ = self.words.gettext
        named = f": {stage.name.in_(self.tongue)}" if stage.name is not None else ""
        title = _("Stage %(number)s") % {"number": number} + f"{named}, {_(_BY[stage.by])}"
        columns = [_("Giver"), _("Receiver"), _("Weight") + ">", _("Amount") + ">"]
        rows = [
            [
                self._name(one.giver),
                self._name(one.receiver),
                f"{plain(shown(one.weight))} / {plain(shown(one.whole))}",
                plain(one.amount),
            ]
            for one in self.found.transfers
            if one.stage == number
        ]
        if rows:
            write_table(title, columns, rows)
        for kept in self.found.kept:
            if kept.stage == number:
                told = _("%(department)s keeps %(amount)s: nobody of stage %(number)s weighs anything")
                write(told % {"department": kept.department, "amount": plain(kept.amount), "number": number})

    def _name(self, department: str) -> str:
        own = self.site.departments.get(department)
        return department if own is None else f"{department} {own.name.in_(self.tongue)}"

"""`statement`: what departments used and owe for a month, on the screen, for programs, and as files to hand out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.schemas.common import plain
from api.schemas.statement import StatementOut
from meterbook.accounting.ledger import Ledger
from meterbook.cli.accounts import Current, asked_of
from meterbook.cli.comparing import compare
from meterbook.cli.delivery import Out, deliver, see_to
from meterbook.cli.options import Data, Language, Now, SiteDirectory, data_directory, known, month_of, present, spoken
from meterbook.cli.terminal import as_json, complain, write, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.emission import Emission
from meterbook.domain.instant import iso
from meterbook.domain.interval import Shares
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.statement import Statement
from meterbook.i18n import mark, translator
from meterbook.i18n.formats import UNKNOWN
from meterbook.i18n.statements import STATEMENT_STATES
from meterbook.reports import csv
from meterbook.reports.font import NoFont, find
from meterbook.reports.issue import Issue
from meterbook.settings import Reports
from meterbook.wiring.opening import clock_from, open_site


class Format(StrEnum):
    """How statements are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    LEDGER = "ledger"
    XLSX = "xlsx"
    PDF = "pdf"


_BINARY = frozenset({Format.XLSX, Format.PDF})
_COMPARED = frozenset({Format.TABLE, Format.JSON})
_ENDINGS: Mapping[str, Format] = {f".{one}": one for one in (Format.JSON, Format.CSV, Format.XLSX, Format.PDF)}
How = Annotated[
    Format | None, typer.Option("--format", help="how to write it; default: a table, or what the file's name ends in")
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(statement)


def statement(
    site: SiteDirectory,
    month: Annotated[str, typer.Argument(metavar="MONTH", help="such as 2026-10")],
    department: Annotated[str | None, typer.Option(help="just this department")] = None,
    format_: How = None,
    out: Out = None,
    language: Language = None,
    current: Current = False,
    compare_: Annotated[bool, typer.Option("--compare", help="a closed month beside what it comes to today")] = False,
    data: Data = None,
    now: Now = None,
) -> None:
    """What departments used and owe for a month, line by line."""
    moment = clock_from(present(now))()
    form = _form(format_, out)
    see_to(out, form, binary=form in _BINARY)
    if compare_ and form not in _COMPARED:
        raise Wrong(mark("--compare is shown as a table or as JSON; leave out --out, and give --format json or none"))
    opened, settings = open_site(site)
    month_of(month)
    only = None
    if department is not None:
        only = known(department, [*opened.departments, UNALLOCATED], "department", opened)
    if compare_:
        place, tongue = data_directory(site, data), spoken(language, opened)
        compare(opened, settings, place, month, only, told=form is Format.TABLE, language=tongue)
        return

    def issued(ledger: Ledger) -> Issue:
        if only is not None:
            found = [ledger.statement(month, only, moment, current=current)]
        else:
            found = ledger.statements(month, moment, current=current)
        signature = None if current else ledger.signature(month)
        tongue = spoken(language, opened)
        return Issue.of(opened, month, found, tongue, moment, complete=only is None, signature=signature)

    issue = asked_of(opened, settings, data_directory(site, data), issued)
    if form is Format.TABLE:
        for one in issue.statements:
            _write_table(issue, one)
        return
    words = translator(issue.language)
    try:
        content = _content(issue, form, settings.reports)
    except NoFont as error:
        complain(error.told(words))
        raise typer.Exit(1) from None
    count, told = len(issue.statements), mark("%(count)s statements of %(month)s")
    deliver(content, out, words.gettext(told) % {"count": count, "month": month}, words)


def _form(asked: Format | None, out: Path | None) -> Format:
    if asked is None:
        asked = Format.TABLE if out is None else _ENDINGS.get(out.suffix.lower())
    if asked is None:
        raise Wrong(mark("--out %(file)s does not say in what format; give --format too"), file=out)
    if asked is Format.TABLE and out is not None:
        raise Wrong(mark("a table is for the screen; give another --format with --out"))
    return asked


def _content(issue: Issue, form: Format, reports: Reports) -> bytes:
    """Statements as they are written to a file. Raises NoFont."""
    if form is Format.XLSX:
        from meterbook.reports import xlsx  # a table needs no workbook

        return xlsx.statements(issue)
    if form is Format.PDF:
        from meterbook.reports import pdf  # fpdf and its fonts cost half a second

        return pdf.statements(issue, find(reports.font, os.environ))
    if form is Format.JSON:
        zone = issue.site.calendar.zone
        answer = [StatementOut.of(one, zone).model_dump(mode="json", by_alias=True) for one in issue.statements]
        return f"{as_json(answer if issue.complete else answer[0])}\n".encode()
    write_rows = csv.ledger if form is Format.LEDGER else csv.statements
    return write_rows(issue, reports.accounts).encode()


def _write_table(issue: Issue, found: Statement) -> None:
    _, zone = issue.words.gettext, issue.site.calendar.zone
    state = _(STATEMENT_STATES[found.state])
    rows = [
        [
            issue.utility(line.utility),
            issue.kind(line),
            line.meter or "",
            issue.component(line),
            iso(line.start, zone)[:16],
            iso(line.end, zone)[:16],
            _plain(line.quantity),
            line.unit or "",
            _plain(line.charge),
            _quality(issue, line.quality),
        ]
        for line in found.lines
    ]
    columns = [
        *(_("Utility"), _("Kind"), _("Meter"), _("Component"), _("From"), _("To"), _("Quantity") + ">", _("Unit")),
        *(issue.priced(_("Charge")) + ">", _("Measured")),
    ]
    write_table(f"{found.department} {issue.name(found.department)}: {found.month}, {state}", columns, rows)
    for label, sum_, shown in (
        (_("Total"), found.total, True),
        (_("With quota lines"), found.payable, found.payable != found.total),
        (_("With those below"), found.subtree_total, found.subtree_total != found.total),
    ):
        if shown:
            write(f"{label}: {UNKNOWN if sum_ is None else f'{plain(sum_)} {found.currency}'}")
    for one in found.emissions:
        write(f"{issue.utility(one.utility)}: {_emitted(issue, one)}")
    for remark in issue.remarks(found):
        write(remark)
    write("")


def _emitted(issue: Issue, one: Emission) -> str:
    """What a use stands for; what has no factor is not told."""
    told = [f"{plain(one.kgco2e)} kgCO₂e"] if one.kgco2e is not None else []
    if one.kgce is not None:
        told.append(issue.words.gettext(mark("%(kg)s kgce (standard coal)")) % {"kg": plain(one.kgce)})
    return ", ".join(told) or UNKNOWN


def _plain(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def _quality(issue: Issue, quality: Shares) -> str:
    percent = issue.formats.percent
    told = mark("%(measured)s measured, %(estimated)s estimated, %(missing)s missing")
    return issue.words.gettext(told) % {
        "measured": percent(quality.measured),
        "estimated": percent(quality.estimated),
        "missing": percent(quality.missing),
    }

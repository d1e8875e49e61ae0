"""`quota`: how departments stand, and the top-ups and transfers that one person asks for and another approves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from api.granting import OwnRequest, ask
from api.granting import approve as let_count
from api.schemas.common import plain
from api.schemas.quota import QuotaEntryOut, QuotaOut
from meterbook.accounting.correctable import Refused
from meterbook.books import quotas as book
from meterbook.books.quotas import ApprovedAlready
from meterbook.cli.accounts import Current, asked_of
from meterbook.cli.options import (
    Data,
    Now,
    SiteDirectory,
    TableFormat,
    data_directory,
    known,
    month_of,
    present,
    signed,
)
from meterbook.cli.terminal import write, write_json, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.instant import Instant
from meterbook.domain.quota import QuotaEntry
from meterbook.domain.site import Site
from meterbook.i18n import Translator, mark, translator
from meterbook.wiring.opening import Archive, clock_from, open_archive, open_site

EVERYTHING = 10**6
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")

Utility = Annotated[str, typer.Option("--utility", metavar="UTILITY", help="such as electricity", show_default=False)]
Amount = Annotated[str, typer.Option("--amount", metavar="Q", help="in the utility's unit", show_default=False)]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="who asks", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="why", show_default=False)]
Year = Annotated[int | None, typer.Option("--year", metavar="YEAR", help="default: the year that runs")]
Told = Annotated[TableFormat, typer.Option("--format", help="how to write it")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Quotas: what departments may use in a year, and how they stand.", no_args_is_help=True)
    group.callback()(of_site)
    group.command()(show)
    group.command("top-up")(top_up)
    group.command()(transfer)
    group.command()(approve)
    group.command("list")(list_)
    app.add_typer(group, name="quota")


def of_site(context: typer.Context, site: SiteDirectory) -> None:
    """Quotas of a site: how departments stand, and what people agreed about them."""
    context.obj = site


def show(
    context: typer.Context,
    department: Annotated[str | None, typer.Option(help="just this department")] = None,
    month: Annotated[str | None, typer.Option(metavar="MONTH", help="at its end; default: the one that runs")] = None,
    format_: Told = TableFormat.TABLE,
    current: Current = False,
    data: Data = None,
    now: Now = None,
) -> None:
    """How departments stand against their quotas: used since the start of the year, left, and how long it lasts."""
    moment = clock_from(present(now))()
    opened, settings = open_site(context.obj)
    chosen = None if department is None else known(department, opened.departments, "department", opened)
    asked = opened.calendar.month_of(moment) if month is None else month_of(month)
    place = data_directory(context.obj, data)
    found = asked_of(opened, settings, place, lambda ledger: ledger.quotas(asked, moment, current=current))
    answer = [QuotaOut.of(one, opened.calendar.zone) for one in found if chosen in (None, one.department)]
    if format_ is TableFormat.JSON:
        write_json([one.model_dump(mode="json") for one in answer])
        return
    _ = translator(opened.language).gettext
    columns = [_("department"), _("utility"), _("quota") + ">", _("planned so far") + ">", _("used") + ">"]
    columns += [_("left") + ">", _("unit"), _("warning") + ">", _("lasts until")]
    write_table(_("Quotas") + f" {asked}", columns, [_standing(one, opened, _("unknown")) for one in answer])


def top_up(
    context: typer.Context,
    department: Annotated[str, typer.Option(metavar="DEPARTMENT", help="who shall have more", show_default=False)],
    utility: Utility,
    amount: Amount,
    by: By,
    reason: Reason,
    year: Year = None,
    format_: Told = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Ask for more for a department. It counts once another person approves it."""
    with _signed(context.obj, data, now, by) as desk:
        desk.ask(utility, year, department, None, amount, signed(reason, "--reason"), format_)


def transfer(
    context: typer.Context,
    source: Annotated[str, typer.Option("--from", metavar="DEPARTMENT", help="who gives", show_default=False)],
    to: Annotated[str, typer.Option("--to", metavar="DEPARTMENT", help="who receives", show_default=False)],
    utility: Utility,
    amount: Amount,
    by: By,
    reason: Reason,
    year: Year = None,
    format_: Told = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Ask for a part of one department's quota to go to another. It counts once another person approves it."""
    with _signed(context.obj, data, now, by) as desk:
        desk.ask(utility, year, to, source, amount, signed(reason, "--reason"), format_)


def approve(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="as `quota SITE list` shows it", min=1, max=2**63 - 1)],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="who approves it", show_default=False)],
    format_: Told = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Let a top-up or transfer count; whoever asked for it cannot approve it."""
    with _signed(context.obj, data, now, by) as desk:
        desk.approve(number, format_)


def list_(
    context: typer.Context,
    department: Annotated[str | None, typer.Option(help="given to or by this one")] = None,
    format_: Told = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Top-ups and transfers, newest first, with who asked and who approved."""
    with _signed(context.obj, data, now, None) as desk:
        if department is not None:
            known(department, desk.site.departments, "department", desk.site)
        with desk.archive.books.read() as connection:
            found = book.find(connection, department=department, limit=EVERYTHING)
        entries = [QuotaEntryOut.of(entry, desk.site.calendar.zone) for entry in found]
    if format_ is TableFormat.JSON:
        write_json([entry.model_dump(mode="json") for entry in entries])
        return
    _ = desk.words.gettext
    columns = [
        "id>",
        _("department"),
        _("given by"),
        _("utility"),
        _("year"),
        _("amount") + ">",
        _("asked by"),
        _("reason"),
    ]
    columns += [_("approved by"), _("approved")]
    write_table("", columns, [_row(entry) for entry in entries])


class _Desk:
    """Where quotas are agreed on: a site, its archive, the time, and whose hand it is."""

    def __init__(self, site: Site, archive: Archive, now: Instant, by: str) -> None:
        self.site, self.archive = site, archive
        self.words: Translator = translator(site.language)
        self._now, self._by = now, by

    def ask(
        self, utility: str, year: int | None, to: str, source: str | None, amount: str, reason: str, told: TableFormat
    ) -> None:
        """Enter what is asked for and say so; raises Refused."""
        if not _AMOUNT.fullmatch(amount) or not Decimal(amount):
            sentence = mark("--amount %(text)s: expected a figure above zero with 3 decimals at most")
            raise Wrong(sentence, text=repr(amount))
        entry = ask(
            self.site,
            self.archive.books,
            utility=utility,
            year=year if year is not None else int(self.site.calendar.month_of(self._now)[:4]),
            department=to,
            source=source,
            amount=Decimal(amount),
            who=self._by,
            reason=reason,
            now=self._now,
        )
        self._tell(entry, self.words.gettext("waits for approval by another person"), told)

    def approve(self, number: int, told: TableFormat) -> None:
        """Approve an entry and say so; wrong usage where there is none, or where it may not be."""
        try:
            entry = let_count(self.site, self.archive.books, number, self._by, self._now)
        except KeyError:
            sentence = mark("there is no quota entry %(id)s; `meterbook quota SITE list` shows them")
            raise Wrong(sentence, id=number) from None
        except (OwnRequest, ApprovedAlready) as error:
            raise typer.BadParameter(str(error)) from None
        self._tell(entry, self.words.gettext("approved by %(name)s") % {"name": self._by}, told)

    def _tell(self, entry: QuotaEntry, became: str, told: TableFormat) -> None:
        if told is TableFormat.JSON:
            write_json(QuotaEntryOut.of(entry, self.site.calendar.zone).model_dump(mode="json"))
            return
        given = f"{entry.source} -> {entry.department}" if entry.source else entry.department
        facts = {"id": entry.id, "what": f"{given}, {entry.utility} {entry.year}: {plain(entry.amount)}"}
        write(self.words.gettext("quota entry %(id)s, %(what)s") % facts + f"; {became}")


@contextmanager
def _signed(site: Path, data: Path | None, now: str | None, by: str | None) -> Iterator[_Desk]:
    """The desk, where nobody signs without a name; what is refused at it is wrong usage that names the option."""
    name, moment = "" if by is None else signed(by, "--by", 200), clock_from(present(now))()
    opened, settings = open_site(site)
    try:
        with open_archive(data_directory(site, data), settings) as archive:
            yield _Desk(opened, archive, moment, name)
    except Refused as refused:
        option = {"source": "from"}.get(refused.field, refused.field)
        raise typer.BadParameter(f"--{option}: {refused.reason}") from None


def _standing(one: QuotaOut, site: Site, unknown: str) -> list[str]:
    used, left = (unknown if figure is None else plain(figure) for figure in (one.used, one.left))
    reached = "" if one.warning is None else f"{plain(one.warning)} %"
    name = site.departments[one.department].name.in_(site.language)
    figures = [plain(one.amount), plain(one.planned), used, left, one.unit, reached, one.runs_out or ""]
    return [f"{one.department} {name}", one.utility, *figures]


def _row(entry: QuotaEntryOut) -> list[str]:
    approval = [entry.approval.by, entry.approval.at[:16]] if entry.approval else ["", ""]
    asked = [str(entry.year), plain(entry.amount), entry.asked_by, entry.reason]
    return [str(entry.id), entry.department, entry.source or "", entry.utility, *asked, *approval]

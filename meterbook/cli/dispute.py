"""`dispute`: lines that departments contest, and how those who answer for the accounts answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.disputing import NothingMoved, OwnDispute, Wish, answer, contest, in_full
from api.schemas.common import plain
from api.schemas.correction import CorrectionOut
from api.schemas.dispute import DisputeInFull, DisputeOut
from api.schemas.statement import LineOut
from meterbook.accounting.correctable import Refused
from meterbook.accounting.explain import find
from meterbook.accounting.ledger import Ledger
from meterbook.books import disputes as book
from meterbook.books.disputes import AnsweredAlready, OpenAlready
from meterbook.cli.options import (
    Data,
    Now,
    SiteDirectory,
    TableFormat,
    TextFormat,
    data_directory,
    known,
    month_of,
    present,
    signed,
)
from meterbook.cli.terminal import complain, write, write_json, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.dispute import Dispute
from meterbook.domain.instant import Instant
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.site import Site
from meterbook.i18n import mark, translator
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import Archive, clock_from, open_archive, open_site

EVERYTHING = 10**6


class Ending(StrEnum):
    """How a dispute can end."""

    ADJUSTMENT = "adjustment"
    REJECTION = "rejection"


class Standing(StrEnum):
    """Whether a dispute waits for its answer."""

    OPEN = "open"
    ANSWERED = "answered"


ENDINGS = {Ending.ADJUSTMENT: mark("adjusted"), Ending.REJECTION: mark("rejected")}

By = Annotated[str, typer.Option("--by", metavar="NAME", help="who signs it", show_default=False)]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="why", show_default=False)]
Number = Annotated[int, typer.Argument(metavar="ID", help="as `dispute SITE list` shows it", min=1, max=2**63 - 1)]
Told = Annotated[TextFormat, typer.Option("--format", help="how to tell")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Disputes: lines that departments contest, and the answers.", no_args_is_help=True)
    group.callback()(of_site)
    group.command("list")(list_)
    group.command()(show)
    group.command("open")(open_)
    group.command("answer")(answer_)
    app.add_typer(group, name="dispute")


def of_site(context: typer.Context, site: SiteDirectory) -> None:
    """Disputes of a site: who contests which line of a statement, and how it was answered."""
    context.obj = site


def list_(
    context: typer.Context,
    state: Annotated[Standing | None, typer.Option(help="only open or only answered ones")] = None,
    department: Annotated[str | None, typer.Option(help="only this department's")] = None,
    month: Annotated[str | None, typer.Option(metavar="MONTH", help="only of lines of this month")] = None,
    format_: Annotated[TableFormat, typer.Option("--format", help="how to write it")] = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Disputes, newest first, with who opened and who answered them."""
    with _desk(context.obj, data, now, None) as desk:
        if department is not None:
            known(department, {*desk.site.departments, UNALLOCATED}, "department", desk.site)
        with desk.archive.books.read() as connection:
            found = book.find(
                connection,
                departments=None if department is None else {department},
                month=None if month is None else month_of(month),
                answered=None if state is None else state is Standing.ANSWERED,
                limit=EVERYTHING,
            )
        disputes = [DisputeOut.of(one, desk.site.calendar.zone) for one in found]
    if format_ is TableFormat.JSON:
        write_json([one.model_dump(mode="json", by_alias=True) for one in disputes])
        return
    _ = desk.words.gettext
    columns = ["id>", _("month"), _("department"), _("line"), _("charge") + ">", _("contested by"), _("comment")]
    columns += [_("outcome"), _("answered by"), _("answer")]
    write_table("", columns, [_row(one, desk) for one in disputes])


def show(
    context: typer.Context, number: Number, format_: Told = TextFormat.TEXT, data: Data = None, now: Now = None
) -> None:
    """One dispute: the line as it was contested and as it stands, the answer, the adjustments since."""
    with _desk(context.obj, data, now, None) as desk:
        desk.tell(desk.dispute(number), format_)


def open_(
    context: typer.Context,
    line: Annotated[str, typer.Argument(metavar="LINE_ID", help="the id of a statement line")],
    by: By,
    comment: Comment,
    format_: Told = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Contest a line. Its figures are kept as they stand; whoever opens a dispute cannot answer it."""
    with _desk(context.obj, data, now, by) as desk:
        desk.tell(desk.open(line, signed(comment, "--comment")), format_)


def answer_(
    context: typer.Context,
    number: Number,
    outcome: Annotated[Ending, typer.Option(help="how it ends", show_default=False)],
    by: By,
    comment: Comment,
    correction: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="a correction that mends it", min=1)
    ] = None,
    change: Annotated[str | None, typer.Option(metavar="TEXT", help="what was changed in the site's files")] = None,
    format_: Told = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Answer a dispute for good: with an adjustment that has come of what is named, or a rejection."""
    said = None if change is None else signed(change, "--change")
    wish = Wish(outcome.value, signed(comment, "--comment"), tuple(correction or ()), said)
    with _desk(context.obj, data, now, by) as desk:
        desk.tell(desk.answer(number, wish), format_)


class _Desk:
    """Where lines are contested: a site, its archive, the time, and whose hand it is."""

    def __init__(self, site: Site, archive: Archive, now: Instant, by: str) -> None:
        self.site, self.archive = site, archive
        self.words = translator(site.language)
        self._ledger: Ledger = ledger_of(site, archive)
        self._now, self._by = now, by

    def dispute(self, number: int) -> Dispute:
        """The dispute of that number; wrong usage where there is none."""
        with self.archive.books.read() as connection:
            found = book.get(connection, number)
        if found is None:
            raise Wrong(mark("there is no dispute %(id)s; `meterbook dispute SITE list` shows them"), id=number)
        return found

    def open(self, line: str, comment: str) -> Dispute:
        """Contest a line; the answer is no where there is none, or where it is contested already."""
        found = find(self._ledger, line, self._now)
        if found is None:
            complain(
                f"there is no statement line {line}; `meterbook statement SITE MONTH --format json` shows their ids"
            )
            raise typer.Exit(1)
        try:
            return contest(self._ledger, self.archive.books, *found, self._by, comment, self._now)
        except OpenAlready as error:
            complain(str(error))
            raise typer.Exit(1) from None

    def answer(self, number: int, wish: Wish) -> Dispute:
        """Answer a dispute; the answer is no where nothing has moved, or it was answered before."""
        try:
            return answer(self._ledger, self.archive.books, self.dispute(number), wish, self._by, self._now)
        except (AnsweredAlready, OwnDispute, NothingMoved) as error:
            complain(str(error))
            raise typer.Exit(1) from None

    def tell(self, dispute: Dispute, told: TextFormat) -> None:
        """Write a dispute with what became of it."""
        whole = in_full(self._ledger, self.archive.books, dispute, self._now)
        if told is TextFormat.JSON:
            write_json(whole.model_dump(mode="json", by_alias=True))
        else:
            write("\n".join(_text(whole, self)))


@contextmanager
def _desk(site: Path, data: Path | None, now: str | None, by: str | None) -> Iterator[_Desk]:
    """The desk, where nobody signs without a name; what is refused at it is wrong usage that names the option."""
    name, moment = "" if by is None else signed(by, "--by", 200), clock_from(present(now))()
    opened, settings = open_site(site)
    try:
        with open_archive(data_directory(site, data), settings) as archive:
            yield _Desk(opened, archive, moment, name)
    except Refused as refused:
        option = {"corrections": "correction"}.get(refused.field, refused.field)
        raise typer.BadParameter(f"--{option}: {refused.reason}") from None


def _row(one: DisputeOut, desk: _Desk) -> list[str]:
    line, given = one.contested, one.answer
    named = " ".join(part for part in (line.utility, line.kind, line.meter, line.band) if part)
    charge = "" if line.charge is None else plain(line.charge)
    answered = [desk.words.gettext(ENDINGS[Ending(given.outcome)]), given.author, given.comment] if given else [""] * 3
    return [str(one.id), one.month, one.department, named, charge, one.author, one.comment, *answered]


def _text(one: DisputeInFull, desk: _Desk) -> list[str]:
    _ = desk.words.gettext
    told = [
        _("dispute %(id)s: %(line)s, contested by %(by)s at %(at)s")
        % {"id": one.id, "line": one.contested.id, "by": one.author, "at": one.at},
        f"  “{one.comment}”",
        "  " + _("as it stood: %(line)s") % {"line": _line(one.contested, _("no price"))},
        "  "
        + _("as it stands: %(line)s") % {"line": _line(one.now, _("no price")) if one.now else _("not there any more")},
    ]
    if one.answer is None:
        return [*told, "  " + _("waits for its answer")]
    facts = {"outcome": _(ENDINGS[Ending(one.answer.outcome)]), "by": one.answer.author, "at": one.answer.at}
    told += ["  " + _("%(outcome)s by %(by)s at %(at)s") % facts, f"  “{one.answer.comment}”"]
    if one.answer.change:
        told.append("  " + _("changed in the site's files: %(what)s") % {"what": one.answer.change})
    told += ["  " + _correction(entry, desk) for entry in one.corrections]
    for each in one.adjustments:
        told.append("  " + _("adjusted in %(month)s: %(line)s") % {"month": each.month, "line": _line(each.line, "")})
    return told


def _correction(entry: CorrectionOut, desk: _Desk) -> str:
    _ = desk.words.gettext
    facts = {"id": entry.id, "meter": entry.meter, "by": entry.author, "reason": entry.reason}
    told = _("correction %(id)s of %(meter)s by %(by)s: %(reason)s") % facts
    return told if entry.undo is None else told + "; " + _("undone by %(by)s") % {"by": entry.undo.author}


def _line(line: LineOut, unpriced: str) -> str:
    named = " ".join(part for part in (line.utility, line.kind, line.meter, line.band) if part)
    quantity = "" if line.quantity is None else f" {plain(line.quantity)} {line.unit or ''}"
    return f"{named}{quantity}, {unpriced if line.charge is None else plain(line.charge)}"

"""`correct`: what people know better than the readings, signed and with a reason; the readings stay as they came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from api.correcting import enter, exchange, meter_named, take_back
from api.schemas.common import plain
from api.schemas.correction import QuestionOut, shown
from meterbook.accounting.correctable import Refused
from meterbook.accounting.ledger import Ledger
from meterbook.books import corrections as book
from meterbook.books.corrections import UndoneAlready
from meterbook.cli.accounts import asked_of
from meterbook.cli.options import (
    FIRST_DAY,
    LAST_DAY,
    Data,
    Now,
    SiteDirectory,
    TableFormat,
    TextFormat,
    boundary,
    data_directory,
    known,
    present,
    signed,
)
from meterbook.cli.terminal import complain, write, write_json, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.calendar import Calendar
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, What
from meterbook.domain.instant import Instant, from_datetime, iso, moment
from meterbook.domain.meter import Meter
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.site import Site
from meterbook.i18n import mark
from meterbook.settings import EMBEDDED
from meterbook.wiring.opening import Archive, clock_from, open_archive, open_site

LONGEST_NAME = 200
EVERYTHING = 10**6
_FIGURE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


MeterName = Annotated[str, typer.Option("--meter", metavar="METER", help="the meter", show_default=False)]
From = Annotated[str, typer.Option("--from", metavar="T", help="start: a local day or instant", show_default=False)]
To = Annotated[str, typer.Option("--to", metavar="T", help="end, not included", show_default=False)]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="who signs it", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="why", show_default=False)]
Told = Annotated[TextFormat, typer.Option("--format", help="how to tell")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Corrections: signed entries on what readings say.", no_args_is_help=True)
    group.callback()(of_site)
    group.command("exclude")(exclude)
    group.command("estimate")(estimate)
    group.command("exchange")(exchange_)
    group.command("undo")(undo)
    group.command("list")(list_)
    group.command()(questions)
    app.add_typer(group, name="correct")


def of_site(context: typer.Context, site: SiteDirectory) -> None:
    """Corrections of a site: signed entries on what its readings say. The readings stay as they came."""
    context.obj = site


def exclude(
    context: typer.Context,
    meter: MeterName,
    by: By,
    reason: Reason,
    from_: Annotated[str | None, typer.Option("--from", metavar="T", help="start: a local day or instant")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="T", help="end, not included")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="T", help="the instant of a single reading")] = None,
    format_: Told = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Let readings of a meter not count: those from --from until --to, or the one --at an instant."""
    if (at is None) == (from_ is None and to is None) or (from_ is None) != (to is None):
        raise Wrong(mark("give either --from and --to, or --at for one reading"))

    def what(calendar: Calendar) -> Exclusion:
        if at is not None:
            alone = _instant(at, "--at", calendar)
            return Exclusion(alone, alone + 1)
        return Exclusion(_instant(from_ or "", "--from", calendar), _instant(to or "", "--to", calendar))

    with _signed(context.obj, data, now, by, reason) as desk:
        desk.enter(desk.meter(meter), what(desk.site.calendar), format_)


def estimate(
    context: typer.Context,
    meter: MeterName,
    from_: From,
    to: To,
    quantity: Annotated[str, typer.Option(metavar="Q", help="what was used, in the meter's unit", show_default=False)],
    by: By,
    reason: Reason,
    format_: Told = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Say what a meter used from --from until --to, whatever its readings say; both on the 15-minute grid."""
    used = _decimal(quantity, "--quantity")
    with _signed(context.obj, data, now, by, reason) as desk:
        calendar = desk.site.calendar
        start, end = _instant(from_, "--from", calendar), _instant(to, "--to", calendar)
        desk.enter(desk.meter(meter), Estimate(start, end, used), format_)


def exchange_(
    context: typer.Context,
    meter: MeterName,
    at: Annotated[str, typer.Option(metavar="T", help="when it was exchanged or reset", show_default=False)],
    old_final: Annotated[str, typer.Option(metavar="F", help="last figure of the old register", show_default=False)],
    new_initial: Annotated[str, typer.Option(metavar="F", help="first figure of the new one", show_default=False)],
    by: By,
    reason: Reason,
    multiplier: Annotated[str | None, typer.Option(metavar="M", help="from then on, where it changed")] = None,
    register_max: Annotated[str | None, typer.Option(metavar="F", help="highest figure, where it changed")] = None,
    format_: Told = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Declare after the fact that a meter was exchanged, or its register reset. It answers an open question."""
    old, new = _decimal(old_final, "--old-final"), _decimal(new_initial, "--new-initial")
    ratio = None if multiplier is None else _decimal(multiplier, "--multiplier")
    highest = None if register_max is None else _decimal(register_max, "--register-max")
    with _signed(context.obj, data, now, by, reason) as desk:
        chosen, moment = desk.meter(meter), _instant(at, "--at", desk.site.calendar)
        desk.enter(chosen, exchange(desk.archive.books, chosen, moment, old, new, ratio, highest), format_)


def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="as `correct SITE list` shows it", min=1, max=2**63 - 1)],
    by: By,
    reason: Reason,
    format_: Told = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Take a correction back. The entry stays, with who undid it and why."""
    with _signed(context.obj, data, now, by, reason) as desk:
        desk.undo(number, format_)


def list_(
    context: typer.Context,
    meter: Annotated[str | None, typer.Option(help="only those of this meter")] = None,
    format_: Annotated[TableFormat, typer.Option("--format", help="how to write it")] = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Every correction there is, newest first, those that were undone too."""
    present(now)
    opened, settings = open_site(context.obj)
    place = data_directory(context.obj, data)
    found: list[Correction] = []
    if settings.storage.books == EMBEDDED and not place.exists():
        complain(f"{place} holds no books yet; --data names another place")
    else:
        with open_archive(place, settings) as archive, archive.books.read() as connection:
            found = book.find(connection, meter=meter, limit=EVERYTHING)
    if meter is not None and not found:
        known(meter, opened.meters, "meter", opened)
    zone = opened.calendar.zone
    if format_ is TableFormat.JSON:
        write_json([shown(entry, zone).model_dump(mode="json", by_alias=True) for entry in found])
        return
    columns = ["id>", "meter", "correction", "by", "entered", "reason", "undone"]
    write_table("", columns, [_row(entry, opened) for entry in found])


def questions(
    context: typer.Context,
    format_: Annotated[TableFormat, typer.Option("--format", help="how to write it")] = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Meters whose readings fell and stayed down: `exchange` says what happened, `exclude` that they are wrong."""
    present(now)
    opened, settings = open_site(context.obj)
    asked = asked_of(opened, settings, data_directory(context.obj, data), Ledger.questions)
    found = [QuestionOut.of(question, opened.calendar.zone) for question in asked]
    if format_ is TableFormat.JSON:
        write_json([question.model_dump(mode="json") for question in found])
        return
    rows = [[one.meter, one.since, plain(one.figure), one.until, plain(one.shown)] for one in found]
    write_table("", ["meter", "last that counts", "figure>", "latest", "figure>"], rows)


class _Desk:
    """Where corrections are signed: a site, its archive, the time, and whose hand and reason it is."""

    def __init__(self, site: Site, archive: Archive, now: Instant, by: str, reason: str) -> None:
        self.site, self.archive = site, archive
        self._now, self._by, self._reason = now, by, reason

    def meter(self, name: str) -> Meter:
        """The meter of a name; raises Refused."""
        return meter_named(self.site, name)

    def enter(self, meter: Meter, what: What, format_: TextFormat) -> None:
        """Enter a correction and say so; raises Refused."""
        archive = self.archive
        entry, new = enter(self.site, archive.store, archive.books, meter, what, self._by, self._reason, self._now)
        self._tell(entry, format_, "entered" if new else f"in force already, entered by {entry.author}")

    def undo(self, id_: int, format_: TextFormat) -> None:
        """Take a correction back and say so; wrong usage where there is none, or where it was undone before."""
        try:
            entry = take_back(self.archive.books, id_, self._by, self._reason, self._now)
        except KeyError:
            sentence = mark("there is no correction %(id)s; `meterbook correct SITE list` shows them")
            raise Wrong(sentence, id=id_) from None
        except UndoneAlready as error:
            raise typer.BadParameter(str(error)) from None
        self._tell(entry, format_, "undone")

    def _tell(self, entry: Correction, format_: TextFormat, became: str) -> None:
        if format_ is TextFormat.JSON:
            write_json(shown(entry, self.site.calendar.zone).model_dump(mode="json", by_alias=True))
        else:
            write(f"correction {entry.id}, {entry.meter}: {_words(entry, self.site)}; {became}")


@contextmanager
def _signed(site: Path, data: Path | None, now: str | None, by: str, reason: str) -> Iterator[_Desk]:
    """The desk; what is refused at it is wrong usage that names the option."""
    signature = signed(by, "--by", LONGEST_NAME), signed(reason, "--reason")
    moment = clock_from(present(now))()
    opened, settings = open_site(site)
    try:
        with open_archive(data_directory(site, data), settings) as archive:
            yield _Desk(opened, archive, moment, *signature)
    except Refused as refused:
        raise typer.BadParameter(f"--{refused.field.replace('_', '-')}: {refused.reason}") from None


def _row(entry: Correction, site: Site) -> list[str]:
    undone = f"{entry.undo.author}: {entry.undo.reason}" if entry.undo else ""
    entered = iso(entry.at, site.calendar.zone)[:16]
    return [str(entry.id), entry.meter, _words(entry, site), entry.author, entered, entry.reason, undone]


def _words(entry: Correction, site: Site) -> str:
    """What a correction says, in a few words."""
    what, zone = entry.what, site.calendar.zone
    if isinstance(what, Exchange):
        new, ratio = what.installation, "" if what.multiplier is None else f", x {plain(what.multiplier)}"
        return f"exchange {iso(new.at, zone)}: {plain(new.old_final)} -> {plain(new.new_initial)}{ratio}"
    start, end = iso(what.start, zone), iso(what.end, zone)
    if isinstance(what, Exclusion):
        return f"exclude {start}" if what.end == what.start + 1 else f"exclude {start} to {end}"
    meter = site.meters.get(entry.meter)
    unit = f" {UNITS[UTILITIES[meter.utility][0]]}" if meter else ""
    return f"estimate {start} to {end}: {plain(what.quantity)}{unit}"


def _decimal(text: str, option: str) -> Decimal:
    if not _FIGURE.fullmatch(text.strip()):
        sentence = mark("%(option)s %(text)s is no figure; write 9987.32, with a point and 6 decimals at most")
        raise Wrong(sentence, option=option, text=repr(text))
    return Decimal(text.strip())


def _instant(text: str, option: str, calendar: Calendar) -> Instant:
    """A local day or instant, or one with offset; wrong usage where the clocks show it twice or never."""
    try:
        found = moment(text)
    except ValueError:
        return boundary(text, option, calendar)
    if found.tzinfo is not None or not FIRST_DAY <= found.date() <= LAST_DAY:
        return boundary(text, option, calendar)
    choices = [_standing(found, calendar.zone, fold) for fold in (0, 1)]
    if choices[0] == choices[1]:
        return choices[0]
    one, other = (iso(at, calendar.zone) for at in choices)
    twice = all(iso(at, calendar.zone)[:19] == found.isoformat()[:19] for at in choices)
    sentence = mark("%(option)s %(text)s never comes in %(zone)s: the clocks change; write %(one)s or %(other)s")
    if twice:
        sentence = mark("%(option)s %(text)s comes twice in %(zone)s: the clocks change; write %(one)s or %(other)s")
    raise Wrong(sentence, option=option, text=text, zone=calendar.zone.key, one=one, other=other)


def _standing(naive: datetime, zone: ZoneInfo, fold: int) -> Instant:
    return from_datetime(naive.replace(tzinfo=zone, fold=fold))

"""`score`: departments out of 100 points in a month, and the league table of a quarter."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from api.judging import judge_of
from api.schemas.common import plain
from api.schemas.score import ScoreOut, StandingOut
from meterbook.accounting.score import months_of
from meterbook.cli.delivery import Out, deliver, see_to
from meterbook.cli.options import Data, Language, Now, SiteDirectory, data_directory, month_of, present, spoken
from meterbook.cli.terminal import as_json, complain, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.score import PartScore, Score, Standing
from meterbook.i18n import Translator, mark
from meterbook.i18n.statements import REASONS
from meterbook.reports import scores
from meterbook.reports.scores import Published
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import clock_from, open_archive, open_site


class Format(StrEnum):
    """How scores are written."""

    TABLE = "table"
    JSON = "json"
    XLSX = "xlsx"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(score)


def score(
    site: SiteDirectory,
    time: Annotated[str, typer.Argument(metavar="MONTH|QUARTER", help="such as 2026-10 or 2026-Q3")],
    format_: Annotated[Format, typer.Option("--format", help="how to write it")] = Format.TABLE,
    out: Out = None,
    language: Language = None,
    data: Data = None,
    now: Now = None,
) -> None:
    """Each department's month out of 100 points, or the league table of a quarter."""
    moment = clock_from(present(now))()
    if format_ is Format.TABLE and out is not None:
        raise Wrong(mark("a table is for the screen; give another --format with --out"))
    see_to(out, format_, binary=format_ is Format.XLSX)
    opened, settings = open_site(site)
    quarterly = "Q" in time
    if quarterly:
        _quarter(time)
    else:
        month_of(time)
    published = Published(opened, time, spoken(language, opened), moment)
    with open_archive(data_directory(site, data), settings) as archive:
        judge = judge_of(ledger_of(opened, archive), archive.books)
        if judge is None:
            complain(f"{site} has no scores.yaml that says what 100 points are made of")
            raise typer.Exit(1)
        league = judge.quarter(time, moment) if quarterly else []
        months = [] if quarterly else judge.month(time, moment)
    if format_ is not Format.TABLE:
        content = _content(published, format_, months, league)
        told = published.words.gettext(mark("scores of %(time)s")) % {"time": time}
        deliver(content, out, told, published.words)
    elif quarterly:
        _league(league, published)
    else:
        _month(months, published)


def _quarter(text: str) -> None:
    try:
        months_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _content(published: Published, form: Format, months: Sequence[Score], league: Sequence[Standing]) -> bytes:
    """Scores as they are written to a file: of a quarter where there is a league, else of a month."""
    if form is Format.XLSX:
        return scores.quarter(published, league) if league else scores.month(published, months)
    answer = [*(StandingOut.of(one) for one in league), *(ScoreOut.of(one) for one in months)]
    return f"{as_json([one.model_dump(mode='json') for one in answer])}\n".encode()


def _month(found: Sequence[Score], published: Published) -> None:
    _ = published.words.gettext
    parts = published.site.scores.parts if published.site.scores else ()
    columns = [_("department"), _("points") + ">", "", *(f"{part.id} / {plain(part.points)}>" for part in parts)]
    rows = [
        [
            _name(one.department, published),
            *_points(one, published.words),
            *(_part(part, published.words) for part in one.parts),
        ]
        for one in found
    ]
    write_table(_("Scores") + f" {published.time}", columns, rows)


def _league(found: Sequence[Standing], published: Published) -> None:
    _ = published.words.gettext
    columns = [_("rank") + ">", _("department"), _("points") + ">", "", _("months")]
    rows = [
        [
            "" if one.rank is None else str(one.rank),
            _name(one.department, published),
            *_points(one, published.words),
            ", ".join(f"{month.month} {plain(month.points)}" for month in one.months if month.points is not None),
        ]
        for one in found
    ]
    write_table(_("Scores") + f" {published.time}", columns, rows)


def _name(department: str, published: Published) -> str:
    return f"{department} {published.site.departments[department].name.in_(published.language)}"


def _points(one: Score | Standing, words: Translator) -> list[str]:
    if one.points is None:
        return [words.gettext("unknown"), ""]
    return [plain(one.points), "" if one.passed else words.gettext("below the limit")]


def _part(part: PartScore, words: Translator) -> str:
    if part.reason is not None:
        return words.gettext(REASONS[part.reason])
    return "" if part.got is None else plain(part.got)

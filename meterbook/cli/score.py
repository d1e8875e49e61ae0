"""`score`: departments out of 100 points in a month, and the league table of a quarter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from api.judging import judge_of
from api.schemas.common import plain
from api.schemas.score import PartOut, ScoreOut, StandingOut
from meterbook.accounting.score import months_of
from meterbook.cli.options import Data, Now, SiteDirectory, TableFormat, data_directory, month_of, present
from meterbook.cli.terminal import complain, write_json, write_table
from meterbook.domain.score import Reason
from meterbook.domain.site import Site
from meterbook.i18n import Translator, mark, translator
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import clock_from, open_archive, open_site

REASONS: Mapping[Reason, str] = {
    "no_quota": mark("no quota"),
    "quota_unknown": mark("use of the year not known"),
    "month_runs": mark("month not over"),
    "not_covered": mark("too few readings"),
    "not_measured": mark("too little was measured"),
    "nothing_used": mark("nothing used"),
    "no_incidents": mark("no incidents"),
    "not_built": mark("unknown rule"),
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(score)


def score(
    site: SiteDirectory,
    time: Annotated[str, typer.Argument(metavar="MONTH|QUARTER", help="such as 2026-10 or 2026-Q3")],
    format_: Annotated[TableFormat, typer.Option("--format", help="how to write it")] = TableFormat.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Each department's month out of 100 points, or the league table of a quarter."""
    moment = clock_from(present(now))()
    opened, settings = open_site(site)
    quarterly = "Q" in time
    if quarterly:
        _quarter(time)
    else:
        month_of(time)
    words = translator(opened.language)
    with open_archive(data_directory(site, data), settings) as archive:
        judge = judge_of(ledger_of(opened, archive), archive.books)
        if judge is None:
            complain(f"{site} has no scores.yaml that says what 100 points are made of")
            raise typer.Exit(1)
        if quarterly:
            _league([StandingOut.of(one) for one in judge.quarter(time, moment)], time, opened, format_, words)
        else:
            _month([ScoreOut.of(one) for one in judge.month(time, moment)], time, opened, format_, words)


def _quarter(text: str) -> None:
    try:
        months_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _month(found: list[ScoreOut], month: str, site: Site, told: TableFormat, words: Translator) -> None:
    if told is TableFormat.JSON:
        write_json([one.model_dump(mode="json") for one in found])
        return
    _ = words.gettext
    parts = site.scores.parts if site.scores else ()
    columns = [_("department"), _("points") + ">", "", *(f"{part.id} / {plain(part.points)}>" for part in parts)]
    rows = [
        [_name(one.department, site), *_points(one, words), *(_part(part, words) for part in one.parts)]
        for one in found
    ]
    write_table(_("Scores") + f" {month}", columns, rows)


def _league(found: list[StandingOut], quarter: str, site: Site, told: TableFormat, words: Translator) -> None:
    if told is TableFormat.JSON:
        write_json([one.model_dump(mode="json") for one in found])
        return
    _ = words.gettext
    columns = [_("rank") + ">", _("department"), _("points") + ">", "", _("months")]
    rows = [
        [
            "" if one.rank is None else str(one.rank),
            _name(one.department, site),
            *_points(one, words),
            ", ".join(f"{month.month} {plain(month.points)}" for month in one.months if month.points is not None),
        ]
        for one in found
    ]
    write_table(_("Scores") + f" {quarter}", columns, rows)


def _name(department: str, site: Site) -> str:
    return f"{department} {site.departments[department].name.in_(site.language)}"


def _points(one: ScoreOut | StandingOut, words: Translator) -> list[str]:
    if one.points is None:
        return [words.gettext("unknown"), ""]
    return [plain(one.points), "" if one.passed else words.gettext("below the limit")]


def _part(part: PartOut, words: Translator) -> str:
    if part.reason is not None:
        return words.gettext(REASONS[part.reason])
    return "" if part.got is None else plain(part.got)

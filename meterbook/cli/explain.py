"""`explain`: a statement line, down to the readings it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.disputing import in_full, of_line
from api.schemas.common import plain
from api.schemas.explanation import ExplanationOut, PartOut, RuleOut
from meterbook.accounting.explain import explain, find
from meterbook.cli.options import Data, Now, SiteDirectory, TextFormat, data_directory, present
from meterbook.cli.terminal import complain, write, write_json
from meterbook.domain.instant import Instant
from meterbook.domain.site import Site
from meterbook.settings import EMBEDDED, Settings
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import clock_from, open_archive, open_site


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain")(explain_)


def explain_(
    site: SiteDirectory,
    line: Annotated[str, typer.Argument(metavar="LINE_ID", help="the id of a statement line")],
    format_: Annotated[TextFormat, typer.Option("--format", help="how to tell")] = TextFormat.TEXT,
    data: Data = None,
    now: Now = None,
) -> None:
    """Why a line is what it is: rule, price, share, meters, register figures and raw readings."""
    moment = clock_from(present(now))()
    opened, settings = open_site(site)

    answer = _explained(opened, settings, data_directory(site, data), line, moment)
    if answer is None:
        complain(f"there is no statement line {line}; `meterbook statement SITE MONTH --format json` shows their ids")
        raise typer.Exit(1)
    if format_ is TextFormat.JSON:
        write_json(answer.model_dump(mode="json", by_alias=True))
    else:
        write("\n".join(_text(answer)))


def _explained(site: Site, settings: Settings, directory: Path, line: str, now: Instant) -> ExplanationOut | None:
    if settings.storage.readings == EMBEDDED and not directory.exists():
        complain(f"{directory} holds no readings yet; `meterbook import` brings some, or --data names another place")
        return None
    with open_archive(directory, settings) as archive:
        ledger = ledger_of(site, archive)
        found = find(ledger, line, now)
        if found is None:
            return None
        said = [in_full(ledger, archive.books, one, now) for one in of_line(ledger, archive.books, *found)]
        return ExplanationOut.of(explain(ledger, *found, now), site.calendar.zone, disputes=said)


def _text(answer: ExplanationOut) -> list[str]:
    line, price = answer.line, answer.price
    quantity = "" if line.quantity is None else f"{plain(line.quantity)} {line.unit or ''}, "
    charge = "no price" if line.charge is None else plain(line.charge)
    told = [
        f"{line.id}: {answer.department}, {answer.month}, {answer.state}",
        f"  {line.utility} {line.kind} {line.meter or ''} {line.start} to {line.end}: {quantity}{charge}",
    ]
    if answer.rule is not None:
        told.append(f"  rule: {_rule(answer.rule)}; share {line.share}")
    told.append(f"  price: {price.tariff or 'none'} {price.component}{_price(answer)}")
    if answer.change is not None:
        told.append(f"  charged before {answer.change.charge_before}, with this line {answer.change.charge_after}")
    for part in answer.meters:
        told += _part(part)
    if answer.days:
        told.append(
            "  by day, in the line's band: " + ", ".join(f"{day.start[:10]} {day.value}" for day in answer.days)
        )
    if answer.lines:
        told.append(f"  stands on the quantity of {', '.join(answer.lines)}")
    for one in answer.disputes:
        outcome = f"{one.answer.outcome} by {one.answer.author}" if one.answer else "waits for its answer"
        told.append(f"  dispute {one.id} of {one.contested.id} by {one.author}: {outcome}")
        told += [f"    adjusted in {each.month}: {each.line.id} {each.line.charge}" for each in one.adjustments]
    return told


def _rule(rule: RuleOut) -> str:
    what = f"losses of {rule.meter}" if rule.losses else rule.meter
    whom = f"to {rule.to}" if rule.to else f"split by {rule.by} among {', '.join(rule.among or rule.shares)}"
    return f"{what} {whom} from {rule.start}"


def _price(answer: ExplanationOut) -> str:
    price = answer.price
    each = f", {plain(price.per_unit)} each" if price.per_unit is not None else ""
    steps = "".join(f", up to {step.up_to or 'any'}: {plain(step.price)}" for step in price.tiers)
    internal = answer.line.kind in ("quota_excess", "quota_reward")  # between the site and its departments
    paid = None if internal else price.site_charge
    whole = "" if paid is None else f"; the site pays {plain(paid)} for {price.site_quantity}"
    return f"{each}{steps}{whole}"


def _part(part: PartOut) -> list[str]:
    quality = f"{part.quality.measured} measured, {part.quality.estimated} estimated, {part.quality.missing} missing"
    told = [f"  meter {part.meter} x {part.factor}: {part.consumption} ({quality})"]
    for stretch in part.registers:
        turned = f", {stretch.rollovers} rollovers" if stretch.rollovers else ""
        told.append(
            f"    register {stretch.opening.register_} to {stretch.closing.register_} x {stretch.multiplier}{turned}"
        )
        for edge in (stretch.opening, stretch.closing):
            read = ", ".join(f"{raw.value} at {raw.at} ({raw.quality})" for raw in edge.readings) or "no reading"
            told.append(f"      {edge.at}, {'measured' if edge.measured else 'not measured'}: {read}")
    return told

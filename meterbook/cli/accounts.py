"""`consumption` and `balance`: what was used, and where it went."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from api.schemas.common import plain
from api.schemas.consumption import DepartmentConsumption, MeterConsumption, intervals
from api.schemas.statement import BalanceOut
from meterbook.accounting.imbalance import Imbalance
from meterbook.accounting.ledger import Ledger
from meterbook.cli.options import (
    By,
    Data,
    Format,
    Now,
    SiteDirectory,
    boundary,
    data_directory,
    known,
    month_of,
    present,
)
from meterbook.cli.terminal import complain, write, write_json, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.money import UNALLOCATED
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.site import Site
from meterbook.i18n import mark, translator
from meterbook.readings.memory import MemoryStore
from meterbook.settings import EMBEDDED, Settings
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import clock_from, open_archive, open_site

T = TypeVar("T")
Current = Annotated[bool, typer.Option("--current", help="a closed month as it would be today")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(consumption)
    app.command()(balance)


def asked_of(site: Site, settings: Settings, directory: Path, question: Callable[[Ledger], T]) -> T:
    """Put a question to the ledger over a data directory; one that is not there yet is said so, and holds nothing."""
    if settings.storage.readings == EMBEDDED and not directory.exists():
        told = mark("%(place)s holds no readings yet; `meterbook import` brings some, or --data names another place")
        complain(translator(site.language).gettext(told) % {"place": str(directory)})
        return question(Ledger(site, MemoryStore()))
    with open_archive(directory, settings) as archive:
        return question(ledger_of(site, archive))


def consumption(
    site: SiteDirectory,
    from_: Annotated[str, typer.Option("--from", help="first day or instant")],
    to: Annotated[str, typer.Option("--to", help="day or instant after the last")],
    by: Annotated[By, typer.Option(help="windows")] = By.DAY,
    meter: Annotated[str | None, typer.Option(help="just this meter")] = None,
    department: Annotated[str | None, typer.Option(help="what this department carries")] = None,
    format_: Annotated[Format, typer.Option("--format", help="how to write it")] = Format.TABLE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Consumption in local windows, with the share that was measured, estimated or is missing."""
    present(now)
    opened, settings = open_site(site)
    start, end = boundary(from_, "--from", opened.calendar), boundary(to, "--to", opened.calendar)
    if end <= start:
        raise Wrong(mark("--to %(to)s is not after --from %(start)s"), to=to, start=from_)
    if meter and department:
        raise Wrong(mark("--meter and --department exclude each other"))
    zone = opened.calendar.zone

    def of_meters(ledger: Ledger) -> list[MeterConsumption]:
        chosen = [known(meter, opened.meters, "meter", opened)] if meter else list(opened.meters)
        return [
            MeterConsumption(
                meter=id_,
                utility=opened.meters[id_].utility,
                unit=_unit(opened.meters[id_].utility),
                intervals=intervals(ledger.consumption(id_, start, end, by.value), zone),
            )
            for id_ in chosen
        ]

    def of_department(ledger: Ledger) -> list[DepartmentConsumption]:
        id_ = known(department or "", [*opened.departments, UNALLOCATED], "department", opened)
        utilities = sorted({found.utility for found in opened.meters.values()})
        return [
            DepartmentConsumption(
                department=id_,
                utility=utility,
                unit=_unit(utility),
                intervals=intervals(ledger.department_consumption(id_, utility, start, end, by.value), zone),
            )
            for utility in utilities
        ]

    place = data_directory(site, data)
    if department:
        _write_consumption(asked_of(opened, settings, place, of_department), format_)
    else:
        _write_consumption(asked_of(opened, settings, place, of_meters), format_)


def _unit(utility: str) -> str:
    return UNITS[UTILITIES[utility][0]]


def _write_consumption(answer: list[MeterConsumption] | list[DepartmentConsumption], format_: Format) -> None:
    if format_ is Format.JSON:
        write_json([found.model_dump(mode="json") for found in answer])
        return
    columns = ["of", "utility", "start", "end", "value>", "unit", "measured>", "estimated>", "missing>"]
    rows = [
        [
            found.meter if isinstance(found, MeterConsumption) else found.department,
            found.utility,
            cell.start,
            cell.end,
            "" if cell.value is None else plain(cell.value),
            found.unit,
            plain(cell.measured),
            plain(cell.estimated),
            plain(cell.missing),
        ]
        for found in answer
        for cell in found.intervals
    ]
    if format_ is Format.CSV:
        write("\n".join(",".join(cells) for cells in [[column.rstrip(">") for column in columns], *rows]))
    else:
        write_table("", columns, rows)


def balance(
    site: SiteDirectory,
    month: Annotated[str, typer.Argument(metavar="MONTH", help="such as 2026-10")],
    format_: Annotated[Format, typer.Option("--format", help="table or json")] = Format.TABLE,
    current: Current = False,
    data: Data = None,
    now: Now = None,
) -> None:
    """Where each utility's supply went: departments, losses, unallocated. The difference is always 0."""
    moment = clock_from(present(now))()
    opened, settings = open_site(site)
    month_of(month)
    place = data_directory(site, data)
    found, parents = asked_of(
        opened,
        settings,
        place,
        lambda ledger: (ledger.balances(month, moment, current=current), ledger.imbalances(month, moment)),
    )
    answer = [BalanceOut.of(one, opened.calendar.zone) for one in found]
    if format_ is Format.JSON:
        write_json([one.model_dump(mode="json", by_alias=True) for one in answer])
        return
    for one in answer:
        rows = [["supplied", "", plain(one.supplied)]]
        rows += [["allocated", party, plain(part)] for party, part in one.allocated.items()]
        rows += [["losses", party, plain(part)] for party, part in one.losses_shared.items()]
        rows += [["unallocated", "", plain(one.unallocated)], ["difference", "", plain(one.difference)]]
        write_table(
            f"{one.utility} {month}, {one.unit}; losses of parents {plain(one.losses)}", ["", "", "quantity>"], rows
        )
    if parents:
        columns = ["parent", "less its children>", "accuracy classes explain>", ""]
        write_table(f"parents and their children {month}", columns, [_against_children(one) for one in parents])


def _against_children(one: Imbalance) -> list[str]:
    """A parent against its children as a row; nothing is said of what is not known."""
    verdict = {True: "explained", False: "a loss, a wrong ratio, or a meter that is missing in the tree", None: ""}
    return [one.meter, _plain(one.difference), _plain(one.limit), verdict[one.explained]]


def _plain(value: Decimal | None) -> str:
    return "" if value is None else plain(value)

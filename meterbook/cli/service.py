"""`demo` and `run`: the service itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from meterbook import telemetry
from meterbook.cli.options import Data, Now, SiteDirectory, data_directory, present
from meterbook.cli.usage import Wrong
from meterbook.i18n import mark
from meterbook.wiring.opening import clock_from, open_archive, open_site
from meterbook.wiring.seat import seated
from meterbook.wiring.signals import Signals


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(demo)
    app.command()(run)


def demo(
    port: Annotated[int, typer.Option(help="where the portal listens", min=1, max=65535)] = 8000,
    data: Annotated[Path, typer.Option(help="where the demo keeps its data")] = Path("var/demo"),
    days: Annotated[int, typer.Option(help="days of history", min=1, max=366)] = 30,
    now: Now = None,
) -> None:
    """A simulated hospital: real MQTT and Modbus traffic, everything embedded."""
    from meterbook.demo import run as staged  # most commands start in half the time without broker, field and portal

    raise typer.Exit(staged.run(port, data, days, clock_from(present(now)), Console()))


def run(
    site: SiteDirectory,
    only: Annotated[str | None, typer.Option(help="just this part: collect, alerts or api")] = None,
    port: Annotated[int | None, typer.Option(help="where the portal listens", min=1, max=65535)] = None,
    data: Data = None,
    now: Now = None,
) -> None:
    """Run a site: collect, watch, account and answer. SIGHUP takes a changed site directory."""
    signals = Signals()
    from meterbook.wiring.service import PARTS, Service  # as above

    if only is not None and only not in PARTS:
        raise Wrong(mark("--only %(part)s: expected one of %(parts)s"), part=only, parts=", ".join(sorted(PARTS)))
    telemetry.configure(json=not sys.stderr.isatty())
    parts = frozenset({only}) if only else PARTS
    _, settings = open_site(site)
    place = data_directory(site, data)
    with seated(place, parts), open_archive(place, settings, spooled=only != "alerts") as archive:
        service = Service(site, archive, clock_from(present(now)), parts=parts, port=port)
        try:
            service.start()
            signals.wait(service.reload)
        finally:
            service.stop()

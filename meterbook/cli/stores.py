"""`store`: readings from one store to another, backups and their return."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from meterbook.books.corrections import Corrections
from meterbook.cli.options import Data, Now, SiteDirectory, data_directory, present
from meterbook.cli.terminal import complain, write
from meterbook.cli.usage import Wrong
from meterbook.i18n import mark
from meterbook.readings.backup import backup as copy_file
from meterbook.readings.copying import Content, Copied, copy
from meterbook.readings.intervals import forget
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import EMBEDDED
from meterbook.wiring.opening import INFLUX_PLACE, clock_from, open_archive, open_place, open_settings, open_site
from meterbook.wiring.retention import Retention

Place = Annotated[str, typer.Argument(help=f"sqlite:PATH, or {INFLUX_PLACE}")]
FILES = ("books.db", "readings.db")
"""What a data directory holds. Books first: a backup then has every reading that its books speak of."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Where readings are kept.", no_args_is_help=True)
    group.command("copy")(copy_)
    group.command()(backup)
    group.command()(restore)
    group.command()(retain)
    app.add_typer(group, name="store")


def copy_(source: Place, target: Place, now: Now = None) -> None:
    """Copy all readings, what superseded what and what retention left, and check all. Again, it goes on."""
    moment = clock_from(present(now))()
    if source == target:
        raise Wrong(mark("%(place)s is both; name the store to copy to"), place=source)
    copied: list[Copied] = []
    try:
        with closing(open_place(source, must_exist=True)) as old:
            points = old.points()  # a source that does not answer leaves no empty target behind
            with closing(open_place(target)) as new, _progress() as progress:
                found = copy(old, new, moment)
                copied.extend(progress.track(found, total=len(points), description="points"))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    kind, _, path = target.partition(":")
    if kind == "sqlite":
        forget(Path(path).parent)
    different = [one for one in copied if not one.same]
    for one in different:
        complain(f"{one.point}: {_told(one.source)} became {_told(one.target)}")
    total, quarters = sum(one.source.readings for one in copied), sum(one.source.quarters for one in copied)
    left = f" and {quarters} quarters of an hour that retention left" if quarters else ""
    write(f"{len(copied)} points, {total} readings{left}; {len(copied) - len(different)} points are the same in both")
    if different:
        complain("stop the service and copy again; what differs then was in the target before")
        raise typer.Exit(1)


def _told(one: Content) -> str:
    counted = f"{one.readings} readings, {one.conflicts} superseded values, {one.quarters} quarters of an hour"
    return f"{counted} (digest {one.digest[:8]})"


def backup(
    site: SiteDirectory,
    target: Annotated[Path, typer.Argument(help="directory for the copies; made when it is not there")],
    data: Data = None,
) -> None:
    """Copy readings and books as they are now, while the service may run; each copy is checked."""
    _remote_ones(site)
    _copy_files(data_directory(site, data), target)


def restore(
    site: SiteDirectory,
    source: Annotated[Path, typer.Argument(help="directory of a backup", exists=True, file_okay=False)],
    data: Data = None,
) -> None:
    """Bring a backup back into a data directory that has no readings and books; the service must not run."""
    _remote_ones(site)
    place = data_directory(site, data)
    _copy_files(source, place)
    forget(place)


def retain(site: SiteDirectory, data: Data = None, now: Now = None) -> None:
    """Let old raw readings go at once, as the service does every day; see `retention` in service.yaml."""
    clock = clock_from(present(now))
    opened, settings = open_site(site)
    if not settings.retention:
        raise Wrong(mark("service.yaml has no `retention`; every reading stays, and nothing is to be done"))
    with open_archive(data_directory(site, data), settings) as archive:
        if not isinstance(archive.store, SqliteStore):
            raise Wrong(mark("readings are in an InfluxDB, which keeps them all; nothing is to be done"))
        with _progress() as progress:
            task = progress.add_task("points")
            keeper = Retention(opened, settings, archive.store, Corrections(archive.books), clock)
            gone = keeper.turn(clock(), lambda done, points: progress.update(task, completed=done, total=points))
    write(f"{gone} old readings went; consumption is what it was, and gauges are kept by quarters of an hour")


def _progress() -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    return Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())


def _remote_ones(site: Path) -> None:
    """Say what a backup of files does not cover."""
    storage = open_settings(site).storage
    for what, place in (("readings", storage.readings), ("books", storage.books)):
        if place != EMBEDDED:
            complain(f"{what} are on a server; back them up with its own tools")


def _copy_files(source: Path, target: Path) -> None:
    present_ones = [name for name in FILES if (source / name).is_file()]
    if not present_ones:
        raise Wrong(mark("%(place)s holds neither of %(files)s"), place=source, files=", ".join(FILES))
    taken = sorted(path.name for name in present_ones for path in target.glob(f"{name}*"))
    if taken:
        sentence = mark("%(place)s has %(files)s already; nothing is overwritten, move them away")
        raise Wrong(sentence, place=target, files=", ".join(taken))
    with _progress() as progress:
        for name in present_ones:
            task = progress.add_task(name)

            def tell(done: int, pages: int, task: TaskID = task) -> None:
                progress.update(task, completed=done, total=pages)

            copy_file(source / name, target / name, tell)
    for name in present_ones:
        write(f"{target / name}: {(target / name).stat().st_size:,} bytes, checked")

"""`meterbook demo`: the simulated hospital with everything embedded, from an empty directory to a live fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from rich.console import Console
from rich.progress import track
from rich.table import Table

from collectors.files import rows
from meterbook.demo import history, story
from meterbook.demo.history import Part, Past
from meterbook.demo.hospital import Hospital
from meterbook.demo.logins import Login, LoginsLost, prepare, private
from meterbook.demo.ports import is_free
from meterbook.demo.stage import Stage
from meterbook.demo.story import SILENT, Story
from meterbook.domain.instant import SECOND, Clock, Instant
from meterbook.domain.reading import Reading, Refusal
from meterbook.domain.site import Site
from meterbook.pipeline import Pipeline
from meterbook.settings import Settings
from meterbook.site.config import config_dir
from meterbook.wiring.opening import Archive, DirectoryUnusable, PortTaken, open_archive, open_site
from meterbook.wiring.seat import SeatTaken, seated
from meterbook.wiring.service import PARTS, Service
from meterbook.wiring.signals import until_told

SEED = 20261012
"""Of the one hospital that every demo shows."""

_STORY = "story.json"
_ROLES = {"admin": "管理员", "engineer": "工程师", "crew": "维修班", "department": "科室"}


class StoryLost(Exception):
    """The file that tells which faults the demo plays is damaged."""


def run(
    port: int, directory: Path, days: int, clock: Clock, out: Console, until: Callable[[], None] = until_told
) -> int:
    """Run the demo until it is told to end; 0 then, 2 where the port is taken or the directory is of no use.

    `directory` keeps everything; a second start goes on from there and fills in what it missed.
    """
    if not is_free(port):
        out.print(f"[red]Port {port} is taken.[/] Choose another: meterbook demo --port {port + 1}")
        return 2
    site_directory = config_dir() / "sites" / "demo"
    site, settings = open_site(site_directory)
    try:
        with seated(directory, PARTS), open_archive(directory, settings) as archive, Stage(site, directory) as stage:
            hospital = _catch_up(site, settings, archive, directory, days, clock, out)
            stage.open(hospital, clock)
            service = Service(site_directory, archive, clock, port=port, overrides=stage.overrides)
            logins = prepare(archive.books, directory, service.url, clock())
            try:
                service.start()
                stage.speak(hospital, clock)
                _welcome(out, service.url, logins)
                until()
                out.print("正在停止… Stopping …")
            finally:
                service.stop()
    except (LoginsLost, StoryLost, DirectoryUnusable, PortTaken, SeatTaken) as error:
        out.print(f"[red]{error}[/]")
        return 2
    except KeyboardInterrupt:  # before `until` took over the signals
        out.print("已中断 Interrupted; the next start goes on from here.")
    return 0


def _catch_up(
    site: Site, settings: Settings, archive: Archive, directory: Path, days: int, clock: Clock, out: Console
) -> Hospital:
    """The hospital as of now, with its past in the archive up to now."""
    begun = monotonic()
    now = clock() // SECOND * SECOND
    known = {point: reading.at for point, reading in archive.store.latest().items()}
    tale = _story(directory / _STORY, site, known, now)
    start = history.window_start(now, days, site.calendar)
    hospital = Hospital(site, SEED, start, tale)
    with TemporaryDirectory(prefix="meterbook-demo-") as folder:
        parts = history.write(Path(folder), site, hospital, Past(start, now, known))
        count = _import(parts, site, settings, archive, clock, out)
    out.print(f"历史数据 History: {count:,} readings in {monotonic() - begun:.1f} s")
    return hospital


def _story(path: Path, site: Site, known: Mapping[str, Instant], now: Instant) -> Story:
    """The story so far, told on to now, and kept for the next start."""
    period = site.devices[SILENT].every
    if known and path.exists():
        try:
            told = Story.decoded(path.read_bytes())
        except (ValueError, KeyError, TypeError):
            raise StoryLost(f"{path} cannot be read; delete {path.parent} to begin anew") from None
        tale = story.resume(told, max(known.values()), now, period, site.calendar)
    else:
        tale = story.begin(now, period, site.calendar)
    private(path, tale.encoded())
    return tale


def _import(parts: list[Part], site: Site, settings: Settings, archive: Archive, clock: Clock, out: Console) -> int:
    """Send the files the way every import goes; how many readings were new."""
    pipeline = Pipeline(site, archive.store, archive.books, clock, settings.intake_capacity)
    pipeline.start()
    accepted = 0
    try:
        for part in track(parts, "历史数据 History", console=out, transient=True, disable=not out.is_terminal):
            found = list(rows(part.path, site, None, None, clock()))
            readings = [row for row in found if isinstance(row, Reading)]
            refusals = [row for row in found if isinstance(row, Refusal)]
            accepted += pipeline.deliver(part.path.name, readings, refusals).accepted
    finally:
        pipeline.stop()
    return accepted


def _welcome(out: Console, url: str, logins: Mapping[str, Login]) -> None:
    table = Table(title=f"[bold]{url}[/]", caption="Ctrl-C 停止 stops", title_justify="left", caption_justify="left")
    for heading in ("角色 Role", "用户名 Name", "密码 Password"):
        table.add_column(heading)
    for role, login in logins.items():
        table.add_row(f"{_ROLES[role]} {role}", login.name, login.password)
    out.print(table)

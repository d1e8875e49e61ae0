"""`device probe`: what a device says, under its profile or under every reading that makes sense."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from collectors.modbus import guess
from collectors.modbus.probe import PointFound, Probed, points, probe, window
from collectors.modbus.source import Failed
from meterbook.cli.options import Language, translated
from meterbook.cli.terminal import complain, write, write_json, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.device import ModbusConnection
from meterbook.domain.instant import SECOND
from meterbook.domain.profile import Profile, Table
from meterbook.i18n import Translator, mark
from meterbook.site.config import config_dir
from meterbook.site.load import load
from meterbook.site.problem import as_text
from meterbook.site.profiles import load_profile, profiles
from meterbook.wiring.opening import machine_clock


class Transport(StrEnum):
    """How the device is reached."""

    TCP = "tcp"
    RTU_OVER_TCP = "rtu-over-tcp"
    RTU = "rtu"


class TableName(StrEnum):
    """Which registers are read."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"


class Parity(StrEnum):
    """The parity of a serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


class ProbeFormat(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"


_TABLES: dict[TableName, Table] = {
    TableName.HOLDING: "holding",
    TableName.INPUT: "input",
    TableName.COIL: "coil",
    TableName.DISCRETE: "discrete",
}
_LARGEST = 1000
_POINTS = [
    mark("point"),
    mark("table"),
    mark("address>"),
    mark("words"),
    mark("value>"),
    mark("unit"),
    mark("stable"),
    mark("verdict"),
]
_GUESSES = [
    mark("address>"),
    mark("words"),
    mark("type"),
    mark("words in order"),
    mark("bytes in order"),
    mark("scale>"),
    mark("value>"),
    mark("stable"),
    mark("verdict"),
]


def probe_(
    place: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="the gateway, or the serial port with rtu")],
    unit: Annotated[int, typer.Option(min=0, max=255, help="the device's Modbus unit")],
    profile: Annotated[str | None, typer.Option(help="read its points; without one, guess at plain registers")] = None,
    site: Annotated[Path | None, typer.Option(help="with the profiles of this site")] = None,
    transport: Annotated[Transport, typer.Option(help="how it is reached")] = Transport.TCP,
    table: Annotated[TableName, typer.Option(help="without a profile: the table to read")] = TableName.HOLDING,
    address: Annotated[int, typer.Option(min=0, max=65535, help="without a profile: the first, counted from 0")] = 0,
    count: Annotated[int, typer.Option(min=1, max=_LARGEST, help="without a profile: how many")] = 40,
    baud: Annotated[int, typer.Option(min=300, max=1_000_000, help="speed of a serial line")] = 9600,
    parity: Annotated[Parity, typer.Option(help="parity of a serial line")] = Parity.NONE,
    stop_bits: Annotated[int, typer.Option(min=1, max=2, help="stop bits of a serial line")] = 1,
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="seconds an answer may take")] = 1.0,
    format_: Annotated[ProbeFormat, typer.Option("--format", help="how it is written")] = ProbeFormat.TABLE,
    language: Language = None,
) -> None:
    """Read a device twice and show what its registers may mean. Only reads; exit 1 where nothing answered."""
    host, port = _place(place, transport)
    connection = ModbusConnection(
        "probe",
        transport.value,
        host,
        port,
        timeout=int(timeout * SECOND),
        baud=None if transport is Transport.TCP else baud,
        parity=parity.value,
        stop_bits=stop_bits,
    )
    shape = _profile(profile, site) if profile else window(_TABLES[table], address, count)
    try:
        probed = asyncio.run(probe(connection, unit, shape, machine_clock))
    except Failed as error:
        complain(f"{connection.place} unit {unit}: {error}")
        raise typer.Exit(1) from None
    words = None
    if format_ is ProbeFormat.TABLE:
        words = translated(language, load(site).site if site else None)
    where = {"place": connection.place, "unit": str(unit)}
    if profile:
        _show_points(where, shape, probed, words)
    else:
        _show_guesses(where, _TABLES[table], probed, words)


def _place(text: str, transport: Transport) -> tuple[str, int]:
    """Host and port of HOST[:PORT]; the path of a serial port has no port."""
    if transport is Transport.RTU:
        return text, 0
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        return text.strip("[]"), 502
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Wrong(mark("%(port)s is no port; write HOST or HOST:PORT, a port from 1 to 65535"), port=repr(port))
    return host.strip("[]"), int(port)


def _profile(id_: str, site: Path | None) -> Profile:
    """A profile by id; wrong usage where there is none of this name, or where it has mistakes."""
    paths = profiles(config_dir(), site or Path())
    if id_ not in paths:
        raise Wrong(mark("%(id)s is no profile; there are %(others)s"), id=id_, others=", ".join(paths))
    profile, problems = load_profile(paths[id_])
    if profile is None:
        raise typer.BadParameter(as_text(problems))
    return profile


def _hex(words: tuple[int, ...]) -> str:
    return " ".join(f"{word:04X}" for word in words)


def _show_points(where: dict[str, str], profile: Profile, probed: Probed, words: Translator | None) -> None:
    """The points as a table in a language; without one as JSON."""
    found = list(points(profile, probed))
    if words is None:
        answer = {"profile": profile.id, "labels": probed.labels, "points": [_point(one) for one in found]}
        write_json(answer)
        return
    title = words.gettext("%(place)s unit %(unit)s as %(profile)s") % {**where, "profile": profile.id}
    rows = [_cells(_point(one) | {"verdict": one.verdict.told(words)}, words) for one in found]
    write_table(title, [words.gettext(column) for column in _POINTS], rows)
    for name, said in probed.labels.items():
        write(f"{name}: {said}")


def _point(one: PointFound) -> dict[str, Any]:
    register = one.register
    return {
        "point": register.point,
        "table": register.table,
        "address": register.address,
        "words": _hex(one.words),
        "value": None if one.value is None else str(one.value),
        "unit": register.spec.unit,
        "stable": one.stable,
        "verdict": str(one.verdict),
    }


def _show_guesses(where: dict[str, str], table: Table, probed: Probed, words: Translator | None) -> None:
    """The guesses as a table in a language; without one as JSON."""
    found = list(guess.guesses(table, probed.first, probed.second))
    if words is None:
        write_json({"table": table, "guesses": [_guess(one) for one in found]})
        return
    title = words.gettext("%(place)s unit %(unit)s, %(table)s registers") % {**where, "table": table}
    rows = [_cells(_guess(one) | {"verdict": one.verdict.told(words)}, words) for one in found]
    write_table(title, [words.gettext(column) for column in _GUESSES], rows)


def _guess(one: guess.Guess) -> dict[str, Any]:
    return {
        "address": one.address,
        "words": _hex(one.words),
        "type": one.type,
        "word_order": one.word_order,
        "byte_order": one.byte_order,
        "scale": str(one.scale),
        "value": f"{one.value:f}",
        "stable": one.stable,
        "verdict": str(one.verdict),
    }


def _cells(row: dict[str, Any], words: Translator) -> list[str]:
    known = {None: "", True: words.gettext("yes"), False: words.gettext("no")}
    return [known[cell] if cell is None or isinstance(cell, bool) else str(cell) for cell in row.values()]

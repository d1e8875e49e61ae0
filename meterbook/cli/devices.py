"""`device`: the profiles there are and what they offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from meterbook.cli.probe import ProbeFormat, probe_
from meterbook.cli.terminal import write, write_json, write_table
from meterbook.domain.profile import Profile, Register
from meterbook.site.config import config_dir
from meterbook.site.problem import as_text
from meterbook.site.profiles import load_profile, profiles

_COLUMNS = ["point", "table", "address>", "printed>", "type", "order", "scale", "unit", "kind", "plausible", "absent"]
"""`order` is that of the words and, after the stroke, that of the bytes; `absent` are raw values that mean none."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Device profiles.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command("probe")(probe_)
    app.add_typer(group, name="device")


def _loaded(path: Path) -> Profile:
    """The profile in a file; wrong usage where it has mistakes."""
    profile, problems = load_profile(path)
    if profile is None:
        raise typer.BadParameter(as_text(problems))
    return profile


Site = Annotated[Path | None, typer.Option(help="with the profiles of this site")]
Format = Annotated[ProbeFormat, typer.Option("--format", help="how it is written")]


def list_(site: Site = None, format_: Format = ProbeFormat.TABLE) -> None:
    """The profiles that come with Meterbook, and those of a site."""
    found = [_summary(_loaded(path)) for path in profiles(config_dir(), site or Path()).values()]
    if format_ is ProbeFormat.JSON:
        write_json(found)
        return
    rows = [[one["profile"], one["en"], one["zh"], str(one["points"]), one["confidence"]] for one in found]
    write_table("", ["profile", "name", "名称", "points>", "confidence"], rows)


def show(
    profile: Annotated[str, typer.Argument(help="id of a profile")],
    site: Site = None,
    format_: Format = ProbeFormat.TABLE,
) -> None:
    """What a profile offers, register by register, where that was looked up, and what to know before it is used."""
    files = profiles(config_dir(), site or Path())
    if profile not in files:
        raise typer.BadParameter(f"{profile} is no profile; there are {', '.join(files)}")
    one = _loaded(files[profile])
    rows = [_row(register, one) for register in one.registers]
    if format_ is ProbeFormat.JSON:
        names = [column.rstrip(">") for column in _COLUMNS]
        registers = [dict(zip(names, row, strict=True)) | {"address": int(row[2])} for row in rows]
        write_json({**_summary(one), "registers": registers, "remarks": list(_remarks(one))})
        return
    write_table(f"{profile}: {one.name.en} {one.name.zh}", _COLUMNS, rows)
    write("\n".join(_remarks(one)))


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "profile": profile.id,
        "en": profile.name.en,
        "zh": profile.name.zh,
        "points": len(profile.registers),
        "confidence": profile.confidence,
    }


def _row(register: Register, profile: Profile) -> list[str]:
    plausible = register.spec.plausible
    bits = "" if register.bits is None else ":{}-{}".format(*register.bits)
    return [
        register.point,
        register.table,
        str(register.address),
        register.printed or "",
        f"{register.type}{bits}",
        f"{register.word_order or profile.word_order}/{register.byte_order or profile.byte_order}",
        _scale(register),
        register.spec.unit,
        register.spec.kind,
        f"{plausible[0]} to {plausible[1]}" if plausible else "",
        ", ".join(f"0x{raw:X}" if raw >= 0 else str(raw) for raw in register.sentinels),
    ]


def _scale(register: Register) -> str:
    """How the raw value becomes the delivered one: `x 0.1`, `x 10^(22)` where register 22 holds the exponent."""
    steps = [] if register.scale == 1 else [f"x {register.scale}"]
    if register.rescale is not None:
        sign = "x 10^" if register.rescale.by == "exponent" else "/ "
        steps.append(f"{sign}({register.rescale.address})")
    if register.offset:
        steps.append(f"{register.offset:+}")
    return " ".join(steps)


def _remarks(profile: Profile) -> Iterator[str]:
    yield f"confidence: {profile.confidence}"
    yield from (f"source: {source}" for source in profile.sources)
    yield from (f"note: {note}" for note in profile.notes)
    if profile.sunspec is not None:
        yield f"addresses count from the first word of SunSpec model {profile.sunspec}, which is found on the device"
    yield f"one read spans at most {profile.max_registers} registers"
    for register in profile.registers:
        if register.states:
            states = ", ".join(f"{state.raw} {state.name}" for state in register.states)
            yield f"{register.point}: {states}"
    for label in profile.labels:
        yield f"{label.name}: text of {label.width} words at {label.table} {label.address}"

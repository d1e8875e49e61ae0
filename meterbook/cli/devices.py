"""`device`: the profiles there are and what they offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from meterbook.cli.options import Language, Spoken, spoken
from meterbook.cli.probe import ProbeFormat, probe_
from meterbook.cli.terminal import write, write_json, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain import text as texts
from meterbook.domain.profile import Profile, Register
from meterbook.i18n import English, Translator, mark, translator
from meterbook.site.config import config_dir
from meterbook.site.load import load
from meterbook.site.problem import as_text
from meterbook.site.profiles import load_profile, profiles

_COLUMNS = {
    "point": mark("point"),
    "table": mark("table"),
    "address": mark("address>"),
    "printed": mark("printed>"),
    "type": mark("type"),
    "order": mark("order"),
    "scale": mark("scale"),
    "unit": mark("unit"),
    "kind": mark("kind"),
    "plausible": mark("plausible range"),
    "absent": mark("absent"),
}
"""`order` is that of the words and, after the stroke, that of the bytes; `absent` are raw values that mean none."""
_LISTED = [mark("profile"), mark("name in English"), mark("name in Chinese"), mark("points>"), mark("confidence")]


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


def list_(site: Site = None, format_: Format = ProbeFormat.TABLE, language: Language = None) -> None:
    """The profiles that come with Meterbook, and those of a site."""
    found = [_summary(_loaded(path)) for path in profiles(config_dir(), site or Path()).values()]
    if format_ is ProbeFormat.JSON:
        write_json(found)
        return
    rows = [[one["profile"], one["en"], one["zh"], str(one["points"]), one["confidence"]] for one in found]
    words = translator(_spoken(language, site))
    write_table("", [words.gettext(column) for column in _LISTED], rows)


def show(
    profile: Annotated[str, typer.Argument(help="id of a profile")],
    site: Site = None,
    format_: Format = ProbeFormat.TABLE,
    language: Language = None,
) -> None:
    """What a profile offers, register by register, where that was looked up, and what to know before it is used."""
    files = profiles(config_dir(), site or Path())
    if profile not in files:
        raise Wrong(mark("%(id)s is no profile; there are %(others)s"), id=profile, others=", ".join(files))
    one = _loaded(files[profile])
    if format_ is ProbeFormat.JSON:
        registers = [described(register, one) | {"address": register.address} for register in one.registers]
        write_json({**_summary(one), "registers": registers, "remarks": list(_remarks(one, "en"))})
        return
    told_in = _spoken(language, site)
    words = translator(told_in)
    rows = [list(described(register, one, words).values()) for register in one.registers]
    title = f"{profile}: {one.name.en} {one.name.zh}"
    write_table(title, [words.gettext(column) for column in _COLUMNS.values()], rows)
    write("\n".join(_remarks(one, told_in)))


def _spoken(language: Spoken | None, site: Path | None) -> texts.Language:
    return spoken(language, load(site).site if site is not None and language is None else None)


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "profile": profile.id,
        "en": profile.name.en,
        "zh": profile.name.zh,
        "points": len(profile.registers),
        "confidence": profile.confidence,
    }


def described(register: Register, profile: Profile, words: Translator | None = None) -> dict[str, str]:
    """What a profile says of a register, by the names of the columns; English where no words are given."""
    plausible, between = register.spec.plausible, (words or English()).gettext("%(low)s to %(high)s")
    bits = "" if register.bits is None else ":{}-{}".format(*register.bits)
    return {
        "point": register.point,
        "table": register.table,
        "address": str(register.address),
        "printed": register.printed or "",
        "type": f"{register.type}{bits}",
        "order": f"{register.word_order or profile.word_order}/{register.byte_order or profile.byte_order}",
        "scale": _scale(register),
        "unit": register.spec.unit,
        "kind": register.spec.kind,
        "plausible": between % {"low": plausible[0], "high": plausible[1]} if plausible else "",
        "absent": ", ".join(f"0x{raw:X}" if raw >= 0 else str(raw) for raw in register.sentinels),
    }


def _scale(register: Register) -> str:
    """How the raw value becomes the delivered one: `x 0.1`, `x 10^(22)` where register 22 holds the exponent."""
    steps = [] if register.scale == 1 else [f"x {register.scale}"]
    if register.rescale is not None:
        sign = "x 10^" if register.rescale.by == "exponent" else "/ "
        steps.append(f"{sign}({register.rescale.address})")
    if register.offset:
        steps.append(f"{register.offset:+}")
    return " ".join(steps)


def _remarks(profile: Profile, language: texts.Language) -> Iterator[str]:
    words = translator(language)
    yield words.gettext("confidence: %(confidence)s") % {"confidence": profile.confidence}
    yield from (words.gettext("source: %(source)s") % {"source": source} for source in profile.sources)
    yield from (words.gettext("note: %(note)s") % {"note": note.in_(language)} for note in profile.notes)
    if profile.sunspec is not None:
        told = mark("addresses count from the first word of SunSpec model %(model)s, which is found on the device")
        yield words.gettext(told) % {"model": profile.sunspec}
    yield words.gettext("one read spans at most %(count)s registers") % {"count": profile.max_registers}
    for register in profile.registers:
        if register.states:
            states = ", ".join(f"{state.raw} {state.name}" for state in register.states)
            yield f"{register.point}: {states}"
    for label in profile.labels:
        facts = {"name": label.name, "count": label.width, "place": f"{label.table} {label.address}"}
        yield words.gettext("%(name)s: text of %(count)s words at %(place)s") % facts

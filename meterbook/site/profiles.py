"""Device profiles: files that are tried without a build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from meterbook.domain.device import PointSpec
from meterbook.domain.profile import WIDTHS, Example, Label, Profile, Register, Rescale, State
from meterbook.domain.quantity import UNITS
from meterbook.site.files import Files
from meterbook.site.models.point import Measured
from meterbook.site.models.profile import ExampleEntry, ProfileFile, RegisterEntry
from meterbook.site.problem import Problem, nearest
from meterbook.site.registers import wrong_registers
from meterbook.site.units import NoFactor, factor
from meterbook.site.validate import validate


def profiles(config: Path, site: Path) -> dict[str, Path]:
    """Every profile's file by its id: those of `config`, and over them those a site brings in its own `profiles/`."""
    folders = (config / "profiles", site / "profiles")
    return {path.stem: path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.yaml"))}


def load_profile(path: Path, files: Files | None = None) -> tuple[Profile | None, list[Problem]]:
    """The profile in a file, None where it has mistakes.

    `files`, where given, counts the profile among the files a site is built from.
    """
    files = files or Files()
    before = len(files.problems)
    tree = files.yaml(path, f"profiles/{path.name}")
    problems, files.problems[before:] = files.problems[before:], []
    if tree is None:
        return None, problems
    entry, wrong = validate(ProfileFile, tree)
    problems += wrong
    if entry is None:
        return None, problems
    problems += [*_wrong_names(entry, path.stem), *wrong_registers(entry), *_wrong_examples(entry)]
    registers = [register for one in entry.registers if (register := _register(one, problems)) is not None]
    return (None if problems else _profile(entry, registers)), problems


def point_spec(entry: Measured, name: str, problems: list[Problem]) -> PointSpec | None:
    """What a declared point offers, None (and a problem) where its quantity or unit is not known."""
    if entry.quantity not in UNITS:
        expected = f"one of {', '.join(UNITS)}"
        wrong = entry.where("quantity").problem(
            f"{entry.quantity} is no quantity", expected, nearest(entry.quantity, UNITS)
        )
        problems.append(wrong)
        return None
    try:
        found = factor(entry.quantity, entry.unit)
    except NoFactor as error:
        canonical = UNITS[entry.quantity]
        problems.append(entry.where("unit").problem(str(error), f"{canonical}, or a unit that is a multiple of it"))
        return None
    return PointSpec(name, entry.quantity, entry.kind, entry.unit, found, entry.plausible)


def _wrong_names(entry: ProfileFile, stem: str) -> Iterator[Problem]:
    if entry.id != stem:
        yield entry.where("id").problem(f"{entry.id} is not the file's name", stem)
    seen: set[str] = set()
    for register in entry.registers:
        if register.point in seen:
            yield register.where("point").problem(f"{register.point} is given twice", "each point once")
        seen.add(register.point)


def _wrong_examples(entry: ProfileFile) -> Iterator[Problem]:
    registers = {register.point: register for register in entry.registers}
    for example in entry.examples:
        register = registers.get(example.point)
        if register is None:
            hint = nearest(example.point, registers)
            yield example.where("point").problem(
                f"{example.point} is no point of this profile", "one of its points", hint
            )
        else:
            yield from _wrong_words(example, register)


def _wrong_words(example: ExampleEntry, register: RegisterEntry) -> Iterator[Problem]:
    width = WIDTHS[register.type]
    if len(example.words) != width:
        yield example.where("words").problem(f"{len(example.words)} words do not make a value", f"{width} words")
    expected = 0 if _rescale(register) is None else 1
    if len(example.scale_words or ()) != expected:
        found = f"{len(example.scale_words or ())} words of a scale register do not fit {register.point}"
        yield example.where("scale_words").problem(found, f"{expected} words")


def _register(entry: RegisterEntry, problems: list[Problem]) -> Register | None:
    spec = point_spec(entry, entry.point, problems)
    if spec is None:
        return None
    return Register(
        spec=spec,
        table=entry.table,
        address=entry.address,
        type=entry.type,
        printed=entry.printed,
        scale=entry.scale,
        offset=entry.offset,
        sentinels=tuple(entry.sentinels),
        word_order=entry.word_order,
        byte_order=entry.byte_order,
        bits=entry.bits,
        states=tuple(
            State(raw, int(says) if says.isascii() and says.isdecimal() else raw, says)
            for raw, says in entry.enum or ()
        ),
        rescale=_rescale(entry),
    )


def _rescale(entry: RegisterEntry) -> Rescale | None:
    if entry.scale_register is not None:
        return Rescale(entry.scale_register, "exponent")
    return None if entry.divisor_register is None else Rescale(entry.divisor_register, "divisor")


def _profile(entry: ProfileFile, registers: list[Register]) -> Profile:
    return Profile(
        id=entry.id,
        name=entry.name,
        registers=tuple(registers),
        examples=tuple(
            Example(one.point, one.words, one.value, one.scale_words[0] if one.scale_words else None)
            for one in entry.examples
        ),
        word_order=entry.word_order,
        byte_order=entry.byte_order,
        max_registers=entry.max_registers,
        pause=entry.pause,
        sources=tuple(entry.sources),
        confidence=entry.confidence,
        notes=tuple(entry.notes),
        labels=tuple(Label(one.name, one.table, one.address, one.words, one.byte_order) for one in entry.labels),
        sunspec=entry.sunspec,
    )

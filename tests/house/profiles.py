"""docs/collectors/profiles/, a page for each profile, written from its file. `make docs WRITE=1` writes them.

The samples are the profile's examples; a test decodes them as they stand on the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from house.sources import ROOT

from meterbook.cli.devices import described
from meterbook.domain.profile import Profile
from meterbook.site.profiles import load_profile

FILES = ROOT / "config/profiles"
PAGES = ROOT / "docs/collectors/profiles"


def pages() -> dict[str, str]:
    """Every page by its profile's id."""
    return {path.stem: "\n".join(_page(path)) for path in sorted(FILES.glob("*.yaml"))}


def write() -> None:
    """Write all pages, and leave none whose profile is gone."""
    PAGES.mkdir(exist_ok=True)
    written = pages()
    for path in PAGES.glob("*.md"):
        if path.stem not in written:
            path.unlink()
    for name, text in written.items():
        (PAGES / f"{name}.md").write_text(text, encoding="utf-8")


def _page(path: Path) -> Iterator[str]:
    profile, problems = load_profile(path)
    assert profile is not None, problems
    yield f"# {profile.name.en}\n"
    yield f"{profile.name.zh}\n"
    yield fill(_headed(path), 120, break_on_hyphens=False) + "\n"
    source = f"[{path.name}](../../../config/profiles/{path.name})"
    yield f"Written from {source} (`make docs WRITE=1`); change that, not this."
    yield "[Device profiles](../profiles.md) tells what the words mean.\n"
    yield from _listed("Sources", profile.sources)
    yield from _listed("Cautions", tuple(f"{note.en}\n  {note.zh}" for note in profile.notes))
    yield from ("## Line and limits\n", _table(["setting", ""], list(_limits(profile))))
    yield from ("## Points\n", _points(profile))
    yield from _listed("States", tuple(_states(profile)))
    yield from _listed("Who the device is", tuple(_labels(profile)))
    yield "## Sample\n\nRegisters in hex as they stand on the wire, and the value they mean.\n"
    yield _sample(profile)


def _headed(path: Path) -> str:
    """What the profile's file says above everything else: make and model."""
    first = path.read_text(encoding="utf-8").partition("\n#\n")[0].splitlines()
    return " ".join(line.removeprefix("# ") for line in first if line.startswith("# "))


def _limits(profile: Profile) -> Iterator[list[str]]:
    if profile.sunspec is not None:
        yield ["SunSpec model", f"{profile.sunspec}; addresses count from its first word, which is found on the device"]
    yield ["order of words", f"{profile.word_order}: the {_end(profile.word_order)} word comes first"]
    yield ["order of bytes", f"{profile.byte_order}: the {_end(profile.byte_order)} byte of a word comes first"]
    yield ["one read spans at most", f"{profile.max_registers} registers"]
    yield ["silence after an answer", f"{profile.pause // 1000} ms" if profile.pause else "none of its own"]
    yield ["confidence", profile.confidence]


def _end(order: str) -> str:
    return "high" if order == "big" else "low"


def _points(profile: Profile) -> str:
    columns = ["point", "quantity", "unit", "kind", "table", "address", "printed", "type", "order", "scale"]
    columns += ["plausible", "absent"]
    rows = []
    for register in profile.registers:
        told = described(register, profile) | {"quantity": register.spec.quantity, "point": f"`{register.point}`"}
        rows.append([told[column] for column in columns])
    return _table([*columns[:-1], "not available"], rows)


def _states(profile: Profile) -> Iterator[str]:
    for register in profile.registers:
        if register.states:
            yield f"`{register.point}`: {', '.join(f'{one.raw} {one.name}' for one in register.states)}"


def _labels(profile: Profile) -> Iterator[str]:
    for one in profile.labels:
        yield f"`{one.name}`: text of {one.width} words at {one.table} {one.address}"


def _sample(profile: Profile) -> str:
    units = {register.point: register.spec.unit for register in profile.registers}
    rescaled = any(one.rescale is not None for one in profile.examples)
    rows = []
    for one in profile.examples:
        scaling = [] if one.rescale is None else [one.rescale]
        value = "not available" if one.value is None else f"{one.value:f}"
        told = [_hex(one.words), *([_hex(scaling)] if rescaled else []), value, units[one.point]]
        rows.append([f"`{one.point}`", *told])
    return _table(["point", "registers", *(["scale register"] if rescaled else []), "value", "unit"], rows)


def _hex(words: tuple[int, ...] | list[int]) -> str:
    return f"`{' '.join(f'{word:04X}' for word in words)}`" if words else ""


def _listed(heading: str, told: tuple[str, ...]) -> Iterator[str]:
    if told:
        yield f"## {heading}\n"
        yield "".join(f"- {one}\n" for one in told)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    write()

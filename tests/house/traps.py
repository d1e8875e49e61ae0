"""docs/traps.md, written from the case folders: what goes in and what comes out. `make docs WRITE=1` writes it.

The figures are those that the tests check, so the page says nothing that was not computed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml
from house.sources import ROOT

from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import Instant, parse, to_datetime

CASES = ROOT / "tests/cases"
PAGE = ROOT / "docs/traps.md"

INTRO = """# Traps

What goes wrong with meters elsewhere, and what comes out here. Every case is a folder of readings and figures worked
out by hand under `tests/cases/`, and a test that runs with all others. This page is written from them
(`make docs WRITE=1`); change the cases, not the page.

A table shows the readings on the left, in the order they came, and what each interval used on the right: measured,
estimated (interpolated or spread) or missing, as shares of its time where it is some of each.
"""

MOST_ROWS = 10
SILENT = {"id", "utility", "entry", "name", "reads", "parent"}
"""What is not said of meters, since it changes no figure."""

_NUMBERS = re.compile(r"^(?:trap-|night-)?(\d{1,2})(?:-(\d{1,2}))?-(.+)$")

Row = Sequence[str]


class _Block(NamedTuple):
    """A table, or the left or right half of one."""

    header: Row
    rows: Sequence[Row]


def traps() -> dict[int, dict[str, Any]]:
    """What tests/cases/traps.yaml tells of each trap, by its number."""
    found: dict[int, dict[str, Any]] = yaml.safe_load((CASES / "traps.yaml").read_text(encoding="utf-8"))
    return found


def page() -> str:
    """The whole page."""
    parts, seen = [INTRO], set[Path]()
    parts.append(
        "".join(f"- [{number}. {told['trap']}](#{_anchor(number, told)})\n" for number, told in traps().items())
    )
    for number, told in traps().items():
        folders = cases_of(number) + [CASES / name for name in told.get("more", [])]
        parts += [f"## {number}. {told['trap']}\n", f"{told['rule']}\n"]
        parts += [f"See {_link(folder)} above.\n" for folder in folders if folder in seen]
        parts += _cases([folder for folder in folders if folder not in seen])
        seen.update(folders)
    return "\n".join(parts)


def _anchor(number: int, told: dict[str, Any]) -> str:
    words = re.sub(r"[^a-z0-9 -]", "", f"{number}. {told['trap']}".lower())
    return words.replace(" ", "-")


def cases_of(number: int) -> list[Path]:
    """The folders that carry the number of a trap in their name, those of the accounting first."""
    rooms = ("accounting", "import", "alerts")
    found = [path for room in rooms for path in sorted((CASES / room).iterdir()) if number in numbers(path)]
    return [path for path in found if path.is_dir()]


def numbers(folder: Path) -> set[int]:
    """The traps a folder is named after."""
    match = _NUMBERS.match(folder.name)
    return {int(one) for one in match.groups()[:2] if one} if match else set()


def _cases(folders: Sequence[Path]) -> Iterator[str]:
    long = [folder for folder in folders if folder.parent.name in ("accounting", "import")]
    yield from (_import(folder) if folder.parent.name == "import" else _accounting(folder) for folder in long)
    short = [_line(folder) for folder in folders if folder not in long]
    if short:
        yield "\n".join(short) + "\n"


def _name(folder: Path) -> str:
    match = _NUMBERS.match(folder.name)
    words = (match[3] if match else folder.name).replace("-", " ")
    return words[0].upper() + words[1:]


def _link(folder: Path) -> str:
    return f"[{_name(folder)}](../{folder.relative_to(ROOT).as_posix()})"


def _line(folder: Path) -> str:
    """One line for a case of the alert rules or of `meterbook check`."""
    if folder.parent.name == "site":
        found = (folder / "expected.txt").read_text(encoding="utf-8").splitlines()
        return f"- {_link(folder)}: `{found[0]}`"
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    deeds = ", ".join(one["deed"] for one in case["expect"]) or "nothing"
    return f"- {_link(folder)}: {case['about'].strip()} Comes out: {deeds}."


def _import(folder: Path) -> str:
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    told = "".join(f" `--{key} {value}`" for key, value in case.get("options", {}).items())
    heading = f"### {_link(folder)}\n\n{case['what']}{told and f' With{told}.'}\n"
    if "csv" not in case:
        lines = [", ".join(map(str, row)) for name in case["workbook"] for row in case["workbook"][name]]
    else:
        lines = case["csv"].splitlines()
    refused = dict(case["expected"].get("refused", []))
    taken = iter(case["expected"].get("readings", []))
    rows = []
    for line, text in enumerate(lines[1:], 2):
        out = f"refused: {refused[line]}" if line in refused else " ".join(map(str, next(taken)[1:3]))
        rows.append((str(line), f"`{text}`", out))
    return f"{heading}\n{_table(('line', 'in', 'out'), rows)}"


def _accounting(folder: Path) -> str:
    text = (folder / "expected.yaml").read_text(encoding="utf-8")
    expected = yaml.safe_load(text)
    told = " ".join(line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    site = yaml.safe_load((folder / "site/site.yaml").read_text(encoding="utf-8"))
    clock = _Clock(site["site"]["timezone"], folder, expected)
    parts = [f"### {_link(folder)}\n", f"{told}\n", *_declared(folder, clock)]
    parts += [_beside(_readings(folder, clock), _used(expected.get("consumption", []), clock))]
    parts += _charges(expected.get("statements", []), clock)
    for one in expected.get("balance", []):
        given = [f"{party} {part}" for party, part in one["allocated"].items()]
        given += [f"{party} {part} of the losses" for party, part in one["losses_shared"].items()]
        parts.append(f"Of {one['supplied']} supplied: {', '.join([*given, one['unallocated'] + ' nobody'])}.\n")
    kept = [
        f"`{point}` {clock.shown(at)} {value}"
        for point, rows in expected.get("conflicts", {}).items()
        for at, value in rows
    ]
    return "\n".join([*parts, *([f"Kept as conflicts: {', '.join(kept)}.\n"] if kept else [])])


def _declared(folder: Path, clock: _Clock) -> Iterator[str]:
    """What the meters and corrections of a case declare, as it is written there."""
    declared: dict[str, list[str]] = {}
    for meter in yaml.load((folder / "site/meters.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)["meters"]:
        told = [f"{key} {_flat(value)}" for key, value in meter.items() if key not in SILENT]
        declared.setdefault(", ".join(told), []).append(f"`{meter['id']}`")
    zone = "" if clock.calendar.zone.key == "Asia/Shanghai" else f"In {clock.calendar.zone.key}. "
    meters = "; ".join(f"{', '.join(ids)}: {told or 'nothing declared'}" for told, ids in declared.items())
    yield f"{zone}{meters}\n"
    if (folder / "corrections.yaml").exists():
        for one in yaml.load((folder / "corrections.yaml").read_text(encoding="utf-8"), yaml.BaseLoader):
            yield f"- {_flat(one)}"
        yield ""


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(one)}" for key, one in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(one) for one in value)
    return str(value)


class _Clock:
    """How the instants of a case are shown: by the site's clock, as short as they stay clear."""

    def __init__(self, zone: str, folder: Path, expected: dict[str, Any]) -> None:
        self.calendar = Calendar(ZoneInfo(zone))
        asked = [one[key] for one in expected.get("consumption", []) for key in ("from", "to")]
        shown = [to_datetime(parse(at), self.calendar.zone) for at in [*(row[1] for row in _rows(folder)), *asked]]
        self._offsets = len({one.utcoffset() for one in shown}) > 1
        self._day = len({one.date() for one in shown}) > 1

    def between(self, start: Instant, end: Instant) -> str:
        """An interval; its day is said once."""
        one, other = self.shown(start), self.shown(end)
        day, _, clock = other.rpartition(" ")
        return f"{one} to {clock if day and one.startswith(day) else other}"

    def shown(self, at: str | Instant) -> str:
        """An instant, with day and offset where the case needs them."""
        moment = to_datetime(parse(at) if isinstance(at, str) else at, self.calendar.zone)
        clock = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
        day = f"{moment:%m-%d} " if self._day else ""
        return f"{day}{clock}{moment.isoformat()[-6:]}" if self._offsets else f"{day}{clock}"


def _rows(folder: Path) -> list[list[str]]:
    """point, timestamp, what it said (and quality), in the order of arrival."""
    path = next(one for one in (folder / "words.csv", folder / "readings.csv") if one.exists())
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _readings(folder: Path, clock: _Clock) -> _Block:
    """What was read. Points read at the same instants stand in the order of arrival, others in order of time."""
    series: dict[str, list[tuple[Instant, str]]] = {}
    for point, at, said, *quality in _rows(folder):
        words = f"`{said}`" if " " in said else said
        cell = f"{words} ({quality[0]})" if quality and quality[0] != "good" else words
        series.setdefault(point, []).append((parse(at), cell))
    if len({tuple(at for at, _ in one) for one in series.values()}) == 1:
        instants = [at for at, _ in next(iter(series.values()))]
        cells = [[one[index][1] for one in series.values()] for index in range(len(instants))]
    else:
        known = [dict(one) for one in series.values()]
        instants = sorted({at for one in known for at in one})
        cells = [[one.get(at, "") for one in known] for at in instants]
    rows: list[Row] = [
        ["…"] * (1 + len(series)) if index is None else [clock.shown(instants[index]), *cells[index]]
        for index in _kept(instants)
    ]
    return _Block(["read at", *(f"`{point}`" for point in series)], rows)


def _kept(instants: Sequence[Instant]) -> list[int | None]:
    """Which rows to show: all of few; of many the ends and those around a silence. None stands for those left out."""
    last = len(instants) - 1
    if last < MOST_ROWS:
        return list(range(last + 1))
    steps = [after - before for before, after in pairwise(instants)]
    usual = sorted(steps)[len(steps) // 2]
    edges = {index for step in range(last) if steps[step] != usual for index in (step, step + 1)}
    found: list[int | None] = []
    for index in sorted(edges | {0, 1, last}):
        before = next((one for one in reversed(found) if one is not None), None)
        found += [None, index] if before is not None and index > before + 1 else [index]
    return found


def _used(asked: Sequence[dict[str, Any]], clock: _Clock) -> _Block:
    """What was used, an interval a row; meters that were asked about the same intervals stand side by side."""
    if not asked:
        return _Block([], [])
    meters = list(dict.fromkeys(one["meter"] for one in asked))
    rows: dict[tuple[Instant, Instant], dict[str, str]] = {}
    for one in asked:
        edges = clock.calendar.edges(parse(one["from"]), parse(one["to"]), one["by"])
        for start, end, told in zip(edges, edges[1:], one["intervals"], strict=False):
            rows.setdefault((start, end), {})[one["meter"]] = _quality(*told)
    shown: list[Row] = [
        [clock.between(start, end), *(cells.get(meter, "") for meter in meters)] for (start, end), cells in rows.items()
    ]
    return _Block(["interval", *(f"`{meter}` used" for meter in meters)], shown)


def _quality(value: str | None, *shares: str) -> str:
    words = [
        (share, word) for share, word in zip(shares, ("measured", "estimated", "missing"), strict=True) if float(share)
    ]
    if value is None:
        return "missing"
    return f"**{value}** " + (words[0][1] if len(words) == 1 else ", ".join(f"{share} {word}" for share, word in words))


def _charges(statements: Sequence[dict[str, Any]], clock: _Clock) -> Iterator[str]:
    rows: list[Row] = []
    for one in statements:
        for kind, meter, band, start, quantity, _, charge in one["lines"]:
            rows.append(
                (one["department"], kind, meter or "", band or "", clock.shown(start), quantity or "", charge or "")
            )
        rows.append((one["department"], "total", "", "", "", "", f"**{one['total']}**"))
    if rows:
        yield _table(("department", "line", "meter", "band", "from", "quantity", "charge"), rows)


def _beside(left: _Block, right: _Block) -> str:
    """Two blocks as one table."""
    empty = [[""] * len(block.header) for block in (left, right)]
    pairs = zip_longest(left.rows, right.rows)
    return _table([*left.header, *right.header], [[*(one or empty[0]), *(other or empty[1])] for one, other in pairs])


def _table(header: Row, rows: Sequence[Row]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

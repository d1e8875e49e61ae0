"""What is wrong with a site directory, in words a person can act on."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands (`line` counts from 1), what it is, what was expected, the nearest known name."""

    file: str
    line: int | None
    key: str
    message: str
    expected: str | None = None
    nearest: str | None = None
    severity: Literal["error", "warning"] = "error"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when none is like it."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that keep a site from being used."""
    return [problem for problem in problems if problem.severity == "error"]


def as_line(problem: Problem) -> str:
    """One problem as `file:line: key: message; expected ...; did you mean ...?`; what cannot be printed is escaped."""
    place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
    grade = "warning: " if problem.severity == "warning" else ""
    key = f"{problem.key}: " if problem.key else ""
    expected = f"; expected {problem.expected}" if problem.expected else ""
    hint = f"; did you mean {problem.nearest}?" if problem.nearest else ""
    line = f"{place}: {grade}{key}{problem.message}{expected}{hint}"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def as_text(problems: Sequence[Problem]) -> str:
    """All problems for a terminal, one a line."""
    return "\n".join(as_line(problem) for problem in problems)


def as_json(problems: Sequence[Problem]) -> str:
    """All problems for programs: `{"errors": [...], "warnings": [...]}`."""
    shown: dict[str, list[dict[str, object]]] = {"errors": [], "warnings": []}
    for problem in problems:
        fields = asdict(problem)
        shown[f"{fields.pop('severity')}s"].append(fields)
    return json.dumps(shown, ensure_ascii=False, indent=2)

"""YAML as plain values that remember where they stood.

Scalars stay text as written, so that `999999.99` keeps its digits and `no`, `12:30` or `2026-01-01` mean what they say;
only `true`, `false` and nothing (`null`, `~`, empty) have a meaning of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from meterbook.site.problem import Problem

Path = tuple[str | int, ...]

MAX_DEPTH = 20
MAX_VALUES = 300_000
"""Bounds of one file; aliases count as often as they are used, so that a small file cannot grow without end."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MEANINGS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file."""

    file: str
    line: int | None
    path: Path = ()

    @property
    def key(self) -> str:
        """The path as people write it: `meters[3].parent`."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).removeprefix(".")

    def problem(self, message: str, expected: str | None = None, nearest: str | None = None) -> Problem:
        """An error at this place."""
        return Problem(self.file, self.line, self.key, message, expected, nearest)

    def warning(self, message: str, expected: str | None = None, nearest: str | None = None) -> Problem:
        """A warning at this place."""
        return Problem(self.file, self.line, self.key, message, expected, nearest, "warning")


class Section(dict[str, object]):
    """A mapping that knows its own place and the line of each of its keys."""

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where = where
        self.lines: dict[str, int] = {}

    def at(self, key: str) -> Where:
        """The place of a key, or of the mapping itself where the key is not written."""
        return Where(self.where.file, self.lines.get(key, self.where.line), (*self.where.path, key))

    def without(self, keys: set[str | int]) -> Section:
        """A copy that lacks some keys."""
        kept = Section(self.where)
        kept.lines = self.lines
        kept.update({key: value for key, value in self.items() if key not in keys})
        return kept


class Rows(list[object]):
    """A list that knows its own place and the line of each of its items."""

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where = where
        self.lines: list[int | None] = []

    def at(self, index: int) -> Where:
        """The place of an item."""
        line = self.lines[index] if index < len(self.lines) else self.where.line
        return Where(self.where.file, line, (*self.where.path, index))


class Unreadable(ValueError):
    """The text is no YAML that is read here; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def scalar(text: str) -> object:
    """The meaning of an unquoted scalar: True, False, None, or the text as written."""
    return _MEANINGS.get(text, text)


def read(text: str, where: Where, problems: list[Problem]) -> object:
    """The value of a YAML document, None for an empty one. Lines count on from `where.line`.

    A key given twice or a tag is added to `problems`, and reading goes on; raises Unreadable where it cannot.
    """
    return _Reader(text, where, problems).document()


class _Reader:
    def __init__(self, text: str, where: Where, problems: list[Problem]) -> None:
        self._problems = problems
        self._file = where.file
        self._path = where.path
        self._first = where.line or 1
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._values = 0
        self._anchors: dict[str, tuple[object, int]] = {}
        self._open: list[str] = []
        """Anchors of the values that are being read."""

    def document(self) -> object:
        try:
            self._take()
            if isinstance(self._take(), yaml.StreamEndEvent):
                return None
            value = self._value(self._take(), self._path)
            self._take()
            if not isinstance(after := self._take(), yaml.StreamEndEvent):
                raise self._refused(after, "a second document begins here", "one document per file")
        except yaml.YAMLError as error:
            raise Unreadable(_syntax(error, self._file, self._first)) from error
        return value

    def _take(self) -> Any:
        return next(self._events)

    def _line(self, event: Any) -> int:
        return self._first + int(event.start_mark.line)

    def _refused(self, event: Any, message: str, expected: str, path: Path = ()) -> Unreadable:
        return Unreadable(Where(self._file, self._line(event), path).problem(message, expected))

    def _value(self, event: Any, path: Path) -> object:
        self._count(event, 1)
        if len(path) > MAX_DEPTH:
            raise self._refused(event, "is nested too deep", f"at most {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if getattr(event, "tag", None) is not None:
            refused = self._refused(event, f"the tag {event.tag} is not read here", "plain YAML without tags", path)
            self._problems.append(refused.problem)
        before = self._values
        if event.anchor is None:
            return self._node(event, path)
        self._open.append(event.anchor)
        value = self._node(event, path)
        self._anchors[self._open.pop()] = (value, self._values - before + 1)
        return value

    def _node(self, event: Any, path: Path) -> object:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, path)
        return scalar(event.value) if event.implicit[0] else event.value

    def _count(self, event: Any, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise self._refused(
                event, "the file holds too many values", f"at most {MAX_VALUES}, aliases counted in full"
            )

    def _alias(self, event: Any, path: Path) -> object:
        if event.anchor in self._open:
            found = f"the alias *{event.anchor} stands inside what it stands for"
            raise self._refused(event, found, "an alias after the value that has its anchor", path)
        if event.anchor not in self._anchors:
            raise self._refused(event, f"the alias *{event.anchor} has no anchor before it", "an anchor", path)
        value, size = self._anchors[event.anchor]
        self._count(event, size)
        return value

    def _mapping(self, start: Any, path: Path) -> Section:
        section = Section(Where(self._file, self._line(start), path))
        while not isinstance(event := self._take(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refused(event, "a key must be a single word", "key: value", path)
            key = str(event.value)
            if key == "<<" and event.implicit[0]:
                raise self._refused(event, "merge keys (<<) are not read here", "the keys themselves", path)
            value = self._value(self._take(), (*path, key))
            if key in section:
                message = f"the key is given twice, first on line {section.lines[key]}"
                self._problems.append(self._refused(event, message, "each key once", (*path, key)).problem)
                continue
            section.lines[key] = self._line(event)
            section[key] = value
        return section

    def _sequence(self, start: Any, path: Path) -> Rows:
        rows = Rows(Where(self._file, self._line(start), path))
        while not isinstance(event := self._take(), yaml.SequenceEndEvent):
            rows.lines.append(self._line(event))
            rows.append(self._value(event, (*path, len(rows))))
        return rows


def _syntax(error: yaml.YAMLError, file: str, first: int) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if "\\t" in reason or "start any token" in reason:
        reason += " (a tab? indent with spaces)"
    return Where(file, first + mark.line if mark else None).problem(f"no YAML: {reason}", "YAML in UTF-8")

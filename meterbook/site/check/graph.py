"""Trees and chains that must come to an end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from meterbook.site.draft import Draft
from meterbook.site.models.entry import Entry
from meterbook.site.tree import Where


class Named(Protocol):
    """An entry with an id."""

    @property
    def id(self) -> str:
        """Its id."""

    def where(self, key: str | None = None) -> Where:
        """Its place."""


Item = TypeVar("Item", bound=Named)


def once(draft: Draft, entries: Iterable[Named]) -> None:
    """Check that no two entries have the same id."""
    seen: dict[str, Where] = {}
    for entry in entries:
        if entry.id in seen:
            where, first = entry.where("id"), seen[entry.id]
            draft.problems.append(
                where.problem(f"{entry.id} is declared twice, first on line {first.line}", "each id once")
            )
        else:
            seen[entry.id] = entry.where("id")


def by_id(entries: Iterable[Item]) -> dict[str, Item]:
    """Entries by id; of two with one id the first counts."""
    found: dict[str, Item] = {}
    for entry in entries:
        found.setdefault(entry.id, entry)
    return found


def circles(links: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Every circle of a graph once, beginning with its smallest id."""
    found: dict[frozenset[str], list[str]] = {}
    done: set[str] = set()
    for start in sorted(links):
        stack, trail = [(start, iter(links[start]))], [start]
        while stack and start not in done:
            step = next((link for link in stack[-1][1] if link in links and link not in done), None)
            if step is None:
                done.add(trail.pop())
                stack.pop()
            elif step in trail:
                circle = trail[trail.index(step) :]
                turn = circle.index(min(circle))
                found.setdefault(frozenset(circle), circle[turn:] + circle[:turn])
            else:
                stack.append((step, iter(links[step])))
                trail.append(step)
    return list(found.values())


def depths(links: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """By id the steps to the farthest end of a graph without circles; links that lead out of it do not count."""
    found: dict[str, int] = {}
    waiting = sorted(links)
    while waiting:
        below = [link for link in links[waiting[-1]] if link in links]
        missing = [link for link in below if link not in found]
        if missing:
            waiting.extend(missing)
        else:
            found[waiting.pop()] = 1 + max((found[link] for link in below), default=-1)
    return found


def no_circle(draft: Draft, entries: Mapping[str, Entry], key: str, next_of: Callable[[str], str | None]) -> None:
    """Check that following `key` from entry to entry never comes back."""
    for circle in circles({id: [link] if (link := next_of(id)) else [] for id in entries}):
        around = " -> ".join((*circle, circle[0]))
        draft.problems.append(entries[circle[0]].where(key).problem(f"goes round in a circle: {around}", "a tree"))

"""Which topics a filter means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from meterbook.domain.mqtt import filter_fault, levels

T = TypeVar("T")

DEEPEST = 6
"""Levels of a topic whose filters are all told; there are three times two to that power."""

LONGEST = 512
"""Characters of a topic whose filters are told."""


def group_of(topic_filter: str) -> str:
    """The prefix of a shared subscription (`$share/group/`), "" of any other."""
    return topic_filter.removesuffix("/".join(levels(topic_filter)))


def unshared(filters: Iterable[str]) -> list[str]:
    """What shared subscriptions are called without their group, where that is no subscription of its own."""
    known = set(filters)
    return sorted({one.removeprefix(group_of(one)) for one in known} - known)


def covered(filters: Sequence[str]) -> list[str]:
    """The filters of which another one matches every topic; shared ones stand for themselves."""
    plain = [one for one in filters if not group_of(one)]
    routes = Routes((one, one) for one in plain)
    return [one for one in plain if any(other != one for other in _wider(one, routes))]


def _wider(topic_filter: str, routes: Routes[str]) -> list[str]:
    """The filters that match whatever a filter does: a `+` is matched by wildcards alone, and `a/#` is `a` and more."""
    if topic_filter == "#":
        return []
    found = routes.find(topic_filter.removesuffix("/#"))
    return [one for one in found if one.endswith("#") or not topic_filter.endswith("#")]


def filters_of(topic: str) -> list[str]:
    """Every filter that matches a topic, or for one of more levels itself and those that end in `#` behind it.

    None for a topic of more than LONGEST characters.
    """
    if not topic or len(topic) > LONGEST:
        return []
    parts = topic.split("/")
    heads, found = [""], [] if topic.startswith("$") else ["#"]
    for depth, part in enumerate(parts):
        wild = len(parts) <= DEEPEST and not (depth == 0 and topic.startswith("$"))
        heads = [f"{head}/{sign}" if depth else sign for head in heads for sign in ((part, "+") if wild else (part,))]
        found += [f"{head}/#" for head in heads]
    return found + heads


@dataclass(slots=True)
class _Node(Generic[T]):
    """A level of the tree of wildcard filters."""

    targets: list[T] = field(default_factory=list)
    below: dict[str, _Node[T]] = field(default_factory=dict)


class Routes(Generic[T]):
    """Targets by topic filter. Plain topics are found at once, filters with + and # through a tree of levels."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        """Entries of (filter, target); raises ValueError for what is no filter."""
        self._exact: dict[str, tuple[T, ...]] = {}
        self._root: _Node[T] = _Node()
        for topic_filter, target in entries:
            problem = filter_fault(topic_filter)
            if problem:
                raise ValueError(f"{topic_filter!r}: {problem}")
            parts = levels(topic_filter)
            if "+" in parts or "#" in parts:
                self._hang(parts, target)
            else:
                topic = "/".join(parts)
                self._exact[topic] = (*self._exact.get(topic, ()), target)

    def find(self, topic: str) -> tuple[T, ...]:
        """The targets of every filter that matches a topic; filters that begin with a wildcard miss `$` topics."""
        exact = self._exact.get(topic, ())
        return (*exact, *self._wild(topic)) if self._root.below else exact

    def _hang(self, parts: list[str], target: T) -> None:
        node = self._root
        for part in parts:
            node = node.below.setdefault(part, _Node())
        node.targets.append(target)

    def _wild(self, topic: str) -> list[T]:
        found: list[T] = []
        nodes = [self._root]
        for depth, part in enumerate(topic.split("/")):
            wild = depth > 0 or not topic.startswith("$")
            if wild:
                found += [target for node in nodes if "#" in node.below for target in node.below["#"].targets]
            names = ({part, "+"} if wild else {part}) - {"#"}
            nodes = [node.below[name] for node in nodes for name in sorted(names) if name in node.below]
        for node in nodes:
            # `a/#` matches `a` as well.
            found += node.targets + (node.below["#"].targets if "#" in node.below else [])
        return found

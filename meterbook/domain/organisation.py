"""Who and where: spaces, departments, people, teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from meterbook.domain.instant import Instant
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Space:
    """A place in the tree: campus, building, floor, room."""

    id: str
    name: Text
    parent: str | None = None
    area_m2: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who owns a department or is told things; `notify` are channel addresses."""

    id: str
    name: Text
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Department:
    """A cost centre in the tree: the party that is charged."""

    id: str
    name: Text
    parent: str | None = None
    cost_centre: str | None = None
    owner: str | None = None
    headcount: Timeline[Decimal] | None = None
    area_m2: Timeline[Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """The people who are told; `escalate_after` in microseconds."""

    id: str
    name: Text
    notify: tuple[str, ...] = ()
    escalate_to: str | None = None
    escalate_after: Instant | None = None
    rota: tuple[object, ...] = field(default=())


def subtree(root: str, parents: Mapping[str, str | None]) -> frozenset[str]:
    """`root` and everything below it, for a tree given as child -> parent."""
    return within(root, below(parents))


def below(parents: Mapping[str, str | None]) -> dict[str, list[str]]:
    """What stands directly below each that has children, for a tree given as child -> parent."""
    found: dict[str, list[str]] = {}
    for child, parent in parents.items():
        if parent is not None:
            found.setdefault(parent, []).append(child)
    return found


def within(root: str, children: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """`root` and everything below it, for a tree given as parent -> children."""
    found, waiting = {root}, [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)


def path(of: str, parents: Mapping[str, str | None]) -> list[str]:
    """From the root of the tree down to `of`."""
    walked: list[str] = []
    at: str | None = of
    while at is not None and at not in walked:
        walked.append(at)
        at = parents.get(at)
    return walked[::-1]

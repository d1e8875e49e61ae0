"""What a connection subscribes to, and by which subscription a message came. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from collectors.mqtt.packets import Publish
from collectors.mqtt.topics import Routes, covered, group_of
from meterbook.domain.mqtt import levels

T = TypeVar("T")

_IDENTIFIERS = 268_435_455  # the highest that version 5 knows


class Subscriptions(Generic[T]):
    """The filters of the devices of a connection, each with what reads its messages.

    A broker of version 5 sends a copy for every filter of ours that a message matches, with the identifiers of the
    subscriptions it is for, so each copy goes to its own devices only. Filters that differ in fixed levels alone never
    match the same topic: they share an identifier, which says where their wildcards stand. It is the same in every
    configuration, so that a subscription of an earlier one is told from ours.
    """

    def __init__(self, entries: Iterable[tuple[str, T]], share: str | None) -> None:
        """Entries of (filter, target); `share` is the group of those that name none. ValueError: no filter."""
        group = f"$share/{share}/" if share else ""
        named = [(one if group_of(one) else f"{group}{one}", target) for one, target in entries]
        self._all = Routes(named)
        self._by_identifier: dict[int, Routes[T]] = {}
        self.filters: Sequence[str] = sorted({one for one, _ in named})
        """All filters, with their groups."""
        self.identified: dict[int, list[str]] = {}
        """All filters by their identifiers, as one asks a broker that tells them."""
        self.covered: Sequence[str] = covered(self.filters)
        """Filters that need no subscription of their own where a broker sends one copy of a message at most."""
        for one in self.filters:
            self.identified.setdefault(identifier(one), []).append(one)
        for number, some in self.identified.items():
            mine = set(some)
            self._by_identifier[number] = Routes(entry for entry in named if entry[0] in mine)

    def find(self, topic: str) -> tuple[T, ...]:
        """The targets of every filter that matches a topic."""
        return self._all.find(topic)

    def find_by(self, topic: str, identifiers: Iterable[int]) -> tuple[T, ...]:
        """The targets of the subscriptions by which a message came, none where none of them is ours."""
        routes = [self._by_identifier[one] for one in identifiers if one in self._by_identifier]
        return tuple(target for one in routes for target in one.find(topic))


def identifier(topic_filter: str) -> int:
    """The identifier of a subscription, from 1: the same for all filters whose wildcards stand in the same levels."""
    wildcards = "".join(part if part in ("+", "#") else "." for part in levels(topic_filter))
    return zlib.crc32(f"{group_of(topic_filter)}{wildcards}".encode()) % _IDENTIFIERS + 1


class Copies:
    """Tells the copies of a message where one came by a subscription of an earlier configuration.

    A broker sends them one behind the other, each by another way. Where such a one comes first, it is for all devices,
    since it may have waited from before ours was made.
    """

    def __init__(self) -> None:
        self._content = b"", b""
        self._ways: set[tuple[int, ...]] = set()
        self._is_for_all = False

    def has(self, one: Publish, *, ours: bool) -> bool:
        """Whether a message, by a subscription of `ours` or none, was read before by whom it is for."""
        content = one.topic, one.payload
        if content == self._content and one.subscriptions not in self._ways:
            self._ways.add(one.subscriptions)
            return self._is_for_all or not ours
        self._content, self._ways, self._is_for_all = content, {one.subscriptions}, not ours
        return False

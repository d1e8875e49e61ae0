"""Results of months, each with what it follows from: it is computed again once that is another one, and no sooner.

A basis is a text or a tuple of values that says everything a result follows from. None says that nobody can tell: such
a result is computed each time.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from meterbook.accounting.port import IntervalStore

METHOD = f"1 {version('meterbook')}"
"""Counts up with every change of what is kept of a month, or of how it is computed from intervals."""

AT_HAND = 6
"""Large results that a ledger holds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """How a result becomes plain lists, texts and numbers, and what it is again."""

    packed: Callable[[T], Any]
    unpacked: Callable[[Any], T]


class Results:
    """The results of one ledger. What it holds is replaced as a whole, so that threads may share it."""

    def __init__(self, store: IntervalStore | None, scope: str = "") -> None:
        self._store, self._scope = store, scope
        self._large: dict[Hashable, tuple[object, Any]] = {}
        self._small: dict[str, tuple[str, Any]] = {}

    def held(self, name: Hashable, basis: object | None, make: Callable[[], T]) -> T:
        """A large result, of which the last few are at hand."""
        known = self._large.get(name)
        if basis is not None and known is not None and known[0] == basis:
            found: T = known[1]
            return found
        made = make()
        if basis is not None:
            others = [(key, kept) for key, kept in self._large.items() if key != name]
            self._large = dict([*others[-AT_HAND + 1 :], (name, (basis, made))])
        return made

    def kept(self, name: str, basis: str | None, shape: Shape[T], make: Callable[[], T]) -> T:
        """A small result, which is kept beside the intervals for other processes, too."""
        if basis is None or self._store is None:
            return make()
        known = self.known(name, basis, shape)
        if known is None:
            known = make()
            self.keep(name, basis, shape, known)
        return known

    def known(self, name: str, basis: str, shape: Shape[T]) -> T | None:
        """A small result if it is there."""
        known = self._small.get(name)
        if known is not None and known[0] == basis:
            found: T = known[1]
            return found
        content = self._store.result(self._scope + name, _digest(basis)) if self._store is not None else None
        if content is None:
            return None
        found = shape.unpacked(json.loads(zlib.decompress(content)))
        self._small[name] = (basis, found)
        return found

    def keep(self, name: str, basis: str, shape: Shape[T], result: T) -> None:
        """Keep a small result."""
        self._small[name] = (basis, result)
        if self._store is not None:
            text = json.dumps(shape.packed(result), ensure_ascii=False, separators=(",", ":"))
            self._store.keep_result(self._scope + name, _digest(basis), zlib.compress(text.encode(), 1))


def _digest(basis: str) -> str:
    return sha256(f"{METHOD} {basis}".encode()).hexdigest()

"""A bound on work that costs much memory: few at a time, some more in line, the others sent away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore


class Crowded(Exception):
    """Nobody more can be let in just now."""


class Turnstile:
    """Lets `places` through at a time; up to `line` more wait for `patience` seconds each."""

    def __init__(self, places: int, line: int, patience: float) -> None:
        self._places, self._here, self._patience = BoundedSemaphore(places), BoundedSemaphore(places + line), patience

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside; raises Crowded at once when the line is full, and after the wait when no place came free."""
        if not self._here.acquire(blocking=False):
            raise Crowded
        try:
            if not self._places.acquire(timeout=self._patience):
                raise Crowded
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._here.release()

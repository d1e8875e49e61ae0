"""Waiting for something to become true, with a deadline instead of a sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that are waited at least: a machine that does much else is no defect."""


def eventually(condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The first true answer of `condition`; AssertionError with the last answer after `seconds`, and after PATIENCE."""
    deadline = time.monotonic() + max(seconds, PATIENCE)
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {max(seconds, PATIENCE)} s")
        time.sleep(0.01)
    return answer

"""What a codec finds in an uplink."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from meterbook.domain.instant import Instant


class NoUplink(ValueError):
    """Bytes that are no uplink of the family, with the reason; `found` is what stands before them and can be read."""

    def __init__(self, reason: str, found: Sequence[Measurement] = ()) -> None:
        super().__init__(reason)
        self.found = found


class Measurement(NamedTuple):
    """A value under the codec's name for it.

    `at` is an instant, or the device's own clock without an offset; None is the time of arrival. What is `past` means
    nothing without its instant.
    """

    field: str
    value: float | int | bool | str
    at: Instant | datetime | None = None
    past: bool = False


def scaled(whole: int, places: int) -> str:
    """A whole number of 10^-places as exact text: 6054 with three places is 6.054."""
    sign, digits = ("-" if whole < 0 else ""), str(abs(whole)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"

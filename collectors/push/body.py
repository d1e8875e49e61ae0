"""What every pushed body comes to, whatever its format. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.excerpt import excerpt
from collectors.files.cells import Unclear
from meterbook.domain.instant import Instant, NaiveInstant, parse
from meterbook.domain.reading import Reading, Refusal

SOURCE = "push"

MAX_ROWS = 10_000
"""Rows of one request; a body with more is refused whole."""


class NotUnderstood(ValueError):
    """The body is no list of readings at all: what was found and what is expected."""


class TooManyRows(ValueError):
    """The body has more than MAX_ROWS rows."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_ROWS} rows; send them in several requests")


@dataclass(slots=True)
class Pushed:
    """The readings of a body, and the refusals of the rows that are none, each with its row, counted from 0."""

    readings: list[Reading] = field(default_factory=list)
    refusals: list[tuple[int, Refusal]] = field(default_factory=list)

    def add(self, row: int, found: Reading | Refusal) -> None:
        """Take what a row gave; raises TooManyRows."""
        if len(self.readings) + len(self.refusals) >= MAX_ROWS:
            raise TooManyRows
        if isinstance(found, Reading):
            self.readings.append(found)
        else:
            self.refusals.append((row, found))


def refusal(row: int, reason: str, content: str, now: Instant) -> Refusal:
    """A row that is no reading."""
    return Refusal(SOURCE, f"row {row}", reason, excerpt(content), now)


def text_of(body: bytes) -> str:
    """The text of a body, which is UTF-8 with or without byte order mark; raises NotUnderstood."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"byte {error.start} is not UTF-8") from None


def instant(text: str) -> Instant:
    """The instant of an ISO date and time with offset; raises Unclear."""
    try:
        return parse(text)
    except NaiveInstant:
        raise Unclear(f"{excerpt(text)!r} has no offset; write 2026-10-01T00:00:00+08:00 or ...Z") from None
    except (ValueError, OverflowError):
        raise Unclear(f"{excerpt(text)!r} is no instant with offset such as 2026-10-01T00:00:00+08:00") from None

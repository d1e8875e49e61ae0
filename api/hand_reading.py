"""A register read by hand (抄表): from the words of a form to a figure, and that figure to disk and audit trail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from zoneinfo import ZoneInfo

from api.port import Rooms
from api.problem import Problem, Said
from api.scope import Viewer
from api.utilities import unit_of
from api.wall_clock import local_time
from meterbook.accounting.corrected import as_declared, without_excluded
from meterbook.accounting.manual import Figure, Oddity
from meterbook.books import audit, corrections
from meterbook.domain.instant import Instant, iso
from meterbook.domain.meter import Meter
from meterbook.domain.reading import ABSURD_PAST, FUTURE_TOLERANCE, Reading, Receipt, Series
from meterbook.i18n import mark

SOURCE = "form"
"""What deliveries from the form are counted under."""

DIGITS = 15
"""Digits of a figure that a binary double keeps."""

_EVER: Instant = 2**62
_FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)}
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?").fullmatch
_FIGURE = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_TOO_LATE = mark("That lies in the future. Look at the date and the time again.")
_TOO_EARLY = mark("That lies before the year 2000. Look at the date again.")
_NO_TIME = mark("“%(text)s” is no date and time; write one like 2026-10-01 08:00.")
_NO_FIGURE = mark(
    "“%(text)s” is no figure of a register; write digits, a point before the decimals, and nothing between thousands."
)
_TWICE = mark("The clocks are put back then, and %(text)s comes twice. Choose which one is meant.")
_NEVER = mark("The clocks are put forward then, and %(text)s never comes. Choose which one is meant.")


@dataclass(frozen=True, slots=True)
class Written:
    """The form as it was filled in; `choice` is the instant chosen of the two that a local time can be."""

    figure: str = ""
    at: str = ""
    choice: str = ""
    note: str = ""


class Unclear(Exception):
    """A field that cannot be understood: which one, what to say about it, the instants to choose from."""

    def __init__(self, field: str, said: Said, choices: Sequence[Instant] = ()) -> None:
        super().__init__(said.message)
        self.field = field
        self.said = said
        self.choices = choices


def register_meter(viewer: Viewer, name: str) -> Meter:
    """A visible meter whose register a person can read; raises Problem 404."""
    found = viewer.meter(name)
    if not readable(found):
        said = Said(mark("Meter %(name)s has no register that could be read."), {"name": name})
        raise Problem(HTTPStatus.NOT_FOUND, f"meter {name!r} has no register that could be read", said=said)
    return found


def readable(meter: Meter) -> bool:
    """Whether a meter has a register: neither calculated from others nor told by what was used since the last time."""
    return meter.reads is not None and not meter.delta


def as_read(rooms: Rooms, meter: Meter) -> tuple[Meter, Series]:
    """A meter with a register as accounting takes it, corrections included, and all its readings, oldest first."""
    with rooms.books.read() as connection:
        entries = corrections.in_force(connection, meter.id)
    series = rooms.store.read(meter.reads or meter.id, ABSURD_PAST, _EVER)
    return as_declared(meter, entries), without_excluded(series, entries)


def understood(written: Written, zone: ZoneInfo, now: Instant) -> Figure:
    """The figure of a form; raises Unclear."""
    value, at = _value(written.figure), _instant(written, zone)
    if at > now + FUTURE_TOLERANCE:
        raise Unclear("at", Said(_TOO_LATE))
    if at < ABSURD_PAST:
        raise Unclear("at", Said(_TOO_EARLY))
    return Figure(value, at)


def confirmation(entry: Figure, odd: Sequence[Oddity]) -> str:
    """What a form sends along when its writer has seen what is odd about an entry."""
    return f"{','.join(each.kind for each in odd)} {entry.value} {entry.at}"


def confirmed(text: str, entry: Figure, odd: Sequence[Oddity]) -> bool:
    """Whether a confirmation is of this very entry, and of all that is odd about it."""
    kinds, _, rest = text.partition(" ")
    return not odd or (rest == f"{entry.value} {entry.at}" and {each.kind for each in odd} <= set(kinds.split(",")))


def keep(rooms: Rooms, viewer: Viewer, meter: Meter, entry: Figure, odd: Sequence[Oddity], note: str) -> Receipt:
    """Store a figure and write down who read it; it is on disk when this returns. Sending it again changes nothing.

    Raises IntakeFull, NotKept, and what the books raise; then it must be sent again.
    """
    receipt = rooms.deliver(SOURCE, [Reading(meter.reads or meter.id, entry.at, float(entry.value))])
    outcome = "repeated" if receipt.repeated else "in place of another" if receipt.conflicts else "new"
    words = [f"{entry.value} {unit_of(meter.utility)} at {iso(entry.at, rooms.site.calendar.zone)}", outcome]
    words += [f"confirmed though {', '.join(each.kind for each in odd)}"] if odd else []
    words += [note.strip()] if note.strip() else []
    with rooms.books.write() as connection:
        audit.add(connection, rooms.clock(), viewer.user.name, "meter reading", meter.id, "; ".join(words))
    return receipt


def _value(text: str) -> Decimal:
    """A figure as the register shows it; the full-width digits of a Chinese keyboard are digits too."""
    plain = text.translate(_FULL_WIDTH).strip()
    if not _FIGURE(plain) or len(re.sub(r"[^0-9]", "", plain).lstrip("0")) > DIGITS:
        raise Unclear("figure", Said(_NO_FIGURE, {"text": text.strip()[:40]}))
    return Decimal(plain)


def _instant(written: Written, zone: ZoneInfo) -> Instant:
    said = {"text": written.at.strip()[:40].replace("T", " ")}
    if not _STAMP(written.at.strip()):
        raise Unclear("at", Said(_NO_TIME, said))
    try:
        instants, skipped = local_time(written.at, zone)
    except (ValueError, OverflowError):
        raise Unclear("at", Said(_NO_TIME, said)) from None
    if len(instants) == 1:
        return instants[0]
    for at in instants:
        if iso(at, zone) == written.choice:
            return at
    raise Unclear("at", Said(_NEVER if skipped else _TWICE, said), instants)

"""Readings as lines for InfluxDB, and its rows as readings. Pure.

A reading is a point of the measurement `readings`, tagged with its point, and with device and quantity, which follow
from the point's id alone: what is told twice lands in the same series and stays one. Every field is a float. A
superseded value is a point of the measurement `conflicts` under the instant at which it was superseded; its two
instants are integers, because a float could not hold them. What is left of readings that went elsewhere, before they
were copied, is a point of the measurement `rollups` for each quarter of an hour.

The line protocol has no way to write a backslash before a comma, or a line break in a tag. Such characters, and `%`
itself, are written as `%` and two hexadecimal digits; all others stay what they are.
"""

from __future__ import annotations

import math
import re
from urllib.parse import unquote

from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UNITS
from meterbook.domain.reading import Reading
from meterbook.readings.fault import StoreError
from meterbook.readings.rollups import FIELDS, Row

READINGS = "readings"
CONFLICTS = "conflicts"
ROLLUPS = "rollups"

EARLIEST: Instant = -9_223_372_036_854_775
LATEST: Instant = 9_223_372_036_854_775
"""The first and last instant InfluxDB can name, in microseconds (it counts nanoseconds in 64 bits)."""

_UNWRITABLE = re.compile(r"[%\\\x00-\x1f\x7f]")
_SEPARATORS = re.compile(r"([ ,=])")
_QUANTITIES = sorted(UNITS, key=len, reverse=True)


def tag_of(text: str) -> str:
    """A name as the value of a tag, before the escaping that lines need. Raises StoreError for an empty one."""
    if not text:
        raise StoreError("InfluxDB cannot keep a point without a name; give it one")
    return _UNWRITABLE.sub(lambda found: f"%{ord(found[0]):02X}", text)


def name_of(tag: str) -> str:
    """The name behind a tag's value."""
    return unquote(tag, errors="strict")


def literal(text: str) -> str:
    """A tag's value as a string of InfluxQL."""
    return "'" + tag_of(text).replace("'", r"\'") + "'"


def labels(point: str) -> tuple[str, str]:
    """The device and the quantity in a point's id `device.quantity_suffix`; empty where there is none."""
    device, _, name = point.rpartition(".")
    quantity = next((known for known in _QUANTITIES if name == known or name.startswith(f"{known}_")), "")
    return device, quantity


def series(point: str) -> str:
    """The tags of a point, as they stand in a line behind the measurement."""
    device, quantity = labels(point)
    tags = {"device": device, "point": point, "quantity": quantity}
    return "".join(f",{key}={_escaped(name)}" for key, name in tags.items() if name or key == "point")


def reading_line(tags: str, reading: Reading) -> str:
    """A reading under the tags of its point. Raises StoreError for a value or an instant InfluxDB cannot hold."""
    return f"{READINGS}{tags} {_fields(reading)} {_nanoseconds(reading.at)}"


def conflict_line(tags: str, superseded: Reading, now: Instant, place: int) -> str:
    """The value that the reading at `place` of the batch of `now` superseded."""
    fields = f"{_fields(superseded)},at={superseded.at}i,superseded={now}i"
    return f"{CONFLICTS}{tags} {fields} {conflict_time(now, place)}"


def rollup_line(tags: str, row: Row) -> str:
    """What a quarter of an hour was. Raises StoreError for an instant InfluxDB cannot hold."""
    start, *values = row
    fields = ",".join(f"{name}={float(value)!r}" for name, value in zip(FIELDS, values, strict=True))
    return f"{ROLLUPS}{tags} {fields} {_nanoseconds(start)}"


def conflict_time(now: Instant, place: int) -> int:
    """The time of a conflict's line, in nanoseconds: its own for each reading that ever superseded one of its point."""
    return _nanoseconds(now) + place


def _escaped(name: str) -> str:
    return _SEPARATORS.sub(r"\\\1", tag_of(name))


def _fields(reading: Reading) -> str:
    if not math.isfinite(reading.value):
        raise StoreError(f"InfluxDB cannot keep {reading.value} of {reading.point}; refuse it before")
    return f"value={float(reading.value)!r},quality={float(reading.quality)!r}"


def _nanoseconds(at: Instant) -> int:
    if not EARLIEST <= at <= LATEST:
        raise StoreError(f"InfluxDB cannot keep an instant {at} us from 1970; it ends in the year 2262")
    return at * 1_000

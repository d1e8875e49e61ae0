"""JSON: {"readings": [{"point": ..., "at": ..., "value": ..., "quality": "good"}, ...]}. Pure."""

from __future__ import annotations

import orjson

from collectors.excerpt import excerpt
from collectors.files.cells import Unclear
from collectors.normalise import Normaliser
from collectors.push.body import MAX_ROWS, SOURCE, NotUnderstood, Pushed, TooManyRows, instant, refusal
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Quality, Reading, Refusal

_QUALITIES = {"good": Quality.GOOD, "estimated": Quality.ESTIMATED, "bad": Quality.BAD}
_FIELDS = frozenset({"point", "at", "value", "quality"})


def decode(body: bytes, normaliser: Normaliser, now: Instant) -> Pushed:
    """The rows of a body; their numbers are positions in the list. Raises NotUnderstood, TooManyRows."""
    pushed = Pushed()
    for number, row in enumerate(_rows(body)):
        try:
            found = _reading(row, number, normaliser, now)
        except Unclear as unclear:
            found = refusal(number, str(unclear), _shown(row), now)
        pushed.add(number, found)
    return pushed


def _rows(body: bytes) -> list[object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotUnderstood(f"no JSON: {error}") from None
    rows = document.get("readings") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(rows, list):
        raise NotUnderstood('expected {"readings": [...]}')
    if len(rows) > MAX_ROWS:
        raise TooManyRows
    return rows


def _reading(row: object, number: int, normaliser: Normaliser, now: Instant) -> Reading | Refusal:
    if not isinstance(row, dict):
        raise Unclear("expected an object with point, at and value")
    unknown = row.keys() - _FIELDS
    if unknown:
        raise Unclear(f"unknown field {excerpt(min(unknown))!r}; expected point, at, value and quality")
    point, at, value = row.get("point"), row.get("at"), row.get("value")
    if not isinstance(point, str):
        raise Unclear("point: expected the id of a point")
    if not isinstance(at, str):
        raise Unclear("at: expected an instant with offset such as 2026-10-01T00:00:00+08:00")
    if not isinstance(value, int | float | str):
        raise Unclear("value: expected a number, or a string that holds a decimal")
    quality = row.get("quality", "good")
    if not isinstance(quality, str) or quality not in _QUALITIES:
        raise Unclear("quality: expected good, estimated or bad")
    return normaliser.row(
        point, instant(at), value, _QUALITIES[quality], now=now, source=SOURCE, subject=f"row {number}"
    )


def _shown(row: object) -> str:
    try:
        return orjson.dumps(row).decode()
    except orjson.JSONEncodeError:  # deeper than it writes, though not than it reads
        return type(row).__name__

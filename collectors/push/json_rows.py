"""JSON: {"readings": [{"point": ..., "at": ..., "value": ..., "quality": "good"}, ...]}, or "meter". Pure."""

from __future__ import annotations

import json
from typing import cast

import orjson

from collectors.excerpt import excerpt
from collectors.files.cells import Unclear
from collectors.files.table import point_of_meter
from collectors.normalise import Normaliser
from collectors.push.body import MAX_ROWS, SOURCE, NotUnderstood, Pushed, TooManyRows, instant, refusal, text_of
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Quality, Reading, Refusal
from meterbook.domain.site import Site

_QUALITIES = {"good": Quality.GOOD, "estimated": Quality.ESTIMATED, "bad": Quality.BAD}
_FIELDS = frozenset({"point", "meter", "at", "value", "quality"})


def decode(body: bytes, site: Site, normaliser: Normaliser, now: Instant) -> Pushed:
    """The rows of a body; their numbers are positions in the list. Raises NotUnderstood, TooManyRows."""
    pushed = Pushed()
    text = text_of(body)
    rows = _rows(text)
    twice = _repeated(text)
    for number, row in enumerate(rows):
        try:
            if number in twice:
                raise Unclear(f"{excerpt(twice[number])!r} stands more than once; which is meant?")
            found = _reading(row, number, site, normaliser, now)
        except Unclear as unclear:
            found = refusal(number, str(unclear), _shown(row), now)
        pushed.add(number, found)
    return pushed


def _rows(text: str) -> list[object]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotUnderstood(f"no JSON: {error}") from None
    rows = document.get("readings") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(rows, list):
        raise NotUnderstood('expected {"readings": [...]}')
    if len(rows) > MAX_ROWS:
        raise TooManyRows
    return rows


class _Repeated(dict[str, object]):
    """An object in which a key stands more than once; readers of JSON silently take the last."""

    key: str


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    names = [name for name, _ in pairs]
    repeated = _Repeated(made)
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


def _repeated(text: str) -> dict[int, str]:
    """The rows of a body that was read already in which a key stands more than once, and the key."""
    try:
        # Figures are of no interest here, and some have more digits than Python makes a number of.
        document = json.loads(text, object_pairs_hook=_object, parse_int=str)
    except RecursionError:
        raise NotUnderstood("nested deeper than readings are") from None
    if isinstance(document, _Repeated):
        raise NotUnderstood(f"{document.key!r} stands more than once")
    rows = cast("list[object]", document["readings"])
    return {number: row.key for number, row in enumerate(rows) if isinstance(row, _Repeated)}


def _reading(row: object, number: int, site: Site, normaliser: Normaliser, now: Instant) -> Reading | Refusal:
    if not isinstance(row, dict):
        raise Unclear("expected an object with point (or meter), at and value")
    unknown = row.keys() - _FIELDS
    if unknown:
        raise Unclear(f"unknown field {excerpt(min(unknown))!r}; expected point or meter, at, value and quality")
    point, at, value = _point(row, site), row.get("at"), row.get("value")
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


def _point(row: dict[object, object], site: Site) -> str:
    """The point of a row, named by itself or by the meter that reads it."""
    if "meter" not in row:
        if isinstance(point := row.get("point"), str):
            return point
        raise Unclear("point: expected the id of a point")
    if "point" in row:
        raise Unclear("expected either a point or a meter, not both")
    if isinstance(meter := row["meter"], str):
        return point_of_meter(site, meter)
    raise Unclear("meter: expected the id of a meter")


def _shown(row: object) -> str:
    try:
        return orjson.dumps(row).decode()
    except orjson.JSONEncodeError:  # deeper than it writes, though not than it reads
        return type(row).__name__

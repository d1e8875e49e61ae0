"""JSON: {"readings": [{"point": ..., "at": ..., "value": ..., "quality": "good"}, ...]}, or "meter". Pure."""

from __future__ import annotations

import json
import math

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
_DIGITS = 40


def decode(body: bytes, site: Site, normaliser: Normaliser, now: Instant) -> Pushed:
    """The rows of a body; their numbers are positions in the list. Raises NotUnderstood, TooManyRows."""
    pushed = Pushed()
    for number, row in enumerate(_rows(text_of(body))):
        try:
            if isinstance(row, _Repeated):
                raise Unclear(f"{excerpt(row.key)!r} stands more than once; which is meant?")
            found = _reading(row, number, site, normaliser, now)
        except Unclear as unclear:
            found = refusal(number, str(unclear), _shown(row), now)
        pushed.add(number, found)
    return pushed


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


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else math.inf


def _rows(text: str) -> list[object]:
    """The rows of a body; NaN, which some write, and numbers beyond any register are left to the row that has them.

    Raises NotUnderstood, TooManyRows.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise NotUnderstood(f"no JSON: {error}") from None
    except RecursionError:
        raise NotUnderstood("nested deeper than readings are") from None
    if isinstance(document, _Repeated):
        raise NotUnderstood(f"{excerpt(document.key)!r} stands more than once")
    rows = document.get("readings") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(rows, list):
        raise NotUnderstood('expected {"readings": [...]}')
    if len(rows) > MAX_ROWS:
        raise TooManyRows
    return rows


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
        return json.dumps(row, ensure_ascii=False)
    except RecursionError:
        return type(row).__name__

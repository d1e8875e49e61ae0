"""InfluxDB line protocol: `measurement,tag=text field=value,... timestamp`. Pure."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from collectors.excerpt import excerpt
from collectors.files.cells import Unclear, quality
from collectors.normalise import Normaliser, Value
from collectors.push.body import SOURCE, Pushed, refusal, text_of
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Quality

Precision = Literal["s", "ms", "us", "ns"]

_NANOSECONDS: dict[Precision, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_NAME = r"(?:[^\\, ]|\\.)++"
_KEY = r"(?:[^\\,= ]|\\.)++"
_TEXT = r'"(?:[^"\\]|\\.)*+"'
_TAG = re.compile(rf",({_KEY})=({_KEY})")
_FIELD = re.compile(rf'({_KEY})=({_TEXT}|[^",\s]++)')
_LINE = re.compile(
    rf"({_NAME})((?:,{_KEY}={_KEY})*+) +({_FIELD.pattern}(?:,{_FIELD.pattern})*+)(?: +(?P<stamp>-?[0-9]{{1,19}}))?"
).fullmatch
_ESCAPED = re.compile(r"\\([,= ])")
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}[iu]").fullmatch
_BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}


class Line(NamedTuple):
    """One line, its values still as written."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, str]
    stamp: int


def decode(body: bytes, precision: Precision, normaliser: Normaliser, now: Instant) -> Pushed:
    """The lines of a body; the first is row 0, empty lines and comments count. Raises NotUnderstood, TooManyRows.

    The tag `point` names the point whose reading the field `value` is; without it, each field is the point
    `measurement.field`. A field `quality` may say good, estimated or bad. Time stamps count in units of `precision`.
    """
    pushed = Pushed()
    for number, text in enumerate(text_of(body).split("\n")):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        try:
            parsed = parse(line)
            values, kind = _values(parsed), _quality(parsed)
        except Unclear as unclear:
            pushed.add(number, refusal(number, str(unclear), line, now))
            continue
        at = parsed.stamp * _NANOSECONDS[precision] // 1_000
        for point, value in values:
            found = normaliser.row(
                point, at, value, kind, now=now, source=SOURCE, subject=f"row {number}", content=line
            )
            pushed.add(number, found)
    return pushed


def parse(text: str) -> Line:
    """The parts of a line, without their escapes; raises Unclear for what is no such line or has no time stamp."""
    found = _LINE(text)
    if not found:
        raise Unclear("no line protocol: expected measurement,tag=text field=value timestamp")
    if found["stamp"] is None:
        raise Unclear("no time stamp; without one, the same line sent again would be another reading")
    tags = {name: _plain(value) for name, value in _once(_TAG.findall(found[2])).items()}
    return Line(_plain(found[1]), tags, _once(_FIELD.findall(found[3])), int(found["stamp"]))


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Tags or fields by name; raises Unclear where a name stands twice."""
    found: dict[str, str] = {}
    for written, value in pairs:
        name = _plain(written)
        if name in found:
            raise Unclear(f"{excerpt(name)!r} stands more than once; which is meant?")
        found[name] = value
    return found


def _values(line: Line) -> list[tuple[str, Value]]:
    """The points of a line and the value of each."""
    point = line.tags.get("point")
    names = [name for name in line.fields if name != "quality"]
    if point is None:
        return [(f"{line.measurement}.{name}", _value(line.fields[name])) for name in names]
    if names != ["value"]:
        raise Unclear(f"a line with the tag point has one field, value; this one has {excerpt(', '.join(names))!r}")
    return [(point, _value(line.fields["value"]))]


def _value(text: str) -> Value:
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text.startswith('"'):
        raise Unclear(f"{excerpt(text)} is a text; a reading is a number")
    return int(text[:-1]) if _WHOLE(text) else text


def _quality(line: Line) -> Quality:
    return quality(line.fields.get("quality", "").strip('"'))


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)

"""The values that stand in files: numbers with their digits, durations, percents, hours, days, texts, references.

Scalars arrive as text. Every validator says what it found and what it expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from meterbook.domain.host import host_fault
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from meterbook.domain.text import LANGUAGES, Text
from meterbook.site.models.entry import Entry
from meterbook.site.problem import nearest

T = TypeVar("T")


def refuse(message: str, expected: str, *, near: str | None = None, key: str | None = None) -> PydanticCustomError:
    """The error a validator raises: what was found, what was expected, the nearest known name, the key inside."""
    return PydanticCustomError(
        "refused", "{message}", {"message": message, "expected": expected, "near": near, "key": key}
    )


def shown(value: object) -> str:
    """A value as a complaint quotes it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text.strip():
        return "nothing"
    return text if len(text) <= 40 else f"{text[:40]}..."


def _matching(pattern: str, what: str, expected: str, make: Callable[[re.Match[str]], T]) -> Callable[[object], T]:
    compiled = re.compile(pattern)

    def check(value: object) -> T:
        found = compiled.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise refuse(f"{shown(value)} is no {what}", expected)
        try:
            return make(found)
        except ValueError as error:
            raise refuse(f"{shown(value)} is no {what}: {error}", expected) from error

    return check


def _above_zero(check: Callable[[object], T], expected: str) -> Callable[[object], T]:
    def positive(value: object) -> T:
        found = check(value)
        if not found > 0:  # type: ignore[operator]
            raise refuse(f"{shown(value)} is not above zero", expected)
        return found

    return positive


# Digits are those of ASCII: Python's \d takes any script's, and other programs that read the files do not.
_NUMBER = r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,12})?"
_DURATIONS: dict[str, Instant] = {"ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_LONGEST: Instant = 3_660 * DAY
"""Ten years: from any instant of the calendar, one stays within it."""
_NUMBERS = {"type": ["number", "string"]}

_number = _matching(_NUMBER, "number", "a number such as 12.5", lambda found: Decimal(found[0]))
_whole = _matching(r"[+-]?[0-9]{1,9}", "whole number", "a whole number such as 12", lambda found: int(found[0]))


def _percent(most: int) -> Callable[[object], Decimal]:
    def share(found: re.Match[str]) -> Decimal:
        percent = Decimal(found[1])
        if not 0 <= percent <= most:
            raise ValueError(f"it must lie within 0% and {most}%")
        return percent / 100

    return _matching(rf"({_NUMBER})\s*%", "percentage", 'a percentage such as "6%"', share)


def _length(found: re.Match[str]) -> Instant:
    length = int(found[1]) * _DURATIONS[found[2]]
    if length > _LONGEST:
        raise ValueError("it must not be longer than 3660d")
    return length


_duration = _matching(
    r"([0-9]{1,6})(ms|s|m|h|d)", "duration", "a duration such as 20ms, 60s, 5m, 1h or 1d",
    _length,
)  # fmt: skip


def _minutes(found: re.Match[str]) -> tuple[int, int]:
    start, end = (int(found[hour]) * 60 + int(found[hour + 1]) for hour in (1, 3))
    if not 0 <= start < end <= 24 * 60 or max(int(found[2]), int(found[4])) > 59:
        raise ValueError("it must begin before it ends, within 00:00-24:00")
    return start, end


hours_of = _matching(
    r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})",
    "range of hours",
    "hours of one day such as 08:00-10:00 or 19:00-24:00",
    _minutes,
)
"""(first, last) minute of the local day, half-open, of a text such as 08:00-10:00."""


def _day_or_instant(found: re.Match[str]) -> date | datetime:
    if len(found[0]) == len("2026-01-01"):
        return date.fromisoformat(found[0])
    moment = datetime.fromisoformat(found[0])
    if moment.tzinfo is None:
        raise ValueError("it has no offset from UTC")
    return moment


def _instant(found: re.Match[str]) -> datetime:
    moment = datetime.fromisoformat(found[0])
    if moment.tzinfo is None:
        raise ValueError("it has no offset from UTC")
    return moment


_YEARS = r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_AN_INSTANT = "a date and time with offset such as 2026-10-12T10:30:00+08:00"

Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema(_NUMBERS)]
"""A decimal number with the digits it was written with."""
Positive = Annotated[Decimal, BeforeValidator(_above_zero(_number, "a number above zero")), WithJsonSchema(_NUMBERS)]
"""A decimal number above zero."""
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
"""A whole number."""
Percent = Annotated[Decimal, BeforeValidator(_percent(1_000)), WithJsonSchema({"type": "string", "pattern": "%$"})]
"""A percentage from 0% to 1000%, such as "105%", as a share (1.05)."""
PercentOfAll = Annotated[Decimal, BeforeValidator(_percent(100)), WithJsonSchema({"type": "string", "pattern": "%$"})]
"""A percentage from 0% to 100%, such as "6%", as a share (0.06)."""
Duration = Annotated[
    Instant, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": r"^\d+(ms|s|m|h|d)$"})
]
"""A length of time such as 60s, in microseconds."""
Period = Annotated[
    Instant,
    BeforeValidator(_above_zero(_duration, "a duration such as 60s")),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(ms|s|m|h|d)$"}),
]
"""A length of time above zero, in microseconds."""
HourRange = Annotated[tuple[int, int], PlainValidator(hours_of), WithJsonSchema({"type": "string"})]
"""Hours of the local day, as minutes."""
Day = Annotated[
    date,
    PlainValidator(_matching(_YEARS, "date", "a date such as 2026-01-01", lambda found: date.fromisoformat(found[0]))),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""A local day."""
Moment = Annotated[
    datetime,
    PlainValidator(_matching(rf"{_YEARS}[T ].{{4,24}}", "instant", _AN_INSTANT, _instant)),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant with its offset from UTC; one without is refused, since nobody can say when it was (trap 18)."""
From = Annotated[
    date | datetime,
    PlainValidator(
        _matching(
            rf"{_YEARS}(?:[T ].{{4,24}})?",
            "date or instant",
            f"a date such as 2026-01-01, or {_AN_INSTANT}",
            _day_or_instant,
        )
    ),
    WithJsonSchema({"type": "string"}),
]
"""Since when: a day (its local midnight) or an instant with offset."""

_id = _matching(r"\w[\w.\-]{0,99}", "id", "letters, digits, _ - and . without spaces", lambda found: found[0])
Id = Annotated[str, PlainValidator(_id), WithJsonSchema({"type": "string", "pattern": r"^\S+$"})]
"""A name that never changes and works in addresses: letters and digits of any script, `_`, `-`, `.`."""


def _all_or_ids(value: object) -> tuple[str, ...] | Literal["all"]:
    if value == "all":
        return "all"
    if not isinstance(value, list):
        raise refuse(f"{shown(value)} is no list", "all, or a list of ids")
    return tuple(_id(one) for one in value)


AllOrIds = Annotated[
    tuple[str, ...] | Literal["all"],
    PlainValidator(_all_or_ids),
    WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""The word `all`, or a list of ids."""
PointName = Annotated[
    str,
    PlainValidator(
        _matching(
            r"[a-z][a-z0-9_]{0,63}",
            "point name",
            "small letters, digits and _, such as active_power_l1",
            lambda found: found[0],
        )
    ),
    WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}),
]
"""The name of a point within its device."""


_LONGEST_LINE = 2_000


def _line(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refuse(f"{shown(value)} is no text", "one line of text")
    if len(value) > _LONGEST_LINE:
        raise refuse(f"is {len(value)} characters long", f"at most {_LONGEST_LINE}")
    return value.strip()


Line = Annotated[str, PlainValidator(_line), WithJsonSchema({"type": "string"})]
"""One line of text."""


def _host(value: object) -> str:
    name = _line(value)
    if fault := host_fault(name):
        raise refuse(f"{shown(name)} is no host: {fault}", "a name or an address, such as 10.0.0.5")
    return name


Host = Annotated[str, PlainValidator(_host), WithJsonSchema({"type": "string"})]
"""Where a machine is: its name or its address."""


def _words(value: object) -> Text:
    if isinstance(value, str):
        return Text.same(_line(value))
    if not isinstance(value, dict) or not value:
        raise refuse(f"{shown(value)} is no text", "a text, or {zh: ..., en: ...}")
    for language in value:
        if language not in LANGUAGES:
            raise refuse("is no known key", "zh or en", near=nearest(language, LANGUAGES), key=language)
    given = {language: _line(text) for language, text in value.items()}
    return Text(given.get("zh") or given["en"], given.get("en") or given["zh"])


Words = Annotated[
    Text,
    PlainValidator(_words),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A text people read: in Chinese and English, or one text for both."""


def _secret(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"env:[A-Za-z_]\w*|file:\S.*", value):
        # What stands here may be the secret itself: it is never quoted.
        raise refuse("is no reference to a secret", "env:NAME or file:PATH, never the secret itself")
    return value


SecretRef = Annotated[str, PlainValidator(_secret), WithJsonSchema({"type": "string", "pattern": "^(env|file):"})]
"""Where a secret is kept."""

CHANNELS = ("log", "mailto", "wecom", "dingtalk", "feishu", "webhook", "apprise")


def _address(value: object) -> str:
    scheme, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or scheme not in CHANNELS:
        # An address may hold a token: only the part before the colon is quoted.
        known = ", ".join(f"{channel}:" for channel in CHANNELS)
        message = f"{shown(scheme)} is no channel" if scheme else "is no address of a channel"
        raise refuse(message, f"an address that begins with {known}", near=nearest(scheme, CHANNELS))
    return str(value)


Address = Annotated[str, PlainValidator(_address), WithJsonSchema({"type": "string"})]
"""Where a message goes: `log:`, `mailto:...`, `wecom:...` and so on."""


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise refuse(f"{shown(value)} is neither true nor false", "true or false")
    return value


Switch = Annotated[bool, PlainValidator(_switch), WithJsonSchema({"type": "boolean"})]
"""true or false."""


class DatedNumber(Entry):
    """A number from zero and since when it holds; without `from` it held from the beginning."""

    from_: From | None = Field(None, alias="from", description="since when: a day, or an instant with offset")
    value: Number = Field(ge=0, description="the value from then on, from zero")


class DatedPositive(DatedNumber):
    """A number above zero and since when it holds."""

    value: Positive = Field(description="the value from then on, above zero")


class _OneOrDated:
    """Shows editors both forms: the value itself, or the list of dated values."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        dated = handler(schema)
        entry = handler.resolve_ref_schema(dated["items"])
        return {"anyOf": [entry["properties"]["value"], dated]}


def _dated(value: object) -> object:
    return value if isinstance(value, list) else [{"value": value}]


Numbers = Annotated[list[DatedNumber], BeforeValidator(_dated), _OneOrDated()]
"""A number from zero, or a list of {from, value} where it changed over the years."""
Positives = Annotated[list[DatedPositive], BeforeValidator(_dated), _OneOrDated()]
"""A number above zero, or a list of {from, value} where it changed over the years."""

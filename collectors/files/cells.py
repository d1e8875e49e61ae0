"""What one cell says: a decimal, a quality. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from collectors.excerpt import excerpt
from meterbook.domain.reading import Quality

Sign = Literal["point", "comma"]
"""The sign before the decimals. It is declared, never guessed: 1,234 is either of two numbers."""

SIGNS: dict[Sign, str] = {"point": ".", "comma": ","}

_QUALITIES = {
    "": Quality.GOOD,
    "good": Quality.GOOD,
    "estimated": Quality.ESTIMATED,
    "bad": Quality.BAD,
}
_PLAIN = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?").fullmatch
_WITH_COMMA = re.compile(r"[+-]?[0-9]{1,40}(?:,[0-9]{1,40})?").fullmatch
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:([ ,.'\u00a0\u2009\u202f])[0-9]{3})+(?:(?!\1)[.,][0-9]+)?").fullmatch


class Unclear(ValueError):
    """A cell that cannot be understood, with the reason."""


def quality(cell: str) -> Quality:
    """A quality by its name, good where the cell is empty; raises Unclear."""
    found = _QUALITIES.get(cell.strip().lower())
    if found is None:
        raise Unclear(f"quality {excerpt(cell)!r} is none of good, estimated, bad")
    return found


def decimals(sign: Sign) -> Callable[[str], float]:
    """How the values of a file are read; the answer raises Unclear for all but plain decimals with that sign."""
    if sign == "comma":

        def with_comma(text: str) -> float:
            if not _WITH_COMMA(text):
                raise Unclear(_no_decimal(text, sign))
            return float(text.replace(",", "."))

        return with_comma

    def with_point(text: str) -> float:
        if not _PLAIN(text):
            raise Unclear(_no_decimal(text, sign))
        return float(text)

    return with_point


def _no_decimal(text: str, sign: Sign) -> str:
    shown = f"{excerpt(text)!r} is no plain decimal"
    if not text:
        return f"{shown}: the cell is empty"
    if text.startswith("="):
        return f"{shown}: a formula whose result is not in the file; calculate and save it, or write the value"
    if sign == "point" and _WITH_COMMA(text):
        return f"{shown}: a comma before the decimals is declared with --decimal comma"
    if _GROUPED(text):
        return f"{shown}: write it without separators between thousands"
    return f"{shown} such as {'1234.5' if sign == 'point' else '1234,5'}"

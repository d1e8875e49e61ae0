"""Arithmetic as a reader redoes it: sums written out on the page, and read back from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from meterbook.domain.money import round_half_up

SHOWN = 6
"""Decimals of a figure that is rounded on the page."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_EXPRESSION = re.compile(r"[\d.()+−×÷√² ]+")
_SPAN = re.compile(r"`([^`]+ = [^`]+)`")


class Wrong(AssertionError):
    """A sum that does not come to what stands behind it."""


def sum_of(pattern: str, *figures: object) -> str:
    """A sum as code: the figures in the places of the pattern, the last one as its result, rounded where it is."""
    *given, result = (str(figure) for figure in figures)
    expression = pattern.format(*(f"({one})" if one.startswith("-") else one for one in given)).replace("-", "−")
    exact, wanted = value_of(expression), Fraction(result)
    if exact == wanted:
        return f"`{expression} = {_signed(result)}`"
    written = f"`{expression} = {_signed(_cut(exact))} → {_signed(result)}`"
    check(written.strip("`"))
    return written


def value_of(expression: str) -> Fraction:
    """What an expression of + − × ÷, parentheses, squares and one kind of root comes to."""
    if not _EXPRESSION.fullmatch(expression):
        raise Wrong(f"{expression} is no sum")
    code = _NUMBER.sub(lambda one: f"Fraction('{one[0]}')", expression)
    for sign, operator in (("−", "-"), ("×", "*"), ("÷", "/"), ("²", "**2")):
        code = code.replace(sign, operator)
    code = code.replace("√", "root")
    found: Fraction = eval(code, {"Fraction": Fraction, "root": _root})
    return found


def _root(square: Fraction) -> Fraction:
    return Fraction((Decimal(square.numerator) / Decimal(square.denominator)).sqrt())


def _cut(exact: Fraction) -> str:
    """An exact figure; what has more decimals is cut off and ends in dots."""
    scaled = abs(exact) * 10**SHOWN
    whole = str(scaled.__floor__()).rjust(SHOWN + 1, "0")
    text = f"{whole[:-SHOWN]}.{whole[-SHOWN:]}"
    dots = "…" if scaled.denominator != 1 else ""
    return ("-" if exact < 0 else "") + (text + dots if dots else text.rstrip("0").rstrip("."))


def _signed(text: str) -> str:
    return text.replace("-", "−")


def sums_in(page: str) -> Iterator[str]:
    """Every sum of a page."""
    yield from _SPAN.findall(page)


def check(written: str) -> None:
    """Redo a sum as it is written: `expression = result`, or `expression = exact → rounded`; raises Wrong."""
    expression, _, rest = written.partition(" = ")
    shown, _, rounded = (part.replace("−", "-") for part in rest.partition(" → "))
    exact = value_of(expression)
    if shown.endswith("…"):
        if _cut(exact) != shown:
            raise Wrong(f"{written}: it is {_cut(exact)}")
    elif Fraction(shown) != exact:
        raise Wrong(f"{written}: it is {float(exact)}")
    if rounded:
        step = Decimal(1).scaleb(-len(rounded.partition(".")[2]))
        if round_half_up(exact, step) != Decimal(rounded):
            raise Wrong(f"{written}: it is rounded to {round_half_up(exact, step)}")

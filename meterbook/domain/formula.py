"""Formulas of virtual meters: + - * / parentheses, numbers, meter ids. Nothing is ever evaluated as code (trap 41)."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Operator = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Number:
    """A constant factor."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class MeterRef:
    """The consumption of another meter."""

    id: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Two expressions joined by an operator."""

    operator: Operator
    left: Expression
    right: Expression


Expression = Number | MeterRef | Operation


class FormulaError(ValueError):
    """The text is no formula: what was found and what was expected."""


DEEPEST = 50
"""Levels of parentheses that are read."""

_TOKEN = re.compile(r"\s+|\(|\)|[^\s()]+")
_NUMBER = re.compile(r"^[0-9]+(?:\.[0-9]+)?$")
_ID = re.compile(r"^\w[\w.\-]*$")


def linear(expression: Expression) -> dict[str, Fraction]:
    """The factor of each meter in a formula; raises FormulaError where the formula is not a weighted sum of meters.

    A constant offset, a product of two meters and a division by a meter have no meaning per interval.
    """
    factors, offset = _expand(expression)
    if offset:
        raise FormulaError("a formula must be a sum of meters times numbers; a bare number has no unit")
    return factors


def _expand(expression: Expression) -> tuple[dict[str, Fraction], Fraction]:
    if isinstance(expression, Number):
        return {}, expression.value
    if isinstance(expression, MeterRef):
        return {expression.id: Fraction(1)}, Fraction()
    (left, left_offset), (right, right_offset) = _expand(expression.left), _expand(expression.right)
    if expression.operator in "+-":
        sign = 1 if expression.operator == "+" else -1
        joined = {
            meter: left.get(meter, Fraction()) + sign * right.get(meter, Fraction()) for meter in {**left, **right}
        }
        return joined, left_offset + sign * right_offset
    if expression.operator == "/":
        if right or not right_offset:
            raise FormulaError("a formula can be divided only by a number other than 0")
        return {meter: factor / right_offset for meter, factor in left.items()}, left_offset / right_offset
    if left and right:
        raise FormulaError("two meters cannot be multiplied: the product is no consumption")
    meters, factor = (left, right_offset) if left else (right, left_offset)
    return {
        meter: value * factor for meter, value in meters.items()
    }, left_offset * right_offset if not meters else Fraction()


def parse(text: str) -> Expression:
    """The expression of a formula; raises FormulaError that names the offending part.

    `-` and `+` stand between spaces, since meter ids contain hyphens.
    """
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
    if not tokens:
        raise FormulaError("the formula is empty")
    depths = itertools.accumulate((token == "(") - (token == ")") for token in tokens)
    if max(depths) > DEEPEST:
        raise FormulaError(f"the parentheses are nested too deep; at most {DEEPEST} levels are read")
    expression, rest = _sum(tokens)
    if rest:
        raise FormulaError(f"unexpected {rest[0]!r}; an operator (+ - * /) between spaces was expected")
    return expression


def _sum(tokens: list[str]) -> tuple[Expression, list[str]]:
    left, rest = _product(tokens)
    while rest and rest[0] in ("+", "-"):
        operator: Operator = "+" if rest[0] == "+" else "-"
        right, rest = _product(rest[1:])
        left = Operation(operator, left, right)
    return left, rest


def _product(tokens: list[str]) -> tuple[Expression, list[str]]:
    left, rest = _operand(tokens)
    while rest and rest[0] in ("*", "/"):
        operator: Operator = "*" if rest[0] == "*" else "/"
        right, rest = _operand(rest[1:])
        left = Operation(operator, left, right)
    return left, rest


def _operand(tokens: list[str]) -> tuple[Expression, list[str]]:
    if not tokens:
        raise FormulaError("the formula ends where a meter id or number was expected")
    token, rest = tokens[0], tokens[1:]
    if token == "(":
        inner, rest = _sum(rest)
        if not rest or rest[0] != ")":
            raise FormulaError("a parenthesis is not closed")
        return inner, rest[1:]
    if _NUMBER.match(token):
        return Number(Fraction(token)), rest
    if token.replace(".", "").isdecimal():
        raise FormulaError(f"{token!r} is no number such as 0.5")
    if _ID.match(token):
        return MeterRef(token), rest
    raise FormulaError(f"{token!r} is neither a meter id nor a number")

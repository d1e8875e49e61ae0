"""Samples and rows become readings in canonical units, or are refused with the reason. Pure."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from typing import NamedTuple

from collectors.excerpt import excerpt
from meterbook.domain.device import Point
from meterbook.domain.instant import Instant
from meterbook.domain.reading import ABSURD_PAST, FUTURE_TOLERANCE, Quality, Reading, Refusal, Sample, clock_fault
from meterbook.domain.site import Site

Value = float | int | str | Decimal

_NUMERAL = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_ONE = Decimal(1)
_LARGEST = sys.float_info.max


class _Rule(NamedTuple):
    """What is asked of every value of a point, resolved once. Bounds are in the canonical unit and finite."""

    id: str
    low: float
    high: float
    factor: Decimal | None
    state: bool
    unit: str


def _rule(point: Point) -> _Rule:
    low, high = point.spec.plausible or (Decimal(-_LARGEST), Decimal(_LARGEST))
    factor = None if point.spec.factor == _ONE else point.spec.factor
    return _Rule(point.id, float(low), float(high), factor, point.spec.kind == "state", point.spec.unit)


class Normaliser:
    """Knows every point of a site and judges what arrives for them."""

    def __init__(self, site: Site) -> None:
        self._rules = {point.id: _rule(point) for point in site.points.values()}
        self._of_device = {
            (point.device, point.spec.name): self._rules[point.id]
            for point in site.points.values()
            if point.device is not None
        }
        self._source = {device.id: device.connection for device in site.devices.values()}

    def normalise(self, sample: Sample, now: Instant) -> Reading | Refusal:
        """The reading of a sample, in the canonical unit of its point.

        Refused: unknown points, what is no finite number (booleans only count as states), values outside the point's
        plausible range and instants that cannot be right.
        """
        device, name, value, at, received = sample
        rule = self._of_device.get((device, name))
        if rule is None:
            return self._refusal(sample, f"{device} has no point {name}")
        if at is None:
            at = received
        if type(value) is float and rule.factor is None:
            canonical = value
        else:
            try:
                canonical = _canonical(value, rule)
            except ValueError as error:
                return self._refusal(sample, str(error))
        # NaN and the infinities fail the comparison too.
        if not rule.low <= canonical <= rule.high:
            return self._refusal(sample, _outside(canonical, rule))
        if not ABSURD_PAST <= at <= now + FUTURE_TOLERANCE:
            return self._refusal(sample, clock_fault(at, now) or "instant out of range")
        return Reading(rule.id, at, canonical)

    def row(
        self,
        point: str,
        at: Instant,
        value: Value,
        quality: Quality,
        *,
        now: Instant,
        source: str,
        subject: str,
        content: str = "",
    ) -> Reading | Refusal:
        """The reading of one row of a file or request; its value is in the canonical unit of the point already.

        Only what cannot be a reading of anything is refused: a value that is merely implausible is stored, and judged
        where registers are compared.
        """
        rule = self._rules.get(point)
        if rule is None:
            reason = f"no point is called {excerpt(point)!r}"
        else:
            try:
                number = _number(value, rule)
            except ValueError as error:
                reason = str(error)
            else:
                if not -_LARGEST <= number <= _LARGEST:
                    reason = "the value is not a finite number"
                elif ABSURD_PAST <= at <= now + FUTURE_TOLERANCE:
                    return Reading(rule.id, at, float(number), quality)
                else:
                    reason = clock_fault(at, now) or "instant out of range"
        return Refusal(source, subject, reason, excerpt(content or str(value)), now)

    def _refusal(self, sample: Sample, reason: str) -> Refusal:
        source = self._source.get(sample.device, sample.device)
        return Refusal(source, f"{sample.device}.{sample.point}", reason, excerpt(str(sample.value)), sample.received)


def _number(value: Value, rule: _Rule) -> float | Decimal:
    """A value as a number, exact; raises ValueError with the reason where it is none."""
    if isinstance(value, bool):
        if not rule.state:
            raise ValueError("true and false are no values of this point; a number was expected")
        return float(value)
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        if not _NUMERAL(value):
            raise ValueError(f"{excerpt(value)!r} is not a number")
        return Decimal(value)
    return Decimal(value)


def _canonical(value: Value, rule: _Rule) -> float:
    number = _number(value, rule)
    if rule.factor is None:
        return float(number)
    if isinstance(number, float):
        if number != number or abs(number) > _LARGEST:
            return number
        # The shortest numeral of a double is what the device said.
        number = Decimal(repr(number))
    return float(number * rule.factor)


def _outside(value: float, rule: _Rule) -> str:
    if not -_LARGEST <= value <= _LARGEST:
        return "the value is not a finite number"
    return f"{value:g} is outside the plausible range {rule.low:g} to {rule.high:g}"

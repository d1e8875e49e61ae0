"""What a bill asks of the supply meter: its highest demand and its power factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from meterbook.domain.instant import HOUR, Instant
from meterbook.domain.interval import Consumption
from meterbook.domain.money import round_half_up
from meterbook.domain.tariff import Demand, FactorStep, PowerFactor

HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest mean power (kW, exact) of a wholly measured window, which begins at `start`.

    `larger_estimate` names the start of a window that was higher and does not count, being estimated.
    """

    kw: Fraction
    start: Instant
    larger_estimate: Instant | None = None


@dataclass(frozen=True, slots=True)
class Supply:
    """What is known of a tariff's supply meter in a month; None for what is not."""

    peak: Peak | None = None
    cos_phi: Decimal | None = None


def peak(windows: Sequence[Consumption]) -> Peak | None:
    """The highest demand of consecutive windows; the earliest of equals; None where no window is wholly measured."""
    powers = [(power(window), window) for window in windows if window.value is not None]
    measured = [(kw, -window.start) for kw, window in powers if window.shares.measured == 1]
    if not measured:
        return None
    kw, start = max(measured)
    larger = [window.start for other, window in powers if other > kw]
    return Peak(kw, -start, larger[0] if larger else None)


def power(window: Consumption) -> Fraction:
    """The mean power of a window in kW."""
    return Fraction(window.value or 0) * HOUR / (window.end - window.start)


def demand_charge(demand: Demand, kw: Fraction) -> Decimal:
    """Price x (min(kW, limit) + excess_multiplier x max(0, kW - limit)), rounded once."""
    if demand.approved_kw is None:
        return round_half_up(Fraction(demand.price_per_kw) * kw)
    limit = Fraction(demand.approved_kw) * Fraction(demand.excess_from)
    weighed = min(kw, limit) + Fraction(demand.excess_multiplier) * max(Fraction(0), kw - limit)
    return round_half_up(Fraction(demand.price_per_kw) * weighed)


def cos_phi(active: Decimal, reactive: Decimal) -> Decimal | None:
    """1 / sqrt(1 + (reactive / active)^2), rounded half up to 0.01; None without active energy.

    `reactive` is |Q in| + |Q out| in kvarh, `active` in kWh.
    """
    if active <= 0:
        return None
    with localcontext() as context:
        context.prec = 50
        tangent = reactive / active
        return round_half_up(1 / (1 + tangent * tangent).sqrt(), HUNDREDTH)


def adjustment(power_factor: PowerFactor, cos: Decimal) -> Decimal:
    """The per cent that a power factor puts on (negative: takes off) the energy and demand charges."""
    if cos >= power_factor.standard:
        return -_walked(power_factor.standard, cos, power_factor.table.better)
    return _walked(power_factor.standard, cos, power_factor.table.worse)


def _walked(start: Decimal, end: Decimal, steps: Sequence[FactorStep]) -> Decimal:
    """The per cents of all hundredths between `start` and `end`, in either direction."""
    up, total, at = end >= start, Decimal(0), start
    for step in steps:
        until = min(end, step.to) if up else max(end, step.to)
        if (until > at) if up else (until < at):
            total += abs(until - at) / HUNDREDTH * step.percent
            at = until
    return total

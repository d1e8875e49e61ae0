"""What a three-phase meter and a chiller show besides their main figure. Pure, element by element."""

from __future__ import annotations

import numpy as np

from meterbook.demo.noise import Instants, Values, drift
from meterbook.demo.story import Spans
from meterbook.domain.device import PointSpec
from meterbook.domain.instant import MINUTE

REACTIVE = 0.31
"""kvar for each kW: a power factor of 0.955."""
_FACTOR = 1.0 / float(np.hypot(1.0, REACTIVE))
_VOLTS = 230.0
_PHASES = {"l1": 0.345, "l2": 0.335, "l3": 0.32}
_NEUTRAL = 0.03

NORMAL, HOT, LIMIT = 7.0, 13.6, 12.0
"""Supply temperature of the chiller in degC: as it should be, as it becomes, and where its rule begins to look."""


def share_of(name: str) -> float:
    """The part of the load that a point named for a phase sees; 1 for all three together."""
    return next((share for phase, share in _PHASES.items() if phase in name.split("_")), 1.0)


def energy_scale(spec: PointSpec) -> float | None:
    """The proportion in which an energy register runs with the active energy imported; None for other quantities."""
    kinds = {"active_energy": 1.0, "reactive_energy": REACTIVE}
    if spec.quantity not in kinds:
        return None
    return 0.0 if "export" in spec.name.split("_") else kinds[spec.quantity] * share_of(spec.name)


def electric(spec: PointSpec, power: Values, at: Instants, seed: int) -> Values | None:
    """A gauge of a meter that carries `power` (kW, all phases); None for a quantity such meters do not have."""
    part = power * share_of(spec.name)
    volts = _VOLTS + 2.5 * drift(seed, "volts", at, 7 * MINUTE)
    amps = power / 3.0 / _FACTOR * 1000.0 / volts
    tokens = spec.name.split("_")
    match spec.quantity:
        case "active_power":
            return part
        case "reactive_power":
            return part * REACTIVE
        case "apparent_power":
            return part / _FACTOR
        case "voltage":
            between_lines = sum(phase in tokens for phase in _PHASES) > 1
            return volts * np.sqrt(3.0) if between_lines else volts
        case "current":
            return amps * (_NEUTRAL if "n" in tokens else 3.0 * share_of(spec.name))
        case "power_factor":
            return np.full(len(at), _FACTOR)
        case "frequency":
            return 50.0 + 0.02 * drift(seed, "grid", at, MINUTE)
    return None


def supply_temperature(hot: Spans, at: Instants, seed: int) -> Values:
    """The water the chiller delivers, in degC: it passes the limit at the very start of each hot span."""
    normal = NORMAL + 0.3 * drift(seed, "supply", at, 11 * MINUTE)
    return normal + sum((_lift(span.start, span.end, at) for span in hot), np.zeros(len(at)))


def chiller_temperature(spec: PointSpec, supply: Values) -> Values:
    """A chiller's water in degC, by the name of the place: what returns is warmer, the condenser is warmer still."""
    if "return" in spec.name.split("_"):
        return supply + 4.5
    return supply + 22.0 if "condenser" in spec.name.split("_") else supply


def _lift(start: int, end: int | None, at: Instants) -> Values:
    over = LIMIT - NORMAL
    rise = np.interp(at - start, [-6 * MINUTE, -1, 0, 4 * MINUTE], [0.0, over - 0.6, over + 0.6, HOT - NORMAL])
    return rise if end is None else rise * np.interp(at - end, [0, 5 * MINUTE], [1.0, 0.0])

"""The accounting view: registers, exchanges, formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterbook.domain.device import Device
from meterbook.domain.formula import linear, parse
from meterbook.domain.instant import Instant, from_datetime
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.text import Text
from meterbook.domain.timeline import BEGINNING, Timeline
from meterbook.site import models
from meterbook.site.draft import Draft
from meterbook.site.resolve.dates import entries
from meterbook.site.units import factor

_PULSE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(\S{1,12})")


def meters(draft: Draft, wired: Mapping[str, Device]) -> dict[str, Meter]:
    """The meters by id."""
    return {one.id: _meter(one, draft.zone, wired) for one in draft.meters.meters}


def _meter(one: models.meters.Meter, zone: ZoneInfo, wired: Mapping[str, Device]) -> Meter:
    manual = one.entry == "manual"
    device, _, point = (one.reads or "").rpartition(".")
    register = Register(one.register_max)
    return Meter(
        id=one.id,
        utility=one.utility,
        name=one.name or Text.same(one.id),
        reads=one.id if manual else one.reads,
        factors=linear(parse(one.formula)) if one.formula else {},
        formula=one.formula,
        parent=one.parent,
        space=one.space,
        register=register,
        multiplier=multiplier(one, zone),
        installations=tuple(_installations(one, register)),
        max_rate=one.max_rate,
        max_loss=one.max_loss,
        accuracy=one.accuracy,
        reactive=tuple(one.reactive),
        manual=manual,
        signed=one.signed,
        pulse=pulse(one.pulse, one.utility) if one.pulse else None,
        delta=bool(one.reads) and wired[device].specs[point].kind == "delta",
        period=wired[device].every if one.reads else 0,
    )


def multiplier(one: models.meters.Meter, zone: ZoneInfo) -> Timeline[Decimal]:
    """The CT and VT ratio over time, exchanges included; the first dated one also holds before its date.

    Raises ValueError where two hold from the same instant.
    """
    declared: list[tuple[Instant, Decimal]] = (
        entries(one.multiplier, zone) if one.multiplier else [(BEGINNING, Decimal(1))]
    )
    if all(start != BEGINNING for start, _ in declared):
        declared.append((BEGINNING, min(declared)[1]))
    exchanged = [
        (from_datetime(entry.at), entry.multiplier) for entry in one.installations if entry.multiplier is not None
    ]
    return Timeline.of([*declared, *exchanged])


def _installations(one: models.meters.Meter, register: Register) -> Iterator[Installation]:
    for entry in one.installations:
        register = Register(entry.register_max) if entry.register_max is not None else register
        yield Installation(from_datetime(entry.at), entry.old_final, entry.new_initial, register, entry.by, entry.note)


def pulse(text: str, utility: str) -> Decimal:
    """What one pulse means in the utility's canonical unit; raises ValueError (NoFactor for the unit)."""
    found = _PULSE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no amount")
    quantity = UTILITIES[utility][0]
    return Decimal(found[1]) * factor(quantity, found[2] or UNITS[quantity])

"""Whether a correction can be entered; what cannot is refused with the field that is wrong and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from meterbook.accounting.consumption import quantum
from meterbook.accounting.corrected import as_declared, estimates, overlap
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.correction import Correction, Estimate, Exchange, What
from meterbook.domain.instant import Instant, iso
from meterbook.domain.meter import Meter, Register
from meterbook.domain.reading import clock_fault


class Refused(ValueError):
    """A correction that cannot be entered; `field` is the part of it that is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def check(meter: Meter, entries: Sequence[Correction], what: What, calendar: Calendar, now: Instant) -> None:
    """Raise Refused where `what` cannot be entered for a meter beside the `entries` there are for it."""
    if not meter.physical:
        wanted = ", ".join(sorted(meter.factors))
        raise Refused("meter", f"{meter.id} is a formula and has no readings of its own; correct one of {wanted}")
    if isinstance(what, Exchange):
        _check_exchange(as_declared(meter, entries), what, calendar, now)
        return
    if what.end <= what.start:
        raise Refused("to", f"{_shown(what.end, calendar)} is not after {_shown(what.start, calendar)}")
    _check_clock("from", what.start, now)
    if isinstance(what, Estimate):
        _check_clock("to", what.end, now)
        _on_grid("from", what.start, calendar)
        _on_grid("to", what.end, calendar)
        _check_quantity(as_declared(meter, entries), what.quantity)
        _covers(what, entries, calendar)


def register_before(meter: Meter, entries: Sequence[Correction], at: Instant) -> Register:
    """The register of the physical meter that was in service just before `at`."""
    earlier = [one.register for one in as_declared(meter, entries).installations if one.at < at]
    return earlier[-1] if earlier else meter.register


def _check_exchange(meter: Meter, exchange: Exchange, calendar: Calendar, now: Instant) -> None:
    new = exchange.installation
    if meter.delta:
        raise Refused("meter", f"{meter.id} says what was used since its reading before: it has no register")
    _check_clock("at", new.at, now)
    if any(one.at == new.at for one in meter.installations):
        raise Refused("at", f"{meter.id} has an exchange at {_shown(new.at, calendar)} already")
    if exchange.multiplier is not None:
        _positive("multiplier", exchange.multiplier)
        if new.at in meter.multiplier.starts:
            raise Refused("multiplier", f"{meter.id} has another multiplier from {_shown(new.at, calendar)} on already")
    if new.register.maximum is not None:
        _positive("register_max", new.register.maximum)
    _on_register("old_final", new.old_final, register_before(meter, (), new.at))
    _on_register("new_initial", new.new_initial, new.register)


def _on_register(field: str, figure: Decimal, register: Register) -> None:
    if figure < 0:
        raise Refused(field, f"{figure} is no figure of a register; expected 0 or more")
    if register.maximum is not None and figure > register.maximum:
        raise Refused(field, f"{figure} is beyond the register; expected at most {register.maximum}")


def _positive(field: str, value: Decimal) -> None:
    if value <= 0:
        raise Refused(field, f"{value} is not above 0")


def _check_clock(field: str, at: Instant, now: Instant) -> None:
    fault = clock_fault(at, now)
    if fault is not None:
        raise Refused(field, fault)


def _on_grid(field: str, at: Instant, calendar: Calendar) -> None:
    start, end = calendar.day(calendar.day_of(at))
    below = at - (at - start) % GRID
    if below != at:
        low, high = _shown(below, calendar), _shown(min(below + GRID, end), calendar)
        raise Refused(field, f"{_shown(at, calendar)} is not on the 15-minute grid; expected {low} or {high}")


def _check_quantity(meter: Meter, quantity: Decimal) -> None:
    if quantity < 0 and not meter.signed:
        raise Refused("quantity", f"{quantity} is negative, and {meter.id} never runs backwards; expected 0 or more")
    if quantity % quantum(meter):
        raise Refused(
            "quantity", f"{quantity} is finer than {meter.id} counts; expected a multiple of {quantum(meter)}"
        )


def _covers(estimate: Estimate, entries: Sequence[Correction], calendar: Calendar) -> None:
    """Refuse what overlaps others in part: nobody knows how much of their quantities lies in the rest."""
    for other in estimates(entries):
        if overlap(estimate, other) and not (estimate.start <= other.start and other.end <= estimate.end):
            span = f"{_shown(other.start, calendar)} to {_shown(other.end, calendar)}"
            raise Refused("from", f"overlaps a part of the estimate for {span}; cover it whole, or undo it first")


def _shown(at: Instant, calendar: Calendar) -> str:
    return iso(at, calendar.zone)

"""Meters: the accounting view. A meter counts one utility at one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from meterbook.domain.instant import Instant
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

DEFAULT_DIGIT = Decimal("0.001")
"""The least digit of a register whose `register_max` is not declared."""


@dataclass(frozen=True, slots=True)
class Register:
    """What a counting mechanism can show: its highest figure, after which it starts again at zero.

    The decimals of `maximum` as written are the register's least digit; without one the least digit is 0.001.
    """

    maximum: Decimal | None = None

    @property
    def digit(self) -> Decimal:
        """The least digit, in the canonical unit before the multiplier."""
        if self.maximum is None:
            return DEFAULT_DIGIT
        return Decimal((0, (1,), int(self.maximum.as_tuple().exponent)))

    @property
    def span(self) -> int | None:
        """Digits from zero to zero: (maximum + one digit) / digit; None without a maximum."""
        return None if self.maximum is None else int(self.maximum / self.digit) + 1


@dataclass(frozen=True, slots=True)
class Installation:
    """An exchange (or reset) at the instant `at`: readings from then on belong to the new meter.

    `old_final` and `new_initial` are register figures and count as measured readings at `at`; `register` holds from
    then on, and so does the multiplier, which stands in the meter's timeline.
    """

    at: Instant
    old_final: Decimal
    new_initial: Decimal
    register: Register
    by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """Consumption of one utility at one place: a register (`reads`, a point id) or a formula.

    `multiplier` gives the CT/VT ratio over time, exchanges included; `max_rate` bounds the rise per hour after the
    multiplier, in the canonical unit; `max_loss` is the share of its consumption by which its children may differ
    from it. `factors` of a formula meter name the meters that make it up.
    """

    id: str
    utility: str
    name: Text
    reads: str | None = None
    factors: dict[str, Fraction] = field(default_factory=dict)
    formula: str | None = None
    parent: str | None = None
    space: str | None = None
    register: Register = Register()
    multiplier: Timeline[Decimal] = field(default_factory=lambda: Timeline.always(Decimal(1)))
    installations: tuple[Installation, ...] = ()
    max_rate: Decimal | None = None
    max_loss: Decimal | None = None
    accuracy: Decimal | None = None
    reactive: tuple[str, ...] = ()
    manual: bool = False
    signed: bool = False
    delta: bool = False
    """Whether its readings say what was used since the reading before, instead of a register figure."""
    pulse: Decimal | None = None
    period: Instant = 0
    """How often its register is read, in microseconds; 0 for a meter read by hand."""

    @property
    def physical(self) -> bool:
        """Whether it has a register of its own."""
        return self.formula is None

"""Profiles: what a device model offers, register by register. A device is a file (config/profiles/)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from meterbook.domain.instant import Instant
from meterbook.domain.text import Text

if TYPE_CHECKING:
    from meterbook.domain.device import PointSpec

Table = Literal["holding", "input", "coil", "discrete"]
"""The four tables of Modbus; they are read with function codes 3, 4, 1 and 2, the only ones ever sent."""

RegisterType = Literal[
    "int8_high", "int8_low", "uint8_high", "uint8_low",
    "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "bcd16", "bcd32", "bit",
]  # fmt: skip
"""How the words of a value are to be read. `_high` and `_low` are the two halves of one word; `bcd` has four binary
coded decimal digits to the word; `bit` is a coil or a discrete input."""

WIDTHS: dict[RegisterType, int] = {
    "int8_high": 1,
    "int8_low": 1,
    "uint8_high": 1,
    "uint8_low": 1,
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "int64": 4,
    "uint64": 4,
    "float16": 1,
    "float32": 2,
    "float64": 4,
    "bcd16": 1,
    "bcd32": 2,
    "bit": 1,
}
"""Words (or bits) that a value of each type occupies."""

Order = Literal["big", "little"]

Confidence = Literal["low", "medium", "high"]
"""How sure the facts of a profile are. high: two independent sources, or the maker's own words, agree. medium: one
source that is used on real devices. low: nobody vouches for it, probe the device before its figures are used."""


class Span(NamedTuple):
    """Words (or bits) that stand together: `width` of them from the 0-based `address` of `table` on."""

    table: Table
    address: int
    width: int


@dataclass(frozen=True, slots=True)
class Rescale:
    """A register beside a value that says how it is scaled; it stands in the value's own table.

    `exponent`: an int16, the value is multiplied by ten to its power (-10 to 10), as SunSpec does. `divisor`: a uint16
    above zero that the value is divided by.
    """

    address: int
    by: Literal["exponent", "divisor"]


@dataclass(frozen=True, slots=True)
class State:
    """One entry of an enumeration: the raw number, the number delivered for it, and what the device means by it."""

    raw: int
    value: int
    name: str


@dataclass(frozen=True, slots=True)
class Register:
    """One value on the wire: 0-based `address` in `table`; delivered value = raw x scale + offset.

    `sentinels` are raw values, or the bits that stand for them, that mean "not available". `bits` (lowest, highest)
    takes some bits of an unsigned register. `states`, where given, are all there are: a raw number that is not among
    them is not available. `rescale` names a register that multiplies or divides the raw value before `scale`. Its own
    `word_order` and `byte_order` go before those of the profile.
    """

    spec: PointSpec
    table: Table
    address: int
    type: RegisterType
    printed: str | None = None
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    sentinels: tuple[int, ...] = ()
    word_order: Order | None = None
    byte_order: Order | None = None
    bits: tuple[int, int] | None = None
    states: tuple[State, ...] = ()
    rescale: Rescale | None = None

    @property
    def point(self) -> str:
        """The point this register gives."""
        return self.spec.name

    @property
    def width(self) -> int:
        """Words (or bits) it occupies."""
        return WIDTHS[self.type]

    @property
    def spans(self) -> tuple[Span, ...]:
        """All that has to be read for its value: its own words, then the word that scales it."""
        own = Span(self.table, self.address, self.width)
        return (own,) if self.rescale is None else (own, Span(self.table, self.rescale.address, 1))


@dataclass(frozen=True, slots=True)
class Label:
    """A text by which a device says who it is, such as its serial number: `width` words, two characters each.

    It identifies a device to people; it is never a reading.
    """

    name: str
    table: Table
    address: int
    width: int
    byte_order: Order | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """Registers as they stood on a real device, and the delivered value they mean (None: not available).

    `rescale` is the word of the register that scales it, where it has one.
    """

    point: str
    words: tuple[int, ...]
    value: Decimal | None
    rescale: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A device model. `max_registers` bounds what one read may span; `pause` is the silence it wants after an answer.

    `sunspec` is the number of the SunSpec model the registers belong to: their addresses then count from the model's
    first word, which is found on the device itself. `notes` are cautions for whoever uses the profile.
    """

    id: str
    name: Text
    registers: tuple[Register, ...]
    examples: tuple[Example, ...]
    word_order: Order = "big"
    byte_order: Order = "big"
    max_registers: int = 125
    pause: Instant = 0
    sources: tuple[str, ...] = ()
    confidence: Confidence = "low"
    notes: tuple[Text, ...] = ()
    labels: tuple[Label, ...] = ()
    sunspec: int | None = None

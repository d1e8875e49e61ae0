"""What words may mean when nobody says: every type and order that gives a plausible number. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from collectors.modbus.decode import decode
from collectors.modbus.line import BITS
from collectors.modbus.probe import EXPECTED, Verdict, Words, steady
from meterbook.domain.device import PointSpec
from meterbook.domain.profile import WIDTHS, Order, Register, RegisterType, Table
from meterbook.i18n import mark

INTEGERS: tuple[RegisterType, ...] = ("uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS: tuple[RegisterType, ...] = ("float32", "float64")
SCALES = tuple(map(Decimal, ("1", "0.1", "0.01", "0.001")))
"""What makers multiply integers by, most often."""
ORDERS: tuple[Order, ...] = ("big", "little")

SMALLEST, LARGEST = Decimal("0.001"), Decimal(10) ** 9
"""Beyond these a number other than 0 is rather the wrong reading of another."""

_ABSENT = {0xFFFF, 0x8000, 0x7FFF}
_TELLING = {"voltage": mark("looks like a voltage"), "frequency": mark("looks like a frequency")}
_SPEC = PointSpec("guess", "state", "state", "none")


@dataclass(frozen=True, slots=True)
class Guess:
    """One way to read the words at an address: the value is the raw number times `scale`.

    `telling` says that it looks like a quantity that nothing else looks like; `stable`, that both readings agree.
    """

    address: int
    words: tuple[int, ...]
    type: RegisterType
    word_order: Order
    byte_order: Order
    scale: Decimal
    value: Decimal
    stable: bool
    telling: bool
    verdict: Verdict


def guesses(table: Table, first: Words, second: Words) -> Iterator[Guess]:
    """All plausible ways to read what was read twice, by address; the most telling first."""
    for where, address in sorted(second):
        if where == table:
            found = list(_at(table, address, first, second))
            yield from sorted(found, key=_rank)


def _rank(guess: Guess) -> tuple[bool, ...]:
    """What tells most comes first: a float between narrow bounds is no accident, a scaled integer may be one."""
    return (
        not guess.telling,
        guess.type not in FLOATS,
        guess.byte_order == "little",
        guess.word_order == "little",
        not guess.stable,
    )


def _at(table: Table, address: int, first: Words, second: Words) -> Iterator[Guess]:
    types: Sequence[RegisterType] = ("bit",) if table in BITS else (*INTEGERS, *FLOATS)
    for type_ in types:
        places = [(table, address + place) for place in range(WIDTHS[type_])]
        if not all(place in first and place in second for place in places):
            continue
        words = tuple(second[place] for place in places)
        register = Register(_SPEC, table, address, type_)
        for word_order, byte_order in _orders(type_, words):
            before = decode(register, [first[place] for place in places], word_order, byte_order)
            value = decode(register, words, word_order, byte_order)
            if before is None or value is None:
                continue
            guess = _judged(register, words, (word_order, byte_order), _exact(before), _exact(value))
            if guess is not None:
                yield guess


def _orders(type_: RegisterType, words: Sequence[int]) -> Iterator[tuple[Order, Order]]:
    """The orders that make a difference to these words."""
    seen = set()
    for byte_order in ORDERS if type_ != "bit" else ORDERS[:1]:
        for word_order in ORDERS if len(words) > 1 else ORDERS[:1]:
            ordered = words if word_order == "big" else words[::-1]
            octets = b"".join(word.to_bytes(2, byte_order) for word in ordered)
            if octets not in seen:
                seen.add(octets)
                yield word_order, byte_order


def _judged(
    register: Register, words: tuple[int, ...], orders: tuple[Order, Order], before: Decimal, value: Decimal
) -> Guess | None:
    """A guess with its verdict; None where nobody would believe it."""
    if register.type.startswith("int") and value >= 0:
        return None  # the unsigned reading says the same
    quantity, scale = _looks_like(register.type, value)
    stable = steady(before, value)
    if quantity is None and not _believable(register.type, orders, value):
        return None
    if quantity is not None:
        verdict = _TELLING[quantity]
    elif set(words) <= _ABSENT:
        verdict = mark("often means: not available")
    else:
        verdict = mark("zero") if value == 0 else mark("a number")
    telling = quantity is not None
    return Guess(
        register.address, words, register.type, *orders, scale, value * scale, stable, telling, Verdict(verdict)
    )


def _looks_like(type_: RegisterType, value: Decimal) -> tuple[str | None, Decimal]:
    # Thousandths of 45 to 65 Hz are a third of all words: they tell something in wider integers only.
    scales = SCALES[:1] if type_ in FLOATS or type_ == "bit" else SCALES[: 2 + WIDTHS[type_]]
    for quantity in _TELLING:
        for scale in scales:
            if any(low <= value * scale <= high for low, high in EXPECTED[quantity]):
                return quantity, scale
    return None, Decimal(1)


def _believable(type_: RegisterType, orders: tuple[Order, Order], value: Decimal) -> bool:
    """Whether a reading that looks like nothing in particular is worth a line."""
    if type_ in ("bit", "uint16"):
        return orders[1] == "big"
    if value == 0:
        return False  # its words say so already
    if type_ in FLOATS:
        return SMALLEST <= abs(value) <= LARGEST
    # Any words make an integer, and bytes are swapped in few devices.
    return orders[1] == "big" and abs(value) <= LARGEST


def _exact(value: Decimal | float) -> Decimal:
    """The shortest decimal that names a float; an integer as it is."""
    return Decimal(str(value))

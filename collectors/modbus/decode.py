"""Words become values, by what the profile declares. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from meterbook.domain.profile import Order, Register, RegisterType, Rescale

_FORMATS: dict[RegisterType, str] = {
    "int8_high": ">b",
    "int8_low": ">b",
    "uint8_high": ">B",
    "uint8_low": ">B",
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float16": ">e",
    "float32": ">f",
    "float64": ">d",
}
_HALVES: dict[RegisterType, slice] = {
    "int8_high": slice(0, 1),
    "uint8_high": slice(0, 1),
    "int8_low": slice(1, 2),
    "uint8_low": slice(1, 2),
}

LARGEST_EXPONENT = 10
"""A register that scales by a power of ten and says more than this, or less than its negative, says nothing."""

_EXACT = Context(prec=40)
"""More than an integer of 64 bits with twenty digits of scale needs, and as many as a numeral may have."""
_ONE = Decimal(1)


class _Raw(NamedTuple):
    """What the words say before anything is made of it: the number, and the bits that stand for it."""

    number: int | float
    pattern: int


def decode(
    register: Register, words: Sequence[int], word_order: Order, byte_order: Order, rescale: int | None = None
) -> Decimal | float | None:
    """The delivered value of a register from its words as they came: raw x scale + offset.

    `word_order` and `byte_order` are the profile's; `rescale` is the word of the register that scales this one, where
    it has such. Integers and scaled values are exact Decimals (to 40 digits); a float without scale is the double it
    names. None means not available: a sentinel, NaN, an infinity, digits that are none, a state that is not listed, a
    scale that cannot be, or fewer words than the type occupies.
    """
    if len(words) < register.width:
        return None
    raw = _raw(register, words[: register.width], register.word_order or word_order, register.byte_order or byte_order)
    if raw is None or _absent(register, raw):
        return None
    if register.states:
        return next((Decimal(state.value) for state in register.states if state.raw == raw.number), None)
    return _scaled(register, raw.number, rescale)


def text(words: Sequence[int], byte_order: Order = "big") -> str | None:
    """What a label says, two characters to the word, up to the first NUL; None where it is no printable text."""
    octets = b"".join(word.to_bytes(2, byte_order) for word in words)
    try:
        found = octets.partition(b"\0")[0].decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return found if found and found.isprintable() else None


def _absent(register: Register, raw: _Raw) -> bool:
    """Whether a device says so that it has no value.

    A sentinel may be written as the value or, for signed registers and floats, as the bits that stand for it; where
    only some bits of a register count, a sentinel is the register as a whole.
    """
    if raw.pattern in register.sentinels or not math.isfinite(raw.number):
        return True
    return register.bits is None and raw.number in register.sentinels


def _raw(register: Register, words: Sequence[int], word_order: Order, byte_order: Order) -> _Raw | None:
    if register.type == "bit":
        bit = words[0] & 1
        return _Raw(bit, bit)
    octets = _octets(words, word_order, byte_order)
    if register.type in _HALVES:
        octets = octets[_HALVES[register.type]]
    pattern = int.from_bytes(octets, "big")
    if register.type in ("bcd16", "bcd32"):
        digits = octets.hex()
        return _Raw(int(digits), pattern) if digits.isdecimal() else None
    (number,) = struct.unpack(_FORMATS[register.type], octets)
    if register.bits is not None:
        lowest, highest = register.bits
        number = number >> lowest & (1 << highest - lowest + 1) - 1
    return _Raw(number, pattern)


def _octets(words: Sequence[int], word_order: Order, byte_order: Order) -> bytes:
    """The bytes of a value, most significant first."""
    ordered = words if word_order == "big" else reversed(words)
    return b"".join(word.to_bytes(2, byte_order) for word in ordered)


def _scaled(register: Register, number: int | float, rescale: int | None) -> Decimal | float | None:
    if register.rescale is None:
        if isinstance(number, float) and register.scale == _ONE and register.offset == 0:
            return number
        return _EXACT.fma(Decimal(number), register.scale, register.offset)
    if rescale is None:
        return None
    rescaled = _rescaled(Decimal(number), register.rescale, rescale)
    return None if rescaled is None else _EXACT.fma(rescaled, register.scale, register.offset)


def _rescaled(number: Decimal, by: Rescale, word: int) -> Decimal | None:
    """The raw number after its scale register; None where that register is broken."""
    if by.by == "divisor":
        return None if word in (0, 0xFFFF) else _EXACT.divide(number, Decimal(word))
    exponent = word - 0x10000 if word & 0x8000 else word
    return _EXACT.scaleb(number, exponent) if abs(exponent) <= LARGEST_EXPONENT else None

"""A device's state as Modbus registers: the inverse of reading a profile. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal

from meterbook.domain.device import PointSpec
from meterbook.domain.profile import Profile, Register, RegisterType

_PACKED: dict[RegisterType, str] = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
    "bit": "H",
}


class Unfit(ValueError):
    """A value that its register cannot hold."""


def delivered(spec: PointSpec, canonical: float) -> float:
    """A canonical value in the unit the device speaks."""
    return float(Decimal(repr(canonical)) / spec.factor)


def words(register: Register, canonical: float, profile: Profile) -> tuple[int, ...]:
    """The 16-bit words in which a device of this profile shows a canonical value; raises Unfit."""
    raw = (Decimal(repr(canonical)) / register.spec.factor - register.offset) / register.scale
    whole = register.type not in ("float32", "float64")
    try:
        packed = struct.pack(f">{_PACKED[register.type]}", round(raw) if whole else float(raw))
    except (struct.error, OverflowError) as error:
        raise Unfit(f"{canonical:g} does not fit the {register.type} of {register.point}") from error
    found = [word for (word,) in struct.iter_unpack("<H" if profile.byte_order == "little" else ">H", packed)]
    return tuple(reversed(found)) if profile.word_order == "little" else tuple(found)


def block(
    profile: Profile, function: int, address: int, count: int, value_of: Callable[[Register], float]
) -> list[int] | None:
    """The words at `address` and after of the holding (3) or input (4) registers; None where the device has none.

    Holes between its registers read as 0, as on most devices; `value_of` gives canonical values.
    """
    registers = [one for one in profile.registers if one.table == ("holding" if function == 3 else "input")]
    end = address + count
    if not registers or address < min(one.address for one in registers):
        return None
    if end > max(one.address + one.width for one in registers):
        return None
    found = [0] * count
    for register in registers:
        if address <= register.address and register.address + register.width <= end:
            place = register.address - address
            found[place : place + register.width] = words(register, value_of(register), profile)
    return found

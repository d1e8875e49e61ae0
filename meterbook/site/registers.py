"""What can be wrong with the registers of a profile, beyond what each of their fields says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meterbook.domain.profile import WIDTHS, Table
from meterbook.site.models.profile import ProfileFile, RegisterEntry
from meterbook.site.problem import Problem

_HEX = re.compile(r"0[xX]([0-9A-Fa-f]{1,4})|([0-9A-Fa-f]{1,4})[hH]")
_DECIMAL = re.compile(r"[0-9]{1,6}")
_DIGITS: dict[Table, int] = {"coil": 0, "discrete": 1, "input": 3, "holding": 4}
"""The digit that stands before the register number in the five- and six-digit notation."""
_ADDRESSES = 0x10000


def wrong_registers(profile: ProfileFile) -> Iterator[Problem]:
    """Every mistake in the registers and labels of a profile."""
    for register in profile.registers:
        yield from _wrong_type(register)
        yield from _wrong_states(register)
        yield from _wrong_scale(register)
        if profile.sunspec is None:
            yield from _wrong_print(register)
    for label in profile.labels:
        if label.table not in ("holding", "input"):
            yield label.where("table").problem(f"{label.table} holds no text", "holding or input")


def printed_addresses(printed: str, table: Table) -> frozenset[int] | None:
    """The 0-based addresses a maker's notation may mean; None where it is not a notation that is known here.

    Hex (0x0048, 101EH) is taken to count from 0. A number may count from 0 or from 1, or begin with the digit of its
    table (40001 and 400001 are the first holding register).
    """
    found = _HEX.fullmatch(printed)
    if found is not None:
        return frozenset({int(found[1] or found[2], 16)})
    if not _DECIMAL.fullmatch(printed):
        return None
    number = int(printed)
    meant = {number, number - 1}
    if len(printed) >= 5:
        meant.add(number - _DIGITS[table] * 10 ** (len(printed) - 1) - 1)
    return frozenset(address for address in meant if 0 <= address < _ADDRESSES)


def _wrong_type(register: RegisterEntry) -> Iterator[Problem]:
    where = register.where("type")
    if (register.type == "bit") != (register.table in ("coil", "discrete")):
        yield where.problem(f"{register.type} does not go with {register.table}", "bit in coil and discrete")
    if register.address + WIDTHS[register.type] > _ADDRESSES:
        yield where.problem(f"{register.type} at {register.address} ends beyond 65535", "a smaller address")
    if register.bits is None:
        return
    width = 8 if register.type.startswith("uint8") else 16 * WIDTHS[register.type]
    if not register.type.startswith("uint"):
        yield register.where("bits").problem(f"{register.type} has no bits of its own", "a type such as uint16")
    elif register.bits[1] >= width:
        yield register.where("bits").problem(f"{register.type} has no bit {register.bits[1]}", f"0 to {width - 1}")


def _wrong_states(register: RegisterEntry) -> Iterator[Problem]:
    if register.enum is None:
        return
    where = register.where("enum")
    if register.kind != "state" or register.type.startswith("float"):
        yield where.problem(f"{register.kind} of {register.type} has no states", "kind: state, and whole numbers")
    if register.wrote("scale") or register.wrote("offset"):
        yield where.problem("states are not scaled", "an enum without scale and offset")
    raws = [raw for raw, _ in register.enum]
    if len(set(raws)) < len(raws):
        yield where.problem("names a raw number twice", "each raw number once")


def _wrong_scale(register: RegisterEntry) -> Iterator[Problem]:
    if register.scale_register is not None and register.divisor_register is not None:
        yield register.where("divisor_register").problem("stands beside a scale_register", "one of the two")
    for key in ("scale_register", "divisor_register"):
        if getattr(register, key) is not None and (register.type == "bit" or register.enum):
            yield register.where(key).problem("scales what is no quantity", "no scale for bits and states")


def _wrong_print(register: RegisterEntry) -> Iterator[Problem]:
    if register.printed is None:
        return
    meant = printed_addresses(register.printed, register.table)
    if meant is not None and register.address not in meant:
        first = f"{_DIGITS[register.table]}{register.address + 1:04d}"
        expected = f"{first}, 0x{register.address:04X}, {register.address} or {register.address + 1}"
        found = f"{register.printed} is not how {register.table} {register.address} is printed"
        yield register.where("printed").problem(found, expected)

"""Profiles (config/profiles): what a device model offers, register by register."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from meterbook.domain.profile import Confidence, Order, RegisterType, Table
from meterbook.site.models.entry import Entry
from meterbook.site.models.point import Measured
from meterbook.site.models.values import Duration, Id, Line, Number, PointName, Whole, Words, refuse, shown

_CODE = re.compile(r"0[xX][0-9A-Fa-f]{1,16}|[+-]?[0-9]{1,20}")
_WORD = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{1,4}")
_BITS = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?")


def _hex_words(value: object) -> tuple[int, ...]:
    words = value.split() if isinstance(value, str) else []
    if not words or not all(_WORD.fullmatch(word) for word in words):
        raise refuse(f"{shown(value)} is no row of registers", 'words in hex, such as "4366 8000"')
    return tuple(int(word, 16) for word in words)


def _code(value: object) -> int:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise refuse(f"{shown(value)} is no register value", "a whole number such as 65535, or hex such as 0xFFFF")
    return int(value, 16 if value[:2] in ("0x", "0X") else 10)


def _bits(value: object) -> tuple[int, int]:
    found = _BITS.fullmatch(value) if isinstance(value, str) else None
    lowest, highest = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not lowest <= highest <= 63:
        raise refuse(f"{shown(value)} names no bits", "one bit such as 3, or some such as 4-7, the lowest is 0")
    return lowest, highest


def _line(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refuse(f"{shown(value)} is no state", "the number to deliver for it, or its name")
    return value.strip()


def _states(value: object) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, dict) or not value:
        raise refuse(f"{shown(value)} is no list of states", "raw numbers and what they mean: {0: stopped, 1: running}")
    return tuple((_code(raw), _line(meaning)) for raw, meaning in value.items())


HexWords = Annotated[tuple[int, ...], PlainValidator(_hex_words), WithJsonSchema({"type": "string"})]
"""Registers as they stood on the wire, each four hex digits."""
Code = Annotated[int, BeforeValidator(_code), WithJsonSchema({"type": ["integer", "string"]})]
"""A whole number as registers hold it, decimal or hex."""
Bits = Annotated[tuple[int, int], PlainValidator(_bits), WithJsonSchema({"type": ["integer", "string"]})]
"""The lowest and the highest of some bits."""
States = Annotated[
    tuple[tuple[int, str], ...], PlainValidator(_states), WithJsonSchema({"type": "object", "minProperties": 1})
]
"""Raw numbers, and for each the number that is delivered for it or its name."""


class RegisterEntry(Measured):
    """One value on the wire: delivered value = raw x scale + offset."""

    point: PointName = Field(description="the point it gives")
    table: Table = Field(description="holding, input, coil or discrete")
    address: Code = Field(ge=0, le=65535, description="0-based address on the wire, decimal or hex")
    printed: Line | None = Field(None, description="the address as the maker prints it, such as 30001 or 0x0048")
    type: RegisterType = Field(description="how the words are to be read, such as float32")
    word_order: Order | None = Field(None, description="where it differs from the profile's")
    byte_order: Order | None = Field(None, description="where it differs from the profile's")
    bits: Bits | None = Field(None, description="the bits that count, such as 3 or 4-7; the lowest is 0")
    enum: States | None = Field(None, description="all states there are: raw number to number or name")
    scale: Number = Field(Decimal(1), description="factor on the raw value")
    offset: Number = Field(Decimal(0), description="added after the factor")
    scale_register: Code | None = Field(
        None, ge=0, le=65535, description="address of an int16 of the same table: the power of ten the value is times"
    )
    divisor_register: Code | None = Field(
        None, ge=0, le=65535, description="address of a uint16 of the same table that the value is divided by"
    )
    sentinels: list[Code] = Field([], description="raw values that mean not available, such as 0x8000")


class LabelEntry(Entry):
    """A text by which a device says who it is, two characters to the word."""

    name: PointName = Field(description="what it says, such as serial_number")
    table: Table = Field(description="holding or input")
    address: Code = Field(ge=0, le=65535, description="0-based address on the wire, decimal or hex")
    words: Whole = Field(ge=1, le=125, description="how many words it is long")
    byte_order: Order | None = Field(None, description="where it differs from the profile's")


class ExampleEntry(Entry):
    """Registers as they stood on a device, and what they mean."""

    point: PointName = Field(description="one of the profile's points")
    words: HexWords = Field(description='its registers in hex, such as "4366 8000"')
    scale_words: HexWords | None = Field(None, description='the register that scales it, in hex, such as "FFFE"')
    value: Number | None = Field(description="the delivered value, before its unit is converted; null: not available")


class ProfileFile(Entry):
    """A profile. Its id is the file's name."""

    id: Id = Field(description="the profile's id: the file's name")
    name: Words = Field(description="maker and model")
    sources: list[Line] = Field(min_length=1, description="where the registers were looked up")
    confidence: Confidence = Field("low", description="high: sources agree; medium: one that is in use; low: unproven")
    notes: list[Words] = Field([], description="what to know before its figures are used")
    word_order: Order = Field("big", description="big: the most significant word comes first")
    byte_order: Order = Field("big", description="big: the most significant byte of a word comes first")
    max_registers: Whole = Field(125, ge=1, le=125, description="the most registers one read may span")
    pause: Duration = Field(0, description="silence the device wants between an answer and the next request, as 20ms")
    sunspec: Whole | None = Field(
        None,
        ge=1,
        le=65535,
        description="number of a SunSpec model: addresses count from the model's first word",
    )
    registers: list[RegisterEntry] = Field(min_length=1, description="the values it offers")
    labels: list[LabelEntry] = Field([], description="texts by which a device says who it is")
    examples: list[ExampleEntry] = Field(min_length=1, description="registers and what they mean; a test decodes them")

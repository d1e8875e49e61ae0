"""Values that other readers of Modbus agree on: 85 rows of words, and frames as a maker prints them.

The rows are facts from outside and stand beside the project (shared/data/modbus), where they are read in place.
"""

from __future__ import annotations

import csv
import math
import re
import struct
from decimal import Decimal
from pathlib import Path

import pytest
from peers.small import register

from collectors.modbus.decode import decode, text
from meterbook.demo.frames import crc

FACTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "modbus"

TYPES = {
    "INT8L": "int8_low",
    "INT8H": "int8_high",
    "UINT8L": "uint8_low",
    "UINT8H": "uint8_high",
    "FLOAT16-IEEE": "float16",
    "FLOAT32-IEEE": "float32",
    "FLOAT64-IEEE": "float64",
    "FIXED": "int",
    "UFIXED": "uint",
    "BIT": "uint16",
    "": "bit",
}
"""Our types by the words of the table; a coil has none, and a fixed point number is as long as its words."""

LITTLE_WORDS = {"DCBA", "CDAB", "HGFEDCBA", "GHEFCDAB"}
LITTLE_BYTES = {"BA", "DCBA", "BADC", "HGFEDCBA", "BADCFEHG"}
NUMERAL = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
ROUNDED = 2**53
"""The table's source hands integers beyond this over as doubles; ours are exact, and equal once they are rounded."""


def rows(name: str) -> list[dict[str, str]]:
    file = FACTS / name
    if not file.is_file():
        pytest.skip(f"{name} is not here: the facts from outside stand in shared/data/modbus beside the project")
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def orders(row: dict[str, str]) -> tuple[str, str]:
    order = row["byte_order"]
    return "little" if order in LITTLE_WORDS else "big", "little" if order in LITTLE_BYTES else "big"


def decoded(row: dict[str, str]) -> Decimal | float | str | None:
    octets = bytes.fromhex(row["bytes_hex"])
    words = [int(word, 16) for word in row["words_hex"].split()] or list(octets)
    word_order, byte_order = orders(row)
    if row["data_type"] == "STRING":
        return text(words, byte_order)  # type: ignore[arg-type]
    type_ = TYPES.get(row["data_type"], row["data_type"].lower())
    if type_ in ("int", "uint"):
        type_ += str(8 * len(octets))
    more: dict[str, object] = {"scale": Decimal(row["scale"]), "offset": Decimal(row["offset"])}
    if row["data_type"] == "BIT":
        bit = int(row["name"].rpartition("bit")[2])
        more["bits"] = (bit, bit)
    return decode(register("x", 0, type_, **more), words, word_order, byte_order)  # type: ignore[arg-type]


def agrees(found: Decimal | float | str | None, row: dict[str, str]) -> bool:
    """Whether a value is the expected one: exactly, or as exactly as the table writes it down."""
    expected = row["expected"]
    if found is None or isinstance(found, str):
        return found == expected.strip('"')
    if expected in ("false", "true"):
        return found == (expected == "true")
    number, kind = _number(expected)
    if kind == "float32":
        return struct.pack(">f", found) == struct.pack(">f", number)
    if kind == "float64":
        return math.isclose(found, number, rel_tol=1e-15)
    if "FLOAT" in row["data_type"]:
        places = 5 if "dp" in expected else 3
        return math.isclose(found, number, rel_tol=0, abs_tol=10.0**-places)
    return float(found) == float(number) if number > ROUNDED else found == number


def _number(expected: str) -> tuple[Decimal, str]:
    """The number in `float32(-1.5)`, `1.23457 (5 dp)` or `258`, and its kind where one is given."""
    kind, _, rest = expected.rpartition("(") if expected.endswith(")") and " " not in expected else ("", "", expected)
    numeral = NUMERAL.match(rest)
    assert numeral is not None, expected
    return Decimal(numeral[0]), kind


def test_all_vectors_decode() -> None:
    table = rows("test_vectors.csv")
    wrong = [(row["name"], decoded(row), row["expected"]) for row in table if not agrees(decoded(row), row)]
    assert wrong == []
    assert len(table) == 85


def test_frames_as_printed_have_the_check_they_should_or_are_misprints() -> None:
    table = rows("rtu_frames.csv")
    for row in table:
        frame = bytes.fromhex(row["hex"])
        assert (crc(frame[:-2]) == frame[-2:]) == (row["crc16_ok"] == "True"), row["frame"]
    assert [row["crc16_ok"] for row in table].count("False") == 2


def test_the_answer_printed_in_the_manual_is_the_voltage_it_says() -> None:
    answer = next(row for row in rows("rtu_frames.csv") if row["frame"] == "response FC04 Volts1")
    words = struct.unpack(">2H", bytes.fromhex(answer["hex"])[3:7])
    found = decode(register("voltage", 0), words, "big", "big")
    assert f"{found:.1f} V" == answer["value"]

"""Words become values: types, orders, scales, sentinels, states; and nothing comes out of what is broken."""

from __future__ import annotations

import math
import os
import struct
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers.small import register

from collectors.modbus.decode import decode, text
from meterbook.domain.profile import WIDTHS, Rescale, State


@pytest.mark.parametrize(
    ("type_", "words", "orders", "more", "expected"),
    [
        ("int8_high", [0xFE7F], ("big", "big"), {}, Decimal(-2)),
        ("int8_low", [0xFE7F], ("big", "big"), {}, Decimal(127)),
        ("uint8_high", [0xFE7F], ("big", "big"), {}, Decimal(254)),
        ("uint8_high", [0xFE7F], ("big", "little"), {}, Decimal(127)),
        ("uint8_low", [0x00FF], ("big", "big"), {"sentinels": (255,)}, None),
        ("uint8_high", [0x00FF], ("big", "big"), {"sentinels": (255,)}, Decimal(0)),
        ("bcd16", [0x1234], ("big", "big"), {"scale": Decimal("0.1")}, Decimal("123.4")),
        ("bcd16", [0x123A], ("big", "big"), {}, None),
        ("bcd16", [0xFFFF], ("big", "big"), {}, None),
        ("bcd32", [0x5678, 0x1234], ("little", "big"), {}, Decimal(12345678)),
        ("float16", [0xB814], ("big", "big"), {}, -0.509765625),
        ("float16", [0x7C00], ("big", "big"), {}, None),
        ("uint16", [0xFFFE], ("big", "big"), {}, Decimal(65534)),
        ("uint16", [0x180D], ("big", "big"), {"bits": (3, 3)}, Decimal(1)),
        ("uint16", [0x180D], ("big", "big"), {"bits": (14, 14)}, Decimal(0)),
        ("uint16", [0x180D], ("big", "big"), {"bits": (8, 12)}, Decimal(0x18)),
        ("uint32", [0x8000, 0], ("big", "big"), {"bits": (31, 31)}, Decimal(1)),
        ("uint16", [0xFFFF], ("big", "big"), {"bits": (0, 1), "sentinels": (0xFFFF,)}, None),
        ("uint16", [0x000F], ("big", "big"), {"bits": (0, 1), "sentinels": (3,)}, Decimal(3)),
        ("int16", [0xFFFE], ("big", "big"), {}, Decimal(-2)),
        ("int16", [0x0102], ("big", "little"), {}, Decimal(0x0201)),
        ("uint32", [0x0001, 0x0002], ("big", "big"), {}, Decimal(65538)),
        ("uint32", [0x0001, 0x0002], ("little", "big"), {}, Decimal(131073)),
        ("uint32", [0x0102, 0x0304], ("little", "little"), {}, Decimal(0x04030201)),
        ("int32", [0xFFFF, 0xFFFF], ("big", "big"), {"scale": Decimal("0.1")}, Decimal("-0.1")),
        ("uint64", [0xFFFF] * 4, ("big", "big"), {}, Decimal(2**64 - 1)),
        ("int64", [0x8000, 0, 0, 0], ("big", "big"), {"scale": Decimal("0.001")}, Decimal("-9223372036854775.808")),
        ("uint16", [215], ("big", "big"), {"scale": Decimal("0.1"), "offset": Decimal(-10)}, Decimal("11.5")),
        ("float32", [0x4366, 0x3334], ("big", "big"), {}, 230.20001220703125),
        ("float32", [0x3334, 0x4366], ("little", "big"), {}, 230.20001220703125),
        ("float32", [0x4B80, 0x0001], ("big", "big"), {}, 16777218.0),
        ("float64", [0x4028, 0, 0, 0], ("big", "big"), {}, 12.0),
        ("bit", [1], ("big", "big"), {}, Decimal(1)),
        ("bit", [0], ("big", "big"), {}, Decimal(0)),
        ("uint16", [0xFFFF], ("big", "big"), {"sentinels": (0xFFFF,)}, None),
        ("int16", [0x8000], ("big", "big"), {"sentinels": (0x8000,)}, None),
        ("int16", [0x8000], ("big", "big"), {"sentinels": (-32768,)}, None),
        ("float32", [0xFFFF, 0xFFFF], ("big", "big"), {}, None),
        ("float32", [0x7F80, 0], ("big", "big"), {}, None),
        ("float32", [0xFF80, 0], ("big", "big"), {"scale": Decimal(10)}, None),
        ("float32", [0x7F7F, 0xFFFF], ("big", "big"), {"sentinels": (0x7F7FFFFF,)}, None),
        ("uint32", [1], ("big", "big"), {}, None),
        ("uint16", [], ("big", "big"), {}, None),
    ],
)
def test_words_mean_what_the_profile_says(type_, words, orders, more, expected):
    assert decode(register("x", 0, type_, **more), words, *orders) == expected


def test_a_register_has_its_own_orders_before_those_of_the_profile():
    one = register("x", 0, "uint32", word_order="little", byte_order="little")
    assert decode(one, [0x0102, 0x0304], "big", "big") == 0x04030201


def test_a_state_is_one_of_those_listed():
    states = (State(0, 0, "stopped"), State(3, 1, "running"))
    one = register("x", 0, "uint16", states=states)
    assert [decode(one, [raw], "big", "big") for raw in (0, 1, 3)] == [0, None, 1]


@pytest.mark.parametrize(
    ("by", "word", "expected"),
    [
        ("exponent", 0xFFFE, Decimal("23.15")),
        ("exponent", 0, Decimal(2315)),
        ("exponent", 3, Decimal(2315000)),
        ("exponent", 10, Decimal(23150000000000)),
        ("exponent", 11, None),
        ("exponent", 0x8000, None),
        ("exponent", None, None),
        ("divisor", 10, Decimal("231.5")),
        ("divisor", 0, None),
        ("divisor", 0xFFFF, None),
    ],
)
def test_a_scale_register_scales_or_the_value_is_not_available(by, word, expected):
    one = register("x", 0, "int16", rescale=Rescale(9, by))
    assert decode(one, [2315], "big", "big", word) == expected


def test_an_integer_is_exact_whatever_its_scale():
    one = register("x", 0, "uint64", scale=Decimal("0.000000000123"), offset=Decimal("0.1"))
    assert decode(one, [0xFFFF] * 4, "big", "big") == (2**64 - 1) * 123 / Decimal(10) ** 12 + Decimal("0.1")


@pytest.mark.parametrize(
    ("words", "order", "expected"),
    [
        ([0x4D65, 0x7465, 0x7200], "big", "Meter"),
        ([0x654D, 0x6574, 0x0072], "little", "Meter"),
        ([0x4D32, 0x2020], "big", "M2"),
        ([0x0000, 0x4D32], "big", None),
        ([0xFFFF, 0xFFFF], "big", None),
        ([0x0142], "big", None),
        ([], "big", None),
    ],
)
def test_a_label_is_printable_text_up_to_its_first_nul(words, order, expected):
    assert text(words, order) == expected


types = st.sampled_from(sorted(WIDTHS))
orders = st.sampled_from(["big", "little"])
words = st.lists(st.integers(0, 0xFFFF), max_size=5)


@settings(max_examples=20_000 if os.environ.get("METERBOOK_PROVE") == "1" else 1_000, deadline=None)
@given(types, words, orders, orders, st.sampled_from([Decimal(1), Decimal("0.01")]))
def test_any_words_give_a_finite_value_or_none(type_, words, word_order, byte_order, scale):
    found = decode(register("x", 0, type_, scale=scale), words, word_order, byte_order)
    if len(words) < WIDTHS[type_]:
        assert found is None
    elif found is not None:
        assert math.isfinite(found)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), orders, orders)
def test_a_float_comes_back_whatever_the_order(value, word_order, byte_order):
    octets = struct.pack(">f", value)
    sent = [int.from_bytes(octets[at : at + 2], byte_order) for at in (0, 2)]
    if word_order == "little":
        sent.reverse()
    assert decode(register("x", 0), sent, word_order, byte_order) == value

"""Registers of simulated devices: the inverse of what profiles declare."""

from decimal import Decimal

import pytest

from meterbook.demo.encode import Unfit, block, delivered, words
from meterbook.domain.device import PointSpec
from meterbook.domain.profile import Profile, Register
from meterbook.domain.text import Text


def register(kind, address=0, *, factor="1", scale="1", offset="0", table="holding", name="active_power"):
    spec = PointSpec(name, "active_power", "gauge", "kW", Decimal(factor))
    return Register(spec, table, address, kind, scale=Decimal(scale), offset=Decimal(offset))


def profile(*registers, word_order="big", byte_order="big"):
    return Profile("p", Text.same("p"), registers, (), word_order, byte_order)


@pytest.mark.parametrize(
    ("one", "value", "expected"),
    [
        (register("uint16"), 513.0, (513,)),
        (register("int16", scale="0.1"), -7.3, (0x10000 - 73,)),
        (register("int16", scale="0.1", offset="-40"), 25.0, (650,)),
        (register("uint32"), 70000.0, (1, 4464)),
        (register("int64"), -1.0, (0xFFFF,) * 4),
        (register("float32"), 1.0, (0x3F80, 0)),
        (register("float32", factor="0.001"), 4.91, (0x4599, 0x7000)),  # 4910 W
        (register("float64"), 1.0, (0x3FF0, 0, 0, 0)),
        (register("bit"), 1.0, (1,)),
    ],
)
def test_words_of_each_type(one, value, expected):
    assert words(one, value, profile(one)) == expected


def test_orders():
    one = register("uint32")
    value = float(0x11223344)
    assert words(one, value, profile(one)) == (0x1122, 0x3344)
    assert words(one, value, profile(one, word_order="little")) == (0x3344, 0x1122)
    assert words(one, value, profile(one, byte_order="little")) == (0x2211, 0x4433)
    assert words(one, value, profile(one, word_order="little", byte_order="little")) == (0x4433, 0x2211)


def test_what_does_not_fit_is_refused():
    with pytest.raises(Unfit, match="70000 does not fit the uint16 of active_power"):
        words(register("uint16"), 70000.0, profile())


def test_a_device_speaks_its_own_unit():
    assert delivered(PointSpec("volume", "volume", "counter", "L", Decimal("0.001")), 1.234) == 1234.0


def test_a_block_holds_its_registers_and_zeros_between_them():
    device = profile(register("uint16", 2), register("uint32", 5), register("uint16", 0, table="input"))
    values = {2: 7.0, 5: 9.0}

    def ask(function, address, count):
        return block(device, function, address, count, lambda one: values[one.address])

    assert ask(3, 2, 5) == [7, 0, 0, 0, 9]
    assert ask(3, 3, 2) == [0, 0]
    assert ask(3, 1, 2) is None
    assert ask(3, 5, 3) is None
    assert ask(4, 2, 1) is None


def test_every_example_of_the_sites_profiles_is_shown_as_it_stood(site):
    shown = 0
    for one in {device.profile.id: device.profile for device in site.devices.values() if device.profile}.values():
        by_point = {register.point: register for register in one.registers}
        for example in one.examples:
            if example.value is not None:
                target = by_point[example.point]
                canonical = float(example.value * target.spec.factor)
                assert words(target, canonical, one) == example.words, example.point
                shown += 1
    assert shown >= 2

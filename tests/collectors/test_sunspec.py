"""SunSpec: the marker is found, the chain is walked, the registers of the model are placed where they stand."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from peers.intake import HeldIntake
from peers.modbus_server import ModbusServer
from peers.small import slave
from peers.waiting import eventually

from collectors.modbus import sunspec
from collectors.modbus.bus import ModbusCollector
from collectors.modbus.sunspec import Model, NotSunSpec, ask, identity, models, origin
from meterbook.domain.device import ModbusConnection
from meterbook.domain.instant import Clock
from meterbook.domain.profile import Profile
from meterbook.site.profiles import load_profile

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT.parent / "shared" / "data" / "modbus"
NUMBERS = (201, 202, 203, 204, 211, 212, 213, 214)
NAMES = {
    "current": "A",
    "voltage": "V",
    "frequency": "Hz",
    "active_power": "W",
    "apparent_power": "VA",
    "reactive_power": "VAR",
    "active_energy_export": "TotWhExp",
    "active_energy_import": "TotWhImp",
}
"""What SunSpec calls the quantities, without the phase."""

Image = dict[int, int]
"""A device as words by address."""


def profile_of(number: int) -> Profile:
    profile, problems = load_profile(ROOT / "config" / "profiles" / f"sunspec-{number}.yaml")
    assert profile is not None, problems
    return profile


def put(image: Image, address: int, words: Sequence[int]) -> int:
    image.update((address + place, word) for place, word in enumerate(words))
    return address + len(words)


def letters(text: str, words: int) -> list[int]:
    octets = text.encode().ljust(2 * words, b"\0")
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)]


def common() -> list[int]:
    said = [*letters("Fronius", 16), *letters("Smart Meter 63A", 16), *letters("", 8), *letters("1.2", 8)]
    return [1, 66, *said, *letters("SN 4711", 16), 5, 0x8000]


def device(base: int, *meters: list[int]) -> Image:
    image: Image = {}
    address = put(image, base, [*sunspec.SUNS, *common()])
    for meter in meters:
        address = put(image, address, meter)
    put(image, address, [0xFFFF, 0])
    return image


def reader(image: Image) -> Callable[[int, int], list[int] | None]:
    def read(address: int, count: int) -> list[int] | None:
        words = [image.get(address + place) for place in range(count)]
        return None if None in words else words  # type: ignore[return-value]

    return read


def meter_203() -> list[int]:
    """A three-phase meter: 230.5 V, 12.5 A, -1500 W, 12,345,670 Wh delivered, no export counted."""
    words = [203, 105, *[0x8000] * 105]
    for at, word in {3: 1250, 6: 0xFFFE, 8: 2305, 15: 0xFFFF, 18: 0xFF6A, 22: 1, 54: 1}.items():
        words[at] = word
    words[38:40] = [0, 0]
    words[46:48] = [0x0012, 0xD687]
    return words


@pytest.mark.parametrize("base", sunspec.MARKERS)
def test_the_marker_is_found_where_it_may_stand(base: int) -> None:
    read = reader(device(base, meter_203()))
    assert ask(models(), read) == (Model(1, base + 2, 66), Model(203, base + 70, 105))
    assert ask(origin(profile_of(203)), read) == base + 70


def test_a_device_says_who_it_is() -> None:
    read = reader(device(40000, meter_203()))
    assert ask(identity(ask(models(), read)), read) == {
        "manufacturer": "Fronius",
        "model": "Smart Meter 63A",
        "version": "1.2",
        "serial_number": "SN 4711",
    }
    assert ask(identity(()), read) == {}


def test_a_meter_is_polled_wherever_its_model_stands(clock: Clock) -> None:
    image = device(40000, meter_203())
    intake = HeldIntake()
    with ModbusServer({7: {40000: [image[at] for at in sorted(image)]}}) as server:
        connection = ModbusConnection("bus", "tcp", "127.0.0.1", server.port)
        collector = ModbusCollector(connection, [slave("m", 7, profile_of(203))], intake, clock)
        collector.start()
        try:
            eventually(lambda: intake.values("active_energy_import"))
        finally:
            collector.stop()
    assert {sample.point: Decimal(sample.value) for sample in intake.deliveries[0].samples} == {
        "current_l1": Decimal("12.5"),
        "voltage_l1": Decimal("230.5"),
        "active_power_total": Decimal(-1500),
        "active_energy_import": Decimal(12345670),
    }


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({}, 'no "SunS" at 40000, 50000, 0'),
        ({40000: 0x5375, 40001: 0x6E54}, 'no "SunS"'),
        ({40000: 0x5375, 40001: 0x6E53}, "breaks off at 40002"),
        ({**device(40000, meter_203()), 40071: 200}, "breaks off at 40272"),
        (device(40000), "no model 203; the device has 1: choose"),
        (device(40000, [213, 2, 0, 0]), "no model 203; the device has 1, 213: choose"),
        (device(40000, [203, 3, 0, 0, 0]), "model 203 ends after 3 words where 53 were expected"),
        ({40000: 0x5375, 40001: 0x6E53, 40002: 1, 40003: 0xFFFF}, "would end beyond the last register"),
        ({0: 0x5375, 1: 0x6E53, **{at: 7 - 7 * (at % 2) for at in range(2, 600)}}, "no end"),
    ],
)
def test_what_is_not_as_described_is_said(image: Image, reason: str) -> None:
    with pytest.raises(NotSunSpec, match=reason):
        ask(origin(profile_of(203)), reader(image))


def test_a_hostile_device_ends_every_search(counts: Callable[[int], int]) -> None:
    chance = random.Random(203)
    profile = profile_of(203)
    for _ in range(counts(20_000)):
        ends = chance.choice(((0, 1), (0, 65535), (203, 105), (200, 1), (1, 66)))

        def read(address: int, count: int, ends: tuple[int, int] = ends) -> list[int] | None:
            if address in sunspec.MARKERS:
                return list(sunspec.SUNS)
            words = [chance.choice((*ends, chance.getrandbits(16))) for _ in range(count)]
            return chance.choice((words, words, words, None, words[:1]))

        with suppress(NotSunSpec):
            assert 0 <= ask(origin(profile), read) < 65536


@pytest.mark.parametrize("number", NUMBERS)
def test_registers_stand_where_the_published_model_has_them(number: int) -> None:
    file = FACTS / f"sunspec_model_{number}.json"
    if not file.is_file():
        pytest.skip(f"{file.name} is not here: the facts from outside stand in shared/data/modbus beside the project")
    published: dict[int, dict[str, object]] = {}
    offsets: dict[str, int] = {}
    for point in json.loads(file.read_text(encoding="utf-8"))["group"]["points"]:
        at = sum(int(str(one["size"])) for one in published.values())
        published[at] = point
        offsets[point["name"]] = at
    for register in profile_of(number).registers:
        point = published[register.address]
        stem = next(stem for stem in NAMES if register.point.startswith(stem))
        assert NAMES[stem] in str(point["name"])
        assert (point["type"], point["size"]) in ((register.type, register.width), ("acc32", 2))
        assert point["units"] == register.spec.unit
        scale = offsets[str(point["sf"])] if "sf" in point else None
        assert scale == (register.rescale.address if register.rescale else None)
        phase = register.point.removeprefix(stem).strip("_").upper().replace("L1", "A").replace("L2", "B")
        assert str(point["name"]).endswith(phase.replace("L3", "C").replace("_", "").replace("TOTAL", ""))

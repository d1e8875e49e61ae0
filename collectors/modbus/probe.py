"""A device read twice, and what its registers may mean: for somebody who stands before it with a manual in hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from collectors.modbus.decode import text
from collectors.modbus.fetch import fetch
from collectors.modbus.line import BITS
from collectors.modbus.plan import Block
from collectors.modbus.slave import Answer, Slave, way
from collectors.modbus.source import Failed, Link, Refused
from meterbook.domain.device import Device, ModbusConnection, PointSpec
from meterbook.domain.instant import SECOND, Clock
from meterbook.domain.profile import Profile, Register, RegisterType, Table
from meterbook.domain.text import Text
from meterbook.i18n import Translator, mark

EXPECTED: dict[str, tuple[tuple[Decimal, Decimal], ...]] = {
    "voltage": ((Decimal(180), Decimal(260)), (Decimal(310), Decimal(450))),
    "frequency": ((Decimal(45), Decimal(65)),),
    "power_factor": ((Decimal(-1), Decimal(1)),),
}
"""What these quantities read on a low-voltage network, in canonical units: between phase and neutral, or two phases."""

_UNUSUAL = {
    "voltage": mark("unusual: voltage is mostly %(ranges)s"),
    "frequency": mark("unusual: frequency is mostly %(ranges)s"),
    "power_factor": mark("unusual: power_factor is mostly %(ranges)s"),
}

TINIEST = Decimal("1e-9")
"""No meter resolves this, in any canonical unit."""

Words = dict[tuple[Table, int], int]


class NotReached(Failed):
    """Nothing is there to be asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be thought of a value: a message with its facts; as a string it is English."""

    message: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def told(self, words: Translator) -> str:
        """The verdict in the language of `words`."""
        return words.gettext(self.message) % self.facts

    def __str__(self) -> str:
        return self.message % self.facts


@dataclass(frozen=True, slots=True)
class PointFound:
    """A point of a profile on a device: the delivered value, whether it kept it, and a verdict.

    `value` is None where the device refused the register or says that it is not available.
    """

    register: Register
    words: tuple[int, ...]
    value: Decimal | None
    stable: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Probed:
    """What was read twice: the words of both readings, the samples of a profile's points and the labels."""

    first: Words
    second: Words
    values: tuple[dict[str, Decimal], dict[str, Decimal]]
    labels: dict[str, str]
    origin: int


async def probe(connection: ModbusConnection, unit: int, profile: Profile, clock: Clock) -> Probed:
    """Reads a device twice, as the collector would; raises Failed."""
    device = Device("probe", connection.id, SECOND, unit=unit, profile=profile)
    slave = Slave(device, profile, way(connection, device, profile), clock())
    link = Link(connection)
    try:
        if not await link.open():
            raise NotReached(f"nothing answers at {connection.place}")
        readings = [await _reading(link, slave, clock) for _ in range(2)]
        labels = await _labels(link, slave)
    finally:
        await link.close()
    first, second = readings
    values = tuple({sample.point: Decimal(str(sample.value)) for sample in slave.samples(one)} for one in readings)
    return Probed(_words(first), _words(second), (values[0], values[1]), labels, slave.origin or 0)


async def _reading(link: Link, slave: Slave, clock: Clock) -> list[Answer]:
    answers: list[Answer] = []
    await fetch(link, slave, clock, answers)
    return answers


async def _labels(link: Link, slave: Slave) -> dict[str, str]:
    """What the device says of itself, as far as it does."""
    found = {}
    for label in slave.profile.labels:
        block = Block(label.table, label.address + (slave.origin or 0), label.width, ())
        try:
            said = text(await link.read(slave.unit, block, slave.line.rest), label.byte_order or "big")
        except Refused:
            continue
        if said is not None:
            found[label.name] = said
    return found


def _words(answers: Sequence[Answer]) -> Words:
    return {
        (answer.block.table, answer.block.start + place): word
        for answer in answers
        for place, word in enumerate(answer.words)
    }


def window(table: Table, address: int, count: int) -> Profile:
    """A profile that asks for plain words: `count` of `table` from `address` on."""
    spec = PointSpec("word", "state", "state", "none")
    type_: RegisterType = "bit" if table in BITS else "uint16"
    places = range(address, min(address + count, 0x10000))
    return Profile("window", Text.same("window"), tuple(Register(spec, table, at, type_) for at in places), ())


def points(profile: Profile, probed: Probed) -> Iterator[PointFound]:
    """Each point of a profile with its value and a verdict."""
    before, after = probed.values
    for register in profile.registers:
        places = [(register.table, register.address + probed.origin + place) for place in range(register.width)]
        words = tuple(probed.second[place] for place in places if place in probed.second)
        value = after.get(register.point)
        stable = value is not None and register.point in before and steady(before[register.point], value)
        if value is not None:
            verdict = judge(register.spec, value * register.spec.factor)
        else:
            silent = len(words) == register.width
            verdict = Verdict(mark("not available") if silent else mark("refused by the device"))
        yield PointFound(register, words, value, stable, verdict)


def judge(spec: PointSpec, value: Decimal) -> Verdict:
    """Whether a value in the canonical unit can be what the profile says; says what was expected where not."""
    if spec.plausible is not None and not spec.plausible[0] <= value <= spec.plausible[1]:
        low, high = map(str, spec.plausible)
        return Verdict(mark("implausible: outside %(low)s to %(high)s"), {"low": low, "high": high})
    if 0 < abs(value) < TINIEST:
        return Verdict(mark("implausible: so small is only a number read in a wrong type or order"))
    expected = EXPECTED.get(spec.quantity)
    if expected is None:
        return Verdict(mark("plausible") if spec.plausible is not None else mark("no bounds to judge by"))
    if value == 0 or any(low <= value <= high for low, high in expected):
        return Verdict(mark("plausible"))
    ranges = ", ".join(f"{low}…{high}" for low, high in expected)
    return Verdict(_UNUSUAL[spec.quantity], {"ranges": ranges})


def steady(before: Decimal, after: Decimal) -> bool:
    """Whether two readings in a row are of the same thing: within a twentieth of each other."""
    return abs(after - before) * 20 <= max(abs(before), abs(after))

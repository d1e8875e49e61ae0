"""A device on a bus: when it is due, how often it failed, which reads it accepts. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors.modbus.decode import decode
from collectors.modbus.line import DEFAULT_BAUD, Line
from collectors.modbus.plan import Block, Cut, plan
from meterbook.domain.device import Device, ModbusConnection
from meterbook.domain.instant import HOUR, MINUTE, SECOND, Instant
from meterbook.domain.profile import Profile, Register, Span, Table
from meterbook.domain.reading import Sample

BACK_OFF: Instant = 2 * SECOND
"""A device that failed n times in a row is asked again after n times this,"""
BACK_OFF_MAX: Instant = 5 * MINUTE
"""and at the latest after this."""

SILENT_AFTER = 2
"""Failures in a row after which a device is named silent: one lost reply is no news on a bus."""

RELEARN: Instant = HOUR
"""How long what a device refused is left alone."""


class Answer(NamedTuple):
    """What a device answered to one read, and when."""

    block: Block
    words: Sequence[int]
    came: Instant


def way(connection: ModbusConnection, device: Device, profile: Profile) -> Line:
    """The way to a device, with the silence that it or its connection wants after an answer."""
    assumed = None if connection.transport == "tcp" else DEFAULT_BAUD
    pause = profile.pause if device.pause is None else device.pause
    return Line(connection.baud or assumed, max(connection.turnaround, pause))


@dataclass
class Slave:
    """One device and what its bus knows of it.

    `asked` is when it was last asked. `owing` says that its last question got no answer in time, so that one may still
    come. `origin` is added to the profile's addresses; None where it is still to be found on the device.
    """

    device: Device
    profile: Profile
    line: Line
    due: Instant
    asked: Instant = 0
    failures: int = 0
    owing: bool = False
    origin: int | None = field(init=False)
    _blocks: list[Block] | None = None
    _cuts: set[Cut] = field(default_factory=set)
    _refused: set[Span] = field(default_factory=set)
    _told: set[Span] = field(default_factory=set)
    _relearn: Instant = 0
    _planned_from: int | None = None

    def __post_init__(self) -> None:
        self._lose_origin()

    @property
    def unit(self) -> int:
        """Its address on the bus; a device reached directly answers as unit 1."""
        return 1 if self.device.unit is None else self.device.unit

    @property
    def silent(self) -> bool:
        """Whether it failed often enough to be named."""
        return self.failures >= SILENT_AFTER

    def reads(self, now: Instant) -> list[Block]:
        """The reads to send; what it refused is left out for an hour."""
        if now >= self._relearn or self.origin != self._planned_from:
            self._planned_from = self.origin
            self._cuts.clear()
            self._refused.clear()
            self._blocks = None
            self._relearn = now + RELEARN
        if self._blocks is None:
            wanted = {self._placed(span) for register in self.profile.registers for span in register.spans}
            self._blocks = plan(wanted - self._refused, self.line, self.profile.max_registers, self._cuts)
        return self._blocks

    def load(self, now: Instant) -> float:
        """The share of its line's time that its reads take."""
        return sum(self.line.cost(block.table, block.count) for block in self.reads(now)) / 1_000 / self.device.every

    def refuses(self, block: Block) -> None:
        """Remembers that it has none of what a read asked for."""
        self._refused.update(block.spans)
        self._blocks = None

    def refused_news(self) -> list[Span]:
        """What it refused and nobody was told yet, by address."""
        news = sorted(self._refused - self._told)
        self._told |= self._refused
        return news

    def cuts(self, table: Table, address: int) -> None:
        """Remembers that no read may span the place before an address."""
        self._cuts.add((table, address))
        self._blocks = None

    def samples(self, answers: Iterable[Answer]) -> list[Sample]:
        """Samples of all registers that were answered, at the instant of the last answer; none of what is missing."""
        words: dict[tuple[Table, int], int] = {}
        at = 0
        for answer in answers:
            words.update(((answer.block.table, answer.block.start + place), w) for place, w in enumerate(answer.words))
            at = max(at, answer.came)
        return list(self._decoded(words, at))

    def _decoded(self, words: dict[tuple[Table, int], int], at: Instant) -> Iterator[Sample]:
        for register in self.profile.registers:
            found = self._words(register, words)
            if found is None:
                continue
            own, rescale = found[: register.width], found[-1] if register.rescale else None
            value = decode(register, own, self.profile.word_order, self.profile.byte_order, rescale)
            if value is not None:
                # Text keeps a Decimal exact until its unit is the canonical one.
                yield Sample(self.device.id, register.point, value if isinstance(value, float) else str(value), at, at)

    def _words(self, register: Register, words: dict[tuple[Table, int], int]) -> list[int] | None:
        spans = [self._placed(span) for span in register.spans]
        places = [(span.table, span.address + place) for span in spans for place in range(span.width)]
        found = [words[place] for place in places if place in words]
        return found if len(found) == len(places) else None

    def _placed(self, span: Span) -> Span:
        return span._replace(address=span.address + (self.origin or 0))

    def answered(self, now: Instant) -> None:
        """It is due again at the next multiple of its period; at once where it was asked so late that this passed."""
        self.failures = 0
        self.owing = False
        every = self.device.every
        current = now // every * every
        on_the_clock = self.due % every == 0 and self.due <= now
        self.due = max(current, self.due + every) if on_the_clock else current + every

    def failed(self, now: Instant, *, owing: bool) -> None:
        """It is due again after a pause that grows with its failures; `owing` when its answer may still come."""
        self.failures += 1
        self._lose_origin()  # what answers next may be another device
        self.owing = self.owing or owing
        self.due = now + min(self.failures * BACK_OFF, BACK_OFF_MAX)

    def _lose_origin(self) -> None:
        self.origin = 0 if self.profile.sunspec is None else None

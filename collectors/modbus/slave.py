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
class Holes:
    """What a device refused: registers it does not have, and places that no read of it may span.

    `withheld` are registers that it may give another time, and `reason` what it said then.
    """

    spans: set[Span] = field(default_factory=set)
    cuts: set[Cut] = field(default_factory=set)
    withheld: set[Span] = field(default_factory=set)
    reason: Exception | None = None


@dataclass
class Slave:
    """One device and what its bus knows of it.

    `asked` is when it was last asked. `resting` is for how long it was last left alone, because its answers could not
    be told from others. `barren` says that it refused everything when it last answered. `origin` is added to the
    profile's addresses; None where it is still to be found on the device.
    """

    device: Device
    profile: Profile
    line: Line
    due: Instant
    asked: Instant = 0
    failures: int = 0
    barren: bool = False
    resting: Instant = 0
    origin: int | None = field(init=False)
    _blocks: list[Block] | None = None
    _holes: Holes = field(default_factory=Holes)
    _first: int = 0
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
        if not self._relearn - RELEARN <= now < self._relearn or self.origin != self._planned_from:
            self._planned_from = self.origin
            self._forget()
            self._relearn = now + RELEARN
        if self._blocks is None:
            most = self.profile.max_registers
            self._blocks = plan(self._wanted() - self._holes.spans, self.line, most, self._holes.cuts)
        return self._blocks

    def sounding(self) -> Block:
        """The smallest of reads: one value, another after each failure."""
        wanted = sorted(self._wanted())
        return Block.around([wanted[self.failures % len(wanted)]])

    def turn(self, now: Instant) -> list[Block]:
        """The reads of one poll in their order: it begins after the one that was not answered last."""
        blocks = self.reads(now)
        first = self._first % max(1, len(blocks))
        return blocks[first:] + blocks[:first]

    def breaks_off(self, block: Block) -> None:
        """A poll ends with one of its reads, which was not answered; the others come first in the next."""
        blocks = self._blocks or []
        self._first = blocks.index(block) + 1 if block in blocks else 0

    def skips(self) -> None:
        """The first read in its turn was not answered; the next poll begins after it."""
        self._first += 1

    def least(self, now: Instant) -> Block:
        """One value of the read that is first in its turn."""
        first = self.turn(now)[:1]
        return Block.around(first[0].spans[:1]) if first else self.sounding()

    def odd_one(self, now: Instant) -> Block | None:
        """The smallest part of its first read that is as long as none of its reads: an answer to it fits no other."""
        reads = self.turn(now)
        lengths = {(block.table, block.count) for block in reads}
        parts = [Block.around(block.spans[:end]) for block in reads[:1] for end in range(1, len(block.spans))]
        odd = [part for part in parts if (part.table, part.count) not in lengths]
        return min(odd, key=lambda part: part.count, default=None)

    def load(self, now: Instant) -> float:
        """The share of its line's time that its reads take."""
        return sum(self.line.cost(block.table, block.count) for block in self.reads(now)) / 1_000 / self.device.every

    def learns(self, holes: Holes) -> None:
        """Remembers what it refused while it answered something else."""
        self.barren = False
        self._holes.spans |= holes.spans
        self._holes.cuts |= holes.cuts
        self._holes.withheld |= holes.withheld
        self._blocks = None
        self._first = 0

    def refuses_all(self) -> None:
        """It has nothing to give, perhaps because it still boots: that tells nothing of its registers."""
        self.barren = True
        self._forget()

    def refused_news(self) -> list[Span]:
        """What it refused and nobody was told yet, by address."""
        news = (self._holes.spans | self._holes.withheld) - self._told
        self._told |= news
        return sorted(news)

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

    def _wanted(self) -> set[Span]:
        return {self._placed(span) for register in self.profile.registers for span in register.spans}

    def _placed(self, span: Span) -> Span:
        return span._replace(address=span.address + (self.origin or 0))

    def rests(self, now: Instant, time: Instant) -> None:
        """Some or all of its reads were left out for a `time`, after which it is due, if it is not before."""
        self.resting = time
        self.due = min(self.due, now + time) if self.due > now else now + time

    def answered(self, now: Instant) -> None:
        """It is due again at the next multiple of its period; at once where it was asked so late that this passed."""
        self.failures = self.resting = 0
        every = self.device.every
        current = now // every * every
        on_the_clock = self.due % every == 0 and self.due <= now
        self.due = max(current, self.due + every) if on_the_clock else current + every

    def failed(self, now: Instant, *, partly: bool = False) -> None:
        """It is due again after a pause that grows with its failures.

        One that answered `partly` is no dead one: it is due after the first pause, and then by its period.
        """
        again = partly and self.failures > 0
        self.failures = 1 if partly else self.failures + 1
        self.due = now + self._back_off
        if again:
            self.due = max(self.due, (now // self.device.every + 1) * self.device.every)
        if not partly:
            self._lose_origin()  # what answers next may be another device

    @property
    def longest_wait(self) -> Instant:
        """How long after the present it can be due at most: its period, its back-off where it fails, or its rest."""
        return max(self.device.every, self._back_off, self.resting)

    @property
    def _back_off(self) -> Instant:
        return min(self.failures * BACK_OFF, BACK_OFF_MAX)

    def _forget(self) -> None:
        self._holes = Holes()
        self._blocks = None

    def _lose_origin(self) -> None:
        self.origin = 0 if self.profile.sunspec is None else None

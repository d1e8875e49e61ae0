"""All registers of one device, read over a link: finds where they are, and leaves out what the device refuses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from collectors.modbus import sunspec
from collectors.modbus.plan import Block, split
from collectors.modbus.slave import Answer, Holes, Slave
from collectors.modbus.source import PATIENT, Doubtful, Failed, Link, Refused
from meterbook.domain.instant import Clock


class _Resting(Exception):
    """An answer could not be told from others that may still come; in `seconds` it can."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s")
        self.seconds = seconds


async def fetch(link: Link, slave: Slave, clock: Clock, answers: list[Answer]) -> float:
    """Reads every block of a device into `answers`; raises Failed, and leaves what was answered until then.

    Left out is what could not be told from answers that may still come; returned are the seconds until it can, else 0.
    """
    if link.owes(slave.unit):
        await _hear_out(link, slave, clock)
    try:
        if slave.origin is None:
            slave.origin = await _origin(link, slave)
        if slave.barren:
            await _read(link, slave, slave.sounding())
    except _Resting as resting:
        return resting.seconds
    holes = Holes()
    rest = await _gather_all(link, slave, clock, answers, holes)
    if answers:
        slave.learns(holes)
    elif not rest:
        if holes.reason is not None:
            raise holes.reason
        slave.refuses_all()
        raise Failed("the device has none of the profile's registers")
    return rest


async def _gather_all(link: Link, slave: Slave, clock: Clock, answers: list[Answer], holes: Holes) -> float:
    """Reads every block that can be believed; the seconds until all can, else 0."""
    rest = 0.0
    for block in slave.turn(clock()):
        try:
            for part in _parts(link, slave, block):
                await _gather(link, slave, part, clock, answers, holes)
        except _Resting as resting:
            rest = max(rest, resting.seconds)
        except Failed:
            slave.breaks_off(block)
            raise
    return rest


def _parts(link: Link, slave: Slave, block: Block) -> list[Block]:
    """A read; where it could not be told from answers that may still come, its parts, those that can first."""
    parts = split(block) if link.doubt(slave.unit, block) else None
    if parts is None:
        return [block]
    smaller = [one for part in parts for one in _parts(link, slave, part)]
    return sorted(smaller, key=lambda part: link.doubt(slave.unit, part))


async def _hear_out(link: Link, slave: Slave, clock: Clock) -> None:
    """Asks a unit that owes an answer, believes none, and listens until nothing more can come.

    RTU frames carry no number, and a serial port or a transparent gateway delivers what was asked long ago even on a
    new connection; a gateway that translates may number anew what it had given up waiting for, and say it when it is
    next asked. What comes first after a silence may answer an older question. Where the answer would fit other
    questions too, it is waited for longer.
    """
    odd = slave.odd_one(clock())
    try:
        await link.read(slave.unit, odd or slave.least(clock()), slave.line.rest)
    except Failed as failure:
        if not isinstance(failure, Refused | Doubtful) or failure.unheard:
            slave.skips()
            raise
    await link.hear_out(slave.unit, 1 if odd else PATIENT)


async def _gather(link: Link, slave: Slave, block: Block, clock: Clock, answers: list[Answer], holes: Holes) -> bool:
    """Reads a block, in parts where the device refuses the whole; True where it refused anything."""
    try:
        words = await _read(link, slave, block)
    except Refused as refusal:
        if refusal.of_gateway:
            raise
        if not refusal.narrower:
            holes.withheld.update(block.spans)
            holes.reason = refusal
            return True
        parts = split(block)
        if parts is None:
            holes.spans.update(block.spans)
            return True
        refused = [await _gather(link, slave, part, clock, answers, holes) for part in parts]
        # A part that is refused itself explains the refusal of the whole; else it was what lies between them.
        if not any(refused):
            holes.cuts.add((block.table, parts[1].start))
        return True
    answers.append(Answer(block, words, clock()))
    return False


async def _origin(link: Link, slave: Slave) -> int:
    """Where the SunSpec model of the profile begins on the device; raises Failed."""
    search = sunspec.origin(slave.profile)
    words: Sequence[int] | None = None
    while True:
        try:
            question = search.send(words)
        except StopIteration as found:
            return int(found.value)
        except sunspec.NotSunSpec as error:
            raise Failed(str(error)) from error
        try:
            words = await _read(link, slave, Block("holding", question.address, question.count, ()))
        except Refused as refusal:
            if not refusal.narrower:
                raise
            words = None


async def _read(link: Link, slave: Slave, block: Block) -> Sequence[int]:
    """The words of a read, to be believed; raises _Resting where that cannot be."""
    if not link.doubt(slave.unit, block):
        with suppress(Doubtful):
            return await link.read(slave.unit, block, slave.line.rest)
    raise _Resting(link.doubt(slave.unit, block))

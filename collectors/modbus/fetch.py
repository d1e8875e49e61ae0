"""All registers of one device, read over a link: finds where they are, and leaves out what the device refuses."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.modbus import sunspec
from collectors.modbus.plan import Block, split
from collectors.modbus.slave import Answer, Holes, Slave
from collectors.modbus.source import PATIENT, Failed, Link, Refused
from meterbook.domain.instant import Clock


async def fetch(link: Link, slave: Slave, clock: Clock, answers: list[Answer]) -> None:
    """Reads every block of a device into `answers`; raises Failed, and leaves what was answered until then."""
    if link.owes(slave.unit):
        await _hear_out(link, slave, clock)
    if slave.origin is None:
        slave.origin = await _origin(link, slave)
    if slave.barren:
        await _read(link, slave, slave.sounding())
    holes = Holes()
    for block in slave.turn(clock()):
        try:
            await _gather(link, slave, block, clock, answers, holes)
        except Failed:
            slave.breaks_off(block)
            raise
    if not answers:
        if holes.reason is not None:
            raise holes.reason
        slave.refuses_all()
        raise Failed("the device has none of the profile's registers")
    slave.learns(holes)


async def _hear_out(link: Link, slave: Slave, clock: Clock) -> None:
    """Asks a unit that owes an answer, believes none, and listens until nothing more can come.

    RTU frames carry no number, and a serial port or a transparent gateway delivers what was asked long ago even on a
    new connection; a gateway that translates may number anew what it had given up waiting for. What comes first after a
    silence may answer an older question. Where the answer would fit other questions too, it is waited for longer.
    """
    odd = slave.odd_one(clock())
    try:
        await _read(link, slave, odd or slave.least(clock()))
    except Failed as failure:
        if not isinstance(failure, Refused) or failure.unheard:
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
    return await link.read(slave.unit, block, slave.line.rest)

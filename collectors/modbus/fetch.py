"""All registers of one device, read over a link: finds where they are, and leaves out what the device refuses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from collectors.modbus import sunspec
from collectors.modbus.plan import Block, split
from collectors.modbus.slave import Answer, Slave
from collectors.modbus.source import Failed, Link, Refused
from meterbook.domain.instant import Clock


async def fetch(link: Link, slave: Slave, clock: Clock, answers: list[Answer]) -> None:
    """Reads every block of a device into `answers`; raises Failed, and leaves what was answered until then."""
    if slave.owing and not link.numbered:
        await _hear_out(link, slave, clock)
    if slave.origin is None:
        slave.origin = await _origin(link, slave)
    for block in slave.reads(clock()):
        await _gather(link, slave, block, clock, answers)
    if not answers:
        raise Failed("the device has none of the profile's registers")


async def _hear_out(link: Link, slave: Slave, clock: Clock) -> None:
    """Asks a device that owes an answer, believes none, and listens until nothing more can come.

    RTU frames carry no number, and a serial port or a transparent gateway delivers what was asked long ago even on a
    new connection: what comes first after a silence may answer an older question.
    """
    for block in slave.reads(clock())[:1]:
        with suppress(Refused):
            await _read(link, slave, block)
    await link.listen()
    slave.owing = False


async def _gather(link: Link, slave: Slave, block: Block, clock: Clock, answers: list[Answer]) -> bool:
    """Reads a block, in parts where the device refuses the whole; True where it refused anything."""
    try:
        words = await _read(link, slave, block)
    except Refused as refusal:
        if not refusal.narrower:
            raise
        parts = split(block)
        if parts is None:
            slave.refuses(block)
            return True
        refused = [await _gather(link, slave, part, clock, answers) for part in parts]
        # A part that is refused itself explains the refusal of the whole; else it was what lies between them.
        if not any(refused):
            slave.cuts(block.table, parts[1].start)
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

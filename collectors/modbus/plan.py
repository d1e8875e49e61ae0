"""Which reads fetch the registers of a device in the least time on the line. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from collectors.modbus.line import BITS, Line
from meterbook.domain.profile import Span, Table

MAX_BITS = 2000
"""Coils or inputs one read can fetch by the protocol."""

MAX_REGISTERS = 125
"""Words one read can fetch by the protocol."""

TABLES: tuple[Table, ...] = ("coil", "discrete", "holding", "input")
"""The tables in the order of their function codes 1 to 4."""

Cut = tuple[Table, int]
"""A place no read may span: none fetches both the address before and this one."""


@dataclass(frozen=True, slots=True)
class Block:
    """One read: `count` words (or bits) of `table` from `start` on, for the spans inside, by address."""

    table: Table
    start: int
    count: int
    spans: tuple[Span, ...]

    @classmethod
    def around(cls, spans: Iterable[Span]) -> Block:
        """The smallest read that covers spans of one table, given by address."""
        inside = tuple(spans)
        start = inside[0].address
        end = max(span.address + span.width for span in inside)
        return cls(inside[0].table, start, end - start, inside)


def plan(spans: Iterable[Span], line: Line, max_registers: int, cuts: Collection[Cut] = ()) -> list[Block]:
    """The reads that cover `spans` in the least line time; of equally fast plans the one with fewer reads.

    No read mixes tables, spans a cut, or fetches more than `max_registers` words or `MAX_BITS` bits; a value wider
    than that has a read of its own.
    """
    ordered = sorted(set(spans), key=lambda span: (span.address, span.width))
    blocks: list[Block] = []
    for table in TABLES:
        inside = [span for span in ordered if span.table == table]
        largest = MAX_BITS if table in BITS else min(max_registers, MAX_REGISTERS)
        blocks += _cheapest(inside, line, largest, sorted(address for where, address in cuts if where == table))
    return blocks


def _cheapest(ordered: Sequence[Span], line: Line, largest: int, cuts: Sequence[int]) -> list[Block]:
    """The best plan of one table: the best of every beginning, then one more read, found from the front."""
    best: list[tuple[int, int]] = [(0, 0)]
    last: list[Block] = []
    for end in range(1, len(ordered) + 1):
        offers = []
        for begin in range(end - 1, -1, -1):
            block = Block.around(ordered[begin:end])
            if len(block.spans) > 1 and not _allowed(block, largest, cuts):
                break
            time, reads = best[begin]
            offers.append((time + line.cost(block.table, block.count), reads + 1, begin, block))
        time, reads, _, block = min(offers, key=lambda offer: offer[:3])
        best.append((time, reads))
        last.append(block)
    blocks: list[Block] = []
    end = len(ordered)
    while end:
        blocks.insert(0, last[end - 1])
        end -= len(blocks[0].spans)
    return blocks


def _allowed(block: Block, largest: int, cuts: Sequence[int]) -> bool:
    end = block.start + block.count
    return block.count <= largest and not any(block.start < cut < end for cut in cuts)


def split(block: Block) -> tuple[Block, Block] | None:
    """Two parts of a read that a device refused, cut at the largest hole, else near the middle.

    None where there is nothing to part: all that is asked for begins at one address.
    """
    inside = block.spans
    best: tuple[int, int, int] | None = None
    end = inside[0].address + inside[0].width
    for place in range(1, len(inside)):
        span = inside[place]
        if span.address > inside[place - 1].address:
            offer = (span.address - end, -abs(place - len(inside) // 2), place)
            best = max(best, offer) if best else offer
        end = max(end, span.address + span.width)
    if best is None:
        return None
    return Block.around(inside[: best[2]]), Block.around(inside[best[2] :])

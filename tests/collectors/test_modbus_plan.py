"""Reads by line cost: the physics of the line, the cheapest plan, what a device refuses."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.line import Line
from collectors.modbus.plan import Block, plan, split
from meterbook.domain.profile import Profile, Span, Table
from meterbook.site.config import config_dir
from meterbook.site.profiles import load_profile

MS = 1_000
PROFILES = sorted((config_dir() / "profiles").glob("*.yaml"))
EXHAUSTIVE = 12
"""Spans up to which every one of the 2^(n-1) groupings is tried; of longer lists, every stretch of this length."""


def spans(*places: int, width: int = 2, table: Table = "input") -> list[Span]:
    return [Span(table, place, width) for place in places]


def shape(blocks: list[Block]) -> list[tuple[str, int, int]]:
    return [(block.table, block.start, block.count) for block in blocks]


@pytest.mark.parametrize(
    ("baud", "rest", "words", "milliseconds"),
    [
        (2400, 0, 125, 1237.5),
        (2400, 20, 125, 1257.5),
        (2400, 20, 2, 130),
        (9600, 0, 125, 309.4),
        (9600, 20, 125, 329.4),
        (9600, 20, 2, 47.5),
        (19200, 0, 125, 154.7),
        (19200, 20, 2, 33.8),
        (115200, 0, 125, 28.6),
        (115200, 20, 2, 25.1),
    ],
)
def test_a_read_takes_what_its_characters_take(baud, rest, words, milliseconds):
    assert Line(baud, rest * MS).cost("input", words) / 1e6 == pytest.approx(milliseconds, abs=0.06)


def test_bits_travel_eight_to_the_character():
    line = Line(9600)
    assert line.cost("coil", 8) == line.cost("discrete", 1) < line.cost("coil", 9) == line.cost("input", 1)


@pytest.mark.parametrize(("rest", "hole"), [(0, 10), (20, 18), (50, 31)])
def test_a_hole_is_read_over_while_that_is_cheaper_than_another_request(rest, hole):
    line = Line(9600, rest * MS)
    assert len(plan(spans(0, 2 + hole), line, 125)) == 1
    assert len(plan(spans(0, 2 + hole + 1), line, 125)) == 2


def test_without_a_line_whatever_fits_is_one_read():
    assert shape(plan(spans(0, 100), Line(), 125)) == [("input", 0, 102)]
    assert shape(plan(spans(0, 100, 123, 124), Line(), 125)) == [("input", 0, 2), ("input", 100, 26)]


def test_a_read_spans_no_more_than_the_device_allows():
    dense = spans(*range(0, 200, 2))
    blocks = plan(dense, Line(9600), 60)
    assert len(blocks) == 4
    assert max(block.count for block in blocks) <= 60
    assert max(block.count for block in plan(dense, Line(9600), 1000)) <= 125
    bits = [Span("coil", place, 1) for place in range(0, 4000, 50)]
    assert [block.count for block in plan(bits, Line(9600), 1)] == [1951, 1951]


def test_tables_are_never_mixed_and_the_order_of_the_profile_does_not_matter():
    wanted = [
        Span("holding", 1, 1),
        Span("coil", 0, 1),
        Span("input", 0, 1),
        Span("coil", 1500, 1),
        Span("discrete", 0, 1),
    ]
    expected = [("coil", 0, 1), ("coil", 1500, 1), ("discrete", 0, 1), ("holding", 1, 1), ("input", 0, 1)]
    line = Line(9600)
    assert shape(plan(wanted, line, 125)) == shape(plan(wanted[::-1], line, 125)) == expected


def line_time(grouping: Sequence[Sequence[Span]], baud: int, rest: float) -> float:
    """Milliseconds by the formula as it is printed: 11 bits a character, 8 + 5 + 2n characters, two gaps of 3.5."""
    total = 0.0
    for group in grouping:
        count = max(span.address + span.width for span in group) - group[0].address
        octets = -(-count // 8) if group[0].table in ("coil", "discrete") else 2 * count
        character = 11_000 / baud
        gap = 3.5 * character if baud <= 19200 else 1.75
        total += (13 + octets) * character + 2 * gap + rest
    return total


def groupings(ordered: Sequence[Span], largest: int) -> list[list[list[Span]]]:
    """Every way to read a row of spans in contiguous groups that the device allows."""
    found = []
    for cuts in itertools.product([False, True], repeat=len(ordered) - 1):
        groups = [[ordered[0]]]
        for span, cut in zip(ordered[1:], cuts, strict=True):
            groups.append([span]) if cut else groups[-1].append(span)
        widths = [(group, max(span.address + span.width for span in group) - group[0].address) for group in groups]
        if all(width <= largest or len(group) == 1 for group, width in widths):
            found.append(groups)
    return found


def shipped() -> list[Profile]:
    found = [load_profile(path)[0] for path in PROFILES]
    return [profile for profile in found if profile is not None]


def stretches(row: list[Span]) -> list[list[Span]]:
    """The row itself where it is short, else every stretch of it, and some rows with spans left out at random."""
    if len(row) <= EXHAUSTIVE:
        return [row]
    shuffled = random.Random(len(row))
    sparse = [sorted(shuffled.sample(row, EXHAUSTIVE), key=lambda span: (span.address, span.width)) for _ in range(3)]
    step = EXHAUSTIVE // 2
    return [row[at : at + EXHAUSTIVE] for at in range(0, len(row) - EXHAUSTIVE + step, step)] + sparse


def test_there_are_profiles_to_plan():
    assert len(shipped()) == len(PROFILES) >= 2


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("baud", "rest"), [(9600, 0), (2400, 20), (115200, 50)])
def test_no_grouping_of_a_shipped_profile_takes_less_line_time(path, baud, rest):
    profile, problems = load_profile(path)
    assert profile is not None, problems
    wanted = {span for register in profile.registers for span in register.spans}
    for table in {span.table for span in wanted}:
        row = sorted((span for span in wanted if span.table == table), key=lambda span: (span.address, span.width))
        largest = 2000 if table in ("coil", "discrete") else profile.max_registers
        for stretch in stretches(row):
            blocks = plan(stretch, Line(baud, rest * MS), profile.max_registers)
            mine = line_time([block.spans for block in blocks], baud, rest)
            best = min(line_time(grouping, baud, rest) for grouping in groupings(stretch, largest))
            assert mine == pytest.approx(best, rel=1e-6)


places = st.lists(st.tuples(st.integers(0, 300), st.sampled_from([1, 2, 4])), min_size=1, max_size=9)


@given(places, st.integers(4, 125), st.sampled_from([1200, 9600, 115200]), st.integers(0, 60))
def test_no_grouping_of_any_registers_takes_less_line_time(entries, most, baud, rest):
    row = sorted({Span("input", *entry) for entry in entries}, key=lambda span: (span.address, span.width))
    mine = line_time([block.spans for block in plan(row, Line(baud, rest * MS), most)], baud, rest)
    best = min(line_time(grouping, baud, rest) for grouping in groupings(row, most))
    assert mine == pytest.approx(best, rel=1e-6)


@given(places, st.integers(4, 125), st.sets(st.integers(0, 300), max_size=8), st.sampled_from([None, 9600]))
def test_a_plan_covers_everything_within_its_bounds_and_spans_no_hole(entries, most, holes, baud):
    row = {Span("input", *entry) for entry in entries}
    blocks = plan(row, Line(baud), most, {("input", hole) for hole in holes})
    assert sorted(span for block in blocks for span in block.spans) == sorted(row)
    for block in blocks:
        assert block.count <= most
        end = block.start + block.count
        assert all(block.start <= span.address and span.address + span.width <= end for span in block.spans)
        assert len(block.spans) == 1 or not any(block.start < hole < end for hole in holes)


def test_a_hole_of_one_table_says_nothing_of_another():
    wanted = spans(0, 2) + spans(0, 2, table="holding")
    assert shape(plan(wanted, Line(9600), 125, {("holding", 2)})) == [
        ("holding", 0, 2),
        ("holding", 2, 2),
        ("input", 0, 4),
    ]


def test_a_refused_read_is_cut_at_its_largest_hole_then_in_the_middle():
    (block,) = plan(spans(0, 2, 9, 11, 13), Line(), 125)
    first, second = split(block) or ()
    assert shape([first, second]) == [("input", 0, 4), ("input", 9, 6)]
    assert shape(list(split(second) or ())) == [("input", 9, 2), ("input", 11, 4)]
    assert split(Block.around(spans(0))) is None


def test_values_in_one_word_are_refused_together():
    assert split(Block.around([Span("holding", 5, 1), Span("holding", 5, 2)])) is None

"""SunSpec: a device says itself what it offers, as a chain of numbered models behind a marker. Pure.

Who asks is left to the caller: a search is a generator that yields the reads it wants and is sent their words, so that
the same search runs on a bus, in a probe and on a list of words in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from collectors.modbus.decode import text
from meterbook.domain.profile import Label, Profile

MARKERS = (40000, 50000, 0)
"""Where the marker may stand, in the order in which it is looked for."""
SUNS = (0x5375, 0x6E53)
"""The marker: "SunS"."""
HEADER = 2
"""Words before a model's own: its number and how many words follow."""
MOST_MODELS = 100
"""A chain with more models than this has no end."""
_END = 0xFFFF
_COMMON = 1
_ADDRESSES = 0x10000

COMMON = (
    Label("manufacturer", "holding", 2, 16),
    Label("model", "holding", 18, 16),
    Label("options", "holding", 34, 8),
    Label("version", "holding", 42, 8),
    Label("serial_number", "holding", 50, 16),
)
"""What model 1, which every device has first, says of it; addresses count from the model's first word."""


@dataclass(frozen=True, slots=True)
class Question:
    """Holding registers a search wants: `count` words from the 0-based `address` on."""

    address: int
    count: int


class Model(NamedTuple):
    """One model of a device: its number, the address of its first word, and how many words follow its header."""

    number: int
    address: int
    length: int


Answer = TypeVar("Answer")
Search = Generator[Question, Sequence[int] | None, Answer]
"""Yields questions, is sent their words (None: the device has no such registers), and returns what it found."""


class NotSunSpec(ValueError):
    """A device is not, or not in this respect, what SunSpec describes; says where it differs and what was expected."""


def ask(search: Search[Answer], read: Callable[[int, int], Sequence[int] | None]) -> Answer:
    """What a search finds on a device that `read(address, count)` reads; raises NotSunSpec, and what `read` raises.

    `read` gives None where the device has no such registers.
    """
    words: Sequence[int] | None = None
    while True:
        try:
            question = search.send(words)
        except StopIteration as end:
            found: Answer = end.value
            return found
        words = read(question.address, question.count)


def models() -> Search[tuple[Model, ...]]:
    """The models of a device in the order of their chain; raises NotSunSpec."""
    for address in MARKERS:
        words = yield Question(address, len(SUNS))
        if words is not None and tuple(words) == SUNS:
            return (yield from _chain(address + len(SUNS)))
    raise NotSunSpec(f'no "SunS" at {", ".join(map(str, MARKERS))}: the device does not speak SunSpec, or hides it')


def origin(profile: Profile) -> Search[int]:
    """The address of the first word of the model a profile is for; raises NotSunSpec.

    The addresses of the profile's registers count from there.
    """
    chain = yield from models()
    found = next((model for model in chain if model.number == profile.sunspec), None)
    if found is None:
        offered = ", ".join(str(model.number) for model in chain) or "none"
        raise NotSunSpec(f"no model {profile.sunspec}; the device has {offered}: choose the profile of one of these")
    needed = max(span.address + span.width for register in profile.registers for span in register.spans)
    if found.length + HEADER < needed:
        raise NotSunSpec(f"model {found.number} ends after {found.length} words where {needed - HEADER} were expected")
    return found.address


def identity(chain: Sequence[Model]) -> Search[dict[str, str]]:
    """What a device says of itself (manufacturer, model, serial number...), as far as it says something."""
    common = next((model for model in chain if model.number == _COMMON), None)
    if common is None:
        return {}
    words = yield Question(common.address, HEADER + common.length)
    said = {label.name: text((words or ())[label.address : label.address + label.width]) for label in COMMON}
    return {name: found for name, found in said.items() if found is not None}


def _chain(address: int) -> Search[tuple[Model, ...]]:
    found: list[Model] = []
    while len(found) < MOST_MODELS:
        words = yield Question(address, HEADER)
        if words is None or len(words) != HEADER:
            raise NotSunSpec(f"the chain of models breaks off at {address}, where a model or its end was expected")
        number, length = words
        if number == _END:
            return tuple(found)
        found.append(Model(number, address, length))
        address += HEADER + length
        if address + HEADER > _ADDRESSES:
            raise NotSunSpec(f"model {number} at {found[-1].address} would end beyond the last register")
    raise NotSunSpec(f"more than {MOST_MODELS} models: the chain has no end")

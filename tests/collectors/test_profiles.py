"""Every profile's examples mean what the profile says they mean, and nothing comes out of what is broken."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from collectors.modbus.decode import decode
from meterbook.domain.profile import WIDTHS, Profile, Register
from meterbook.domain.quantity import follows_convention
from meterbook.site.problem import as_line
from meterbook.site.profiles import load_profile
from meterbook.site.registers import printed_addresses

PAGE = Path(__file__).parents[2] / "docs" / "collectors" / "profiles.md"
FILES = sorted((Path(__file__).parents[2] / "config" / "profiles").glob("*.yaml"))


@cache
def loaded(path: Path) -> Profile:
    profile, problems = load_profile(path)
    assert profile is not None, problems
    return profile


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> Profile:
    return loaded(request.param)


each_profile = pytest.mark.parametrize("profile", FILES, ids=lambda path: path.stem, indirect=True)


def test_the_makes_that_were_promised_are_there() -> None:
    makes = {path.stem.partition("-")[0] for path in FILES}
    assert makes >= {"eastron", "schneider", "carlo", "janitza", "acrel", "abb", "siemens", "chint", "orno", "inepro"}
    assert {loaded(path).sunspec for path in FILES} >= {201, 202, 203, 204, 211, 212, 213, 214}
    assert len(FILES) >= 16


@each_profile
def test_the_examples_of_a_profile_decode(profile: Profile) -> None:
    registers = {register.point: register for register in profile.registers}
    decoded = [
        (one.point, decode(registers[one.point], one.words, profile.word_order, profile.byte_order, one.rescale))
        for one in profile.examples
    ]
    assert decoded == [(one.point, one.value) for one in profile.examples]
    assert {one.point for one in profile.examples} == set(registers), "registers without an example"


@each_profile
def test_names_and_notes_are_in_both_languages(profile: Profile) -> None:
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for told in (profile.name, *profile.notes):
        assert chinese.search(told.zh)
        assert not chinese.search(told.en)


def test_the_sample_of_the_page_is_a_profile(tmp_path: Path) -> None:
    _, sample, _ = re.split(r"^```(?:yaml)?$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / "sample-meter.yaml").write_text(sample, encoding="utf-8")
    test_the_examples_of_a_profile_decode(loaded(tmp_path / "sample-meter.yaml"))


def test_the_page_lists_every_profile_and_type() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[([\w-]+)\]\(profiles/\1\.md\) \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert listed == [(one.id, one.confidence, one.name.en) for one in map(loaded, FILES)]
    assert [type_ for type_ in WIDTHS if f"`{type_}`" not in page] == []


@each_profile
def test_every_way_to_say_not_available_has_an_example(profile: Profile) -> None:
    registers = {register.point: register for register in profile.registers}
    absent = {
        (registers[one.point].type, registers[one.point].sentinels) for one in profile.examples if one.value is None
    }
    declared = {(register.type, register.sentinels) for register in profile.registers if register.sentinels}
    assert declared <= absent


@each_profile
def test_points_are_named_by_the_convention(profile: Profile) -> None:
    odd = [
        register.point
        for register in profile.registers
        if register.spec.quantity != "state" and not follows_convention(register.point, register.spec.quantity)
    ]
    # What is colder and what is warmer is said in front, as on the panels of chillers.
    assert set(odd) <= {"supply_temperature", "return_temperature"}


@each_profile
def test_energies_are_counters_and_nothing_else_is(profile: Profile) -> None:
    counted = {"active_energy", "reactive_energy", "run_time", "starts"}
    assert all(
        (register.spec.kind == "counter") == (register.spec.quantity in counted) for register in profile.registers
    )


@each_profile
def test_random_words_give_a_finite_value_or_none(profile: Profile, counts: Callable[[int], int]) -> None:
    chance = random.Random(profile.id)
    for _ in range(-(-counts(1_000_000) // len(FILES))):
        register = chance.choice(profile.registers)
        words = [chance.getrandbits(16) for _ in range(chance.randrange(6))]
        rescale = chance.choice((None, chance.getrandbits(16), chance.randrange(-10, 11) & 0xFFFF))
        _is_sound(profile, register, words, rescale)


def _is_sound(profile: Profile, register: Register, words: list[int], rescale: int | None) -> None:
    found = decode(register, words, profile.word_order, profile.byte_order, rescale)
    if len(words) < register.width or (register.rescale and rescale is None):
        assert found is None
    elif found is not None:
        assert math.isfinite(found)
        assert math.isfinite(float(found))


def test_the_order_of_words_is_told_by_the_examples() -> None:
    swapped = loaded(next(path for path in FILES if path.stem == "carlo-gavazzi-em24"))
    register = next(one for one in swapped.registers if one.point == "active_energy_import")
    words = (0x614E, 0x00BC)
    assert decode(register, words, "little", "big") == Decimal("1234567.8")
    assert decode(register, words, "big", "big") != Decimal("1234567.8")


@pytest.mark.parametrize(
    ("printed", "table", "expected"),
    [
        ("30001", "input", {30001, 30000, 0}),
        ("40001", "holding", {40001, 40000, 0}),
        ("465536", "holding", {65535}),
        ("00001", "coil", {1, 0}),
        ("10017", "discrete", {10017, 10016, 16}),
        ("3204", "holding", {3204, 3203}),
        ("0x0048", "input", {72}),
        ("101EH", "holding", {0x101E}),
        ("0", "holding", {0}),
        ("register 7", "holding", None),
    ],
)
def test_printed_notations(printed: str, table: str, expected: set[int] | None) -> None:
    assert printed_addresses(printed, table) == expected  # type: ignore[arg-type]


GOOD = (
    "{point: active_power, quantity: active_power, kind: gauge, unit: W, table: holding, address: 0x10, type: uint16}"
)
STATE = "{point: mode, quantity: state, kind: state, unit: none, table: holding, address: 16, type: uint16}"


@pytest.mark.parametrize(
    ("register", "more", "complaint"),
    [
        (GOOD, "type: bit", "registers[0].type: bit does not go with holding; expected bit in coil and discrete"),
        (GOOD, "address: 65535, type: uint32", "registers[0].type: uint32 at 65535 ends beyond 65535"),
        (GOOD, "address: 0x10000", "registers[0].address"),
        (GOOD, "address: ten", "registers[0].address: ten is no register value; expected a whole number"),
        (GOOD, "printed: '30017'", "30017 is not how holding 16 is printed; expected 40017, 0x0010, 16 or 17"),
        (GOOD, "printed: '0x0011'", "0x0011 is not how holding 16 is printed"),
        (GOOD, "bits: 16", "registers[0].bits: uint16 has no bit 16; expected 0 to 15"),
        (GOOD, "bits: 4-2", "registers[0].bits: 4-2 names no bits"),
        (GOOD, "type: int16, bits: 3", "registers[0].bits: int16 has no bits of its own"),
        (GOOD, "type: uint8_high, bits: 8", "registers[0].bits: uint8_high has no bit 8; expected 0 to 7"),
        (GOOD, "enum: {0: off}", "registers[0].enum: gauge of uint16 has no states"),
        (STATE, "enum: {0: off, 0x0: out}", "registers[0].enum: names a raw number twice"),
        (STATE, "enum: {0: off}, scale: 10", "registers[0].enum: states are not scaled"),
        (STATE, "enum: {}", "registers[0].enum: a mapping is no list of states"),
        (STATE, "enum: {off: 0}", "registers[0].enum: off is no register value"),
        (STATE, "enum: {0: off}, scale_register: 3", "registers[0].scale_register: scales what is no quantity"),
        (GOOD, "scale_register: 1, divisor_register: 2", "registers[0].divisor_register: stands beside"),
        (GOOD, "scale_register: 1", "examples[0].scale_words: 0 words of a scale register do not fit active_power"),
        (GOOD, "sentinels: [-0x1]", "registers[0].sentinels[0]: -0x1 is no register value"),
        (GOOD, "type: string", "registers[0].type"),
    ],
)
def test_a_mistake_in_a_register_is_named(tmp_path: Path, register: str, more: str, complaint: str) -> None:
    keys = {key.partition(":")[0].strip() for key in more.split(", ")}
    kept = [part for part in register.strip("{}").split(", ") if part.partition(":")[0] not in keys]
    point = kept[0].removeprefix("point: ")
    file = tmp_path / "own.yaml"
    file.write_text(
        f"id: own\nname: Own\nsources: [me]\nregisters:\n  - {{{', '.join(kept)}, {more}}}\n"
        f"examples:\n  - {{point: {point}, words: '0001', value: 1}}\n",
        encoding="utf-8",
    )
    profile, problems = load_profile(file)
    assert profile is None
    assert any(complaint in as_line(problem) for problem in problems), [as_line(problem) for problem in problems]


def test_a_bound_of_a_profile_holds(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("id: own\nname: Own\nsources: [me]\nmax_registers: 126\nregisters: []\nexamples: []\n", "utf-8")
    _, problems = load_profile(file)
    assert "profiles/own.yaml:4: max_registers: 126 does not fit here; expected at most 125" in map(as_line, problems)


def test_a_label_stands_where_words_are(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    example = "{point: active_power, words: '0001', value: 1}"
    text = f"id: own\nname: Own\nsources: [me]\nregisters: [{GOOD}]\nexamples: [{example}]\n"
    file.write_text(f"{text}labels: [{{name: serial_number, table: holding, address: 0xFC00, words: 8}}]\n", "utf-8")
    profile, _ = load_profile(file)
    assert profile is not None
    assert [(label.name, label.address, label.width) for label in profile.labels] == [("serial_number", 0xFC00, 8)]
    assert profile.confidence == "low"
    file.write_text(f"{text}labels: [{{name: serial_number, table: coil, address: 0, words: 8}}]\n", "utf-8")
    assert [as_line(problem) for problem in load_profile(file)[1]] == [
        "profiles/own.yaml:6: labels[0].table: coil holds no text; expected holding or input"
    ]

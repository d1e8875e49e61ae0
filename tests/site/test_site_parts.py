"""Reading, units, profiles, formulas: the parts a site is loaded with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, PlainValidator

from meterbook.domain.quantity import UNITS
from meterbook.site import sheet
from meterbook.site.check.graph import circles
from meterbook.site.files import MODELS
from meterbook.site.models.profile import ProfileFile
from meterbook.site.places import nearest_country, nearest_currency, nearest_zone
from meterbook.site.problem import Problem, as_line, nearest
from meterbook.site.profiles import load_profile, profiles
from meterbook.site.tree import Rows, Section, Unreadable, Where, read
from meterbook.site.units import USUAL, NoFactor, computed, factor

CONFIG = Path(__file__).resolve().parents[2] / "config"


def value(text: str) -> object:
    return read(text, Where("a.yaml", 1), [])


def test_scalars_stay_text() -> None:
    assert value("[no, 12:30, 2026-01-01, 0x1F, 1_000, 1.50, .inf]") == [
        "no", "12:30", "2026-01-01", "0x1F", "1_000", "1.50", ".inf",
    ]  # fmt: skip
    assert value("[true, false, null, ~, 'true', '']") == [True, False, None, None, "true", ""]


def test_places_are_remembered() -> None:
    tree = value("a:\n  - b: 1\n    c: 2\n")
    assert isinstance(tree, Section)
    rows = tree["a"]
    assert isinstance(rows, Rows)
    entry = rows[0]
    assert isinstance(entry, Section)
    assert (entry.at("c").line, entry.at("c").key) == (3, "a[0].c")


@pytest.mark.parametrize(
    "text", ["{" * 50, "[" * 100_000, "a: *b", "? [a]\n: b", "a: 1\n---\nb: 2", '"\\ud800"', "\x00", "@", "%X\n---\na"]
)
def test_what_is_no_document_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        value(text)


def test_an_alias_is_what_it_stands_for() -> None:
    assert value("a: &x {b: 1}\nc: *x\n") == {"a": {"b": "1"}, "c": {"b": "1"}}


def test_a_sheet_with_a_broken_quote_is_a_problem() -> None:
    _, problems = sheet.rows('id,name\n"a,b\n', "meters.csv", "meters")
    assert [problem.message.split(":")[0] for problem in problems] == ["no CSV"]


@pytest.mark.parametrize(
    ("quantity", "unit", "expected"),
    [
        ("active_power", "W", "0.001"),
        ("active_energy", "MWh", "1000"),
        ("reactive_power", "var", "0.001"),
        ("volume", "L", "0.001"),
        ("volume", "m³", "1"),
        ("volume_flow", "L/s", "3.6"),
        ("pressure", "kPa", "0.01"),
        ("mass", "t", "1000"),
    ],
)
def test_factors_are_exact(quantity: str, unit: str, expected: str) -> None:
    assert str(factor(quantity, unit)) == expected


def test_factors_that_are_known_by_heart_are_those_of_the_definitions() -> None:
    assert {pair: str(computed(*pair)) for pair in USUAL} == {pair: str(known) for pair, known in USUAL.items()}


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("volume", "kWh"),
        ("temperature", "degF"),
        ("volume", "10**9"),
        ("state", "V"),
        ("volume", "nonsense"),
        ("level", "m3"),
    ],
)
def test_units_that_do_not_fit_are_refused(quantity: str, unit: str) -> None:
    with pytest.raises(NoFactor):
        factor(quantity, unit)


@pytest.mark.parametrize("quantity", UNITS)
def test_canonical_units_need_no_factor(quantity: str) -> None:
    assert factor(quantity, UNITS[quantity]) == Decimal(1)


@pytest.mark.parametrize("path", profiles(CONFIG, Path("nowhere")).values(), ids=lambda path: path.stem)
def test_every_profile_loads_and_has_an_example_for_each_point(path: Path) -> None:
    profile, problems = load_profile(path)
    assert problems == []
    assert profile is not None
    assert {example.point for example in profile.examples} == {register.point for register in profile.registers}


def test_registers_do_not_overlap() -> None:
    for path in profiles(CONFIG, Path("nowhere")).values():
        profile, _ = load_profile(path)
        assert profile is not None
        words = [
            (register.table, register.address + word)
            for register in profile.registers
            for word in range(register.width)
        ]
        assert len(set(words)) == len(words), path.stem


def test_circles_are_found_once() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a", "d"]}) == [["a", "b", "c"], ["d"]]
    assert circles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []


def test_a_problem_reads_as_one_line() -> None:
    problem = Problem("meters.yaml", 12, "meters[3].parent", "E-MIAN is no meter", "the id of a meter", "E-MAIN")
    line = "meters.yaml:12: meters[3].parent: E-MIAN is no meter; expected the id of a meter; did you mean E-MAIN?"
    assert as_line(problem) == line


def test_a_problem_stays_one_line_that_can_be_printed() -> None:
    line = as_line(Problem("a.yaml", 1, "x\x1b[2Jy", "a\nb", "电表"))
    assert line == r"a.yaml:1: x\x1b[2Jy: a\nb; expected 电表"


@pytest.mark.parametrize(
    ("meant", "name", "expected"),
    [
        (nearest_zone, "Asia/Bejing", "Asia/Shanghai"),
        (nearest_zone, "Asia/Shangai", "Asia/Shanghai"),
        (nearest_zone, "UTC+8", "Asia/Shanghai"),
        (nearest_zone, "europe/berlin", "Europe/Berlin"),
        (nearest_zone, "Mars/Olympus", None),
        (nearest_currency, "RMB", "CNY"),
        (nearest_currency, "CYN", "CNY"),
        (nearest_currency, "DEMM", None),
        (nearest_country, "China", "CN"),
        (nearest_country, "中国", "CN"),
        (nearest_country, "XX", None),
    ],
)
def test_people_mean_places_by_many_names(meant: Callable[[str], str | None], name: str, expected: str | None) -> None:
    assert meant(name) == expected


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models an annotation can stand for, with those inside them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for argument in get_args(annotation):
        yield from models(argument)


def parts(annotation: object) -> Iterator[object]:
    """An annotation and all that it is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from parts(argument)


@pytest.mark.parametrize("file", [*MODELS, "profile"])
def test_no_bound_stands_where_it_is_never_looked_at(file: str) -> None:
    """Pydantic passes over bounds beside a PlainValidator: a port of 99999 would be accepted."""
    found = set(models(MODELS.get(file, ProfileFile)))
    assert found
    for model in found:
        for name, field in model.model_fields.items():
            made_of = [*parts(field.annotation), *field.metadata]
            bounded = any(isinstance(part, Ge | Gt | Le | Lt) for part in made_of)
            assert not (bounded and any(isinstance(part, PlainValidator) for part in made_of)), f"{model}.{name}"


def test_nearest_ignores_case_and_gives_up() -> None:
    assert nearest("e-mian", ["E-MAIN", "W-MAIN"]) == "E-MAIN"
    assert nearest("zebra", ["E-MAIN"]) is None

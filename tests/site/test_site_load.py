"""What sound sites become."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from meterbook.domain.device import ModbusConnection, MqttConnection
from meterbook.domain.instant import MINUTE, SECOND, parse
from meterbook.domain.rule import Limit, NightFlow, NoData, NotBuilt
from meterbook.domain.site import Site
from meterbook.domain.text import Text
from meterbook.site.load import load
from meterbook.site.problem import as_json, as_line, errors

DEMO = Path(__file__).resolve().parents[2] / "config" / "sites" / "demo"
METER = "meters: [{id: W, utility: water, entry: manual}]\n"

Written = Callable[..., Path]


def loaded(directory: Path) -> Site:
    found = load(directory)
    assert found.site is not None, as_json(found.problems)
    return found.site


def test_the_reference_hospital_loads_as_it_stands(hospital: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "secret")
    found = load(hospital)
    assert found.problems == []
    site = found.site
    assert site is not None
    assert len(site.meters) == 10
    assert len(site.departments) == 6
    assert site.points["E-KITCHEN"].device is None
    assert site.meters["E-KITCHEN"].reads == "E-KITCHEN"
    assert site.meters["E-B1-REST"].factors == {"E-B1": Fraction(1), "E-B1-CT": Fraction(-1)}
    assert len(site.version) == 64


@pytest.fixture(scope="module")
def demo() -> Site:
    return loaded(DEMO)


def test_the_demo_has_only_the_warning_of_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MQTT_PASSWORD", raising=False)
    assert [(problem.severity, problem.key) for problem in load(DEMO).problems] == [
        ("warning", "connections[0].mqtt.password")
    ]
    monkeypatch.setenv("MQTT_PASSWORD", "secret")
    assert load(DEMO).problems == []


def test_decimals_keep_the_digits_they_were_written_with(demo: Site) -> None:
    register = demo.meters["E-B1"].register
    assert str(register.maximum) == "999999.99"
    assert register.digit == Decimal("0.01")
    assert str(demo.meters["E-B1"].installations[0].new_initial) == "12.40"
    assert str(demo.meters["W-B1"].register.maximum) == "999999.999"
    assert str(demo.tariffs[0].bands["peak"]) == "1.1463"


def test_an_exchange_changes_the_multiplier_at_its_instant(demo: Site) -> None:
    exchange = parse("2026-10-12T10:30:00+08:00")
    multiplier = demo.meters["E-B1"].multiplier
    assert (multiplier.at(exchange - 1), multiplier.at(exchange)) == (Decimal(40), Decimal(60))


def test_a_day_begins_at_the_sites_midnight(demo: Site) -> None:
    headcount = demo.departments["wards"].headcount
    assert headcount is not None
    opened = parse("2026-10-16T00:00:00+08:00")
    assert (headcount.at(opened - 1), headcount.at(opened)) == (Decimal(310), Decimal(325))
    assert demo.allocations[0].start == parse("2026-01-01T00:00:00+08:00")


def test_points_carry_factors_to_canonical_units(demo: Site) -> None:
    power = demo.points["b1-main.active_power_total"].spec
    assert (power.unit, power.factor) == ("W", Decimal("0.001"))
    assert demo.points["campus-water.volume"].spec.factor == 1


def test_rules_become_conditions(demo: Site) -> None:
    overload = demo.rules["b1-phase-overload"].condition
    assert isinstance(overload, Limit)
    assert overload.points == (("b1-main.active_power_total", "E-B1"),)
    assert (overload.above, overload.clear_below, overload.hold) == (Decimal(820), Decimal(780), 5 * MINUTE)
    silent = demo.rules["meters-silent"].condition
    assert isinstance(silent, NoData)
    assert set(silent.devices) == set(demo.devices)
    night = demo.rules["night-water"].condition
    assert isinstance(night, NightFlow)
    assert (night.meters, night.window) == (("W-B1", "W-B2"), (120, 240))
    later = demo.rules["unaccounted"]
    assert later.condition == NotBuilt({"parent": "E-MAIN", "above": "6%", "over": "1d"})
    assert not later.active


def test_a_rule_without_texts_has_those_of_its_kind(hospital: Path) -> None:
    rule = loaded(hospital).rules["night-water"]
    assert rule.name.en == "Unusual use at night"
    assert rule.cause is not None
    assert rule.action is not None


def test_overrides_replace_what_is_known_only_at_run_time() -> None:
    found = load(DEMO, {"broker": {"port": 40001, "password": "file:/run/word"}, "gw-b1": {"port": 40002}})
    assert found.site is not None
    broker, gateway = found.site.connections["broker"], found.site.connections["gw-b1"]
    assert isinstance(broker, MqttConnection)
    assert (broker.port, broker.password, broker.username) == (40001, "file:/run/word", "meterbook")
    assert isinstance(gateway, ModbusConnection)
    assert gateway.port == 40002


def test_two_files_are_enough(written: Written) -> None:
    site = loaded(written(meters__yaml=METER))
    assert site.tariffs == ()
    assert site.rules == {}
    assert site.language == "zh"


def test_words_mean_what_they_say(written: Written) -> None:
    """YAML 1.1 would make a bool of `no`, a number of 12:30 and of 0123."""
    meters = (
        "meters: [{id: no, name: 12:30, utility: water, entry: manual}, {id: 0123, utility: water, entry: manual}]\n"
    )
    site = loaded(written(meters__yaml=meters))
    assert set(site.meters) == {"no", "0123"}
    assert site.meters["no"].name == Text.same("12:30")


def test_a_sheet_says_the_same_as_the_yaml(written: Written, tmp_path: Path) -> None:
    rows = [
        "id,name,utility,parent,reads,formula,entry,register_max,multiplier,installations",
        'W,"{zh: 总表, en: Main}",water,,,,manual,9999.99,"[{value: 1}, {from: 2026-05-01, value: 10}]",',
        'W-1,,water,W,,,manual,,,"[{at: ""2026-10-12T10:30:00+08:00"", old_final: 7.5, new_initial: 0.0}]"',
        "",
        "W-REST,,water,,,W - W-1,,,,",
    ]
    yaml = """meters:
  - {id: W, name: {zh: 总表, en: Main}, utility: water, entry: manual, register_max: 9999.99,
     multiplier: [{value: 1}, {from: 2026-05-01, value: 10}]}
  - id: W-1
    utility: water
    parent: W
    entry: manual
    installations: [{at: "2026-10-12T10:30:00+08:00", old_final: 7.5, new_initial: 0.0}]
  - {id: W-REST, utility: water, formula: W - W-1}
"""
    from_yaml = loaded(written(meters__yaml=yaml))
    (tmp_path / "meters.yaml").unlink()
    (tmp_path / "meters.csv").write_text("\r\n".join(rows), encoding="utf-8-sig")
    assert loaded(tmp_path).meters == from_yaml.meters


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_sheet_may_have_the_delimiter_of_any_spreadsheet(written: Written, delimiter: str) -> None:
    sheet = "id,utility,entry,multiplier\nW,water,manual,10\n".replace(",", delimiter)
    assert loaded(written(meters__csv=sheet)).meters["W"].multiplier.at(0) == 10


def test_a_directory_in_place_of_a_file_is_an_error(written: Written, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").mkdir()
    problems = load(written(meters__yaml=METER)).problems
    assert [as_line(problem) for problem in problems] == ["rules.yaml: is no file; expected a file that can be read"]


def test_a_link_to_nothing_is_an_error(written: Written, tmp_path: Path) -> None:
    (tmp_path / "meters.yaml").symlink_to(tmp_path / "gone.yaml")
    (tmp_path / "rules.yaml").symlink_to(tmp_path / "gone.yaml")
    problems = load(written()).problems
    assert [(problem.file, problem.message) for problem in problems] == [
        ("meters.yaml", "is no file"),
        ("rules.yaml", "is no file"),
    ]


def test_a_link_to_a_file_is_that_file(written: Written, tmp_path: Path) -> None:
    directory = written(kept__txt=METER)
    (tmp_path / "meters.yaml").symlink_to(tmp_path / "kept.txt")
    assert set(loaded(directory).meters) == {"W"}


def test_a_formula_may_fill_its_line_and_no_more(written: Written) -> None:
    fits, longer = "W" + " + W" * 499, "W" + " + W" * 9_999
    formula = METER + "  - {{id: X, utility: water, formula: {}}}\n"
    formula = formula.replace(
        "[{id: W, utility: water, entry: manual}]", "\n  - {{id: W, utility: water, entry: manual}}"
    )
    assert loaded(written(meters__yaml=formula.format(fits))).meters["X"].factors == {"W": 500}
    (problem,) = load(written(meters__yaml=formula.format(longer))).problems
    assert (problem.key, problem.message) == ("meters[1].formula", "is 39997 characters long")


def test_a_pack_is_switched_on_and_tuned(written: Written) -> None:
    rules = "packs: [essentials]\ntune: {devices-silent: {team: owner, after: 5, enabled: false}}\n"
    rule = loaded(written(meters__yaml=METER, rules__yaml=rules)).rules["devices-silent"]
    assert rule.condition == NoData((), Decimal(5))
    assert not rule.active


def test_a_site_brings_its_own_profile(written: Written, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    profile = """id: own
name: Own
sources: [measured here]
registers: [{point: volume, quantity: volume, kind: counter, unit: L, table: holding, address: 0, type: uint32}]
examples: [{point: volume, words: "0000 000A", value: 10}]
"""
    (tmp_path / "profiles" / "own.yaml").write_text(profile, encoding="utf-8")
    devices = "connections: [{id: gw, modbus: {host: h}}]\n"
    devices += "devices: [{id: d, connection: gw, unit: 1, profile: own, every: 90s}]\n"
    site = loaded(written(meters__yaml="meters: [{id: W, utility: water, reads: d.volume}]\n", devices__yaml=devices))
    assert site.points["d.volume"].spec.factor == Decimal("0.001")
    assert site.meters["W"].period == 90 * SECOND


def test_a_broken_profile_is_named(written: Written, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.yaml").write_text("id: other\nname: Own\n", encoding="utf-8")
    devices = "connections: [{id: gw, modbus: {host: h}}]\ndevices: [{id: d, connection: gw, unit: 1, profile: own}]\n"
    problems = load(written(meters__yaml=METER, devices__yaml=devices)).problems
    assert {(problem.file, problem.key) for problem in problems} == {
        ("profiles/own.yaml", "sources"),
        ("profiles/own.yaml", "registers"),
        ("profiles/own.yaml", "examples"),
    }


def test_secrets_are_never_quoted(written: Written) -> None:
    devices = "connections: [{id: b, mqtt: {host: h, password: hunter2}}]\n"
    found = load(written(meters__yaml=METER, devices__yaml=devices))
    assert errors(found.problems)
    assert "hunter2" not in as_json(found.problems)


def test_a_relative_secret_is_looked_for_in_the_site(written: Written, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("x", encoding="utf-8")
    devices = "connections: [{id: b, mqtt: {host: h, password: 'file:word'}}]\n"
    found = load(written(meters__yaml=METER, devices__yaml=devices))
    assert found.problems == []
    assert found.site is not None
    assert found.site.connections["b"] == MqttConnection("b", "h", 1883, password=f"file:{tmp_path / 'word'}")


def test_the_version_follows_every_file(written: Written, tmp_path: Path) -> None:
    before = loaded(written(meters__yaml=METER)).version
    assert loaded(tmp_path).version == before
    (tmp_path / "quotas.yaml").write_text("quotas: []\n", encoding="utf-8")
    assert loaded(tmp_path).version != before


def test_no_directory_is_one_problem(tmp_path: Path) -> None:
    found = load(tmp_path / "nowhere")
    assert found.site is None
    assert "cannot be read" in found.problems[0].message


def test_json_has_errors_and_warnings(written: Written) -> None:
    shown = json.loads(
        as_json(load(written(meters__yaml="meters: [{id: W, utility: watr, entry: manual}]\n")).problems)
    )
    assert shown["warnings"] == []
    assert shown["errors"] == [
        {
            "file": "meters.yaml",
            "line": 1,
            "key": "meters[0].utility",
            "message": "watr is no utility",
            "expected": "one of electricity, water",
            "nearest": "water",
        }
    ]

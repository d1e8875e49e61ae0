"""`meterbook device`: what a profile says of a model, and what to know before it is used."""

from __future__ import annotations

import json
from pathlib import Path

from peers.commands import typed

from meterbook.site.config import config_dir

DEMO = config_dir() / "sites/demo"


def meterbook(*arguments: str, code: int = 0) -> str:
    done = typed("device", *arguments)
    assert done.code == code, done.told
    return done.told


def row(table: str, point: str) -> list[str]:
    return next([cell.strip() for cell in line.strip("│").split("│")] for line in table.splitlines() if point in line)


def test_profiles_are_listed_with_how_sure_they_are() -> None:
    assert row(meterbook("list"), "siemens-pac2200")[3:] == ["18", "high"]


def test_a_profile_is_shown_with_types_orders_scales_and_what_means_absent() -> None:
    shown = meterbook("show", "carlo-gavazzi-em340")
    assert row(shown, "active_energy_import") == [
        "active_energy_import", "input", "52", "0034h", "int32", "little/big", "x 0.1", "kWh", "counter",
        "0 to 1000000000", "0x7FFFFFFF",
    ]  # fmt: skip
    assert "confidence: medium" in shown
    assert "source: volkszaehler/mbmd" in shown


def test_tables_and_remarks_exist_in_chinese() -> None:
    listed = meterbook("list", "--language", "zh")
    assert [heading in listed for heading in ("设备模板", "中文名称", "测点数", "可信度")] == [True] * 4
    shown = meterbook("show", "carlo-gavazzi-em340", "--language", "zh")
    assert row(shown, "active_energy_import")[9] == "0 至 1000000000"
    assert "可信度：medium" in shown
    by_site = meterbook("show", "carlo-gavazzi-em340", "--site", str(DEMO))
    assert by_site == shown
    assert meterbook("show", "carlo-gavazzi-em340", "--site", str(DEMO), "--language", "en") == meterbook(
        "show", "carlo-gavazzi-em340"
    )
    as_json = ("show", "carlo-gavazzi-em340", "--format", "json")
    assert meterbook(*as_json, "--language", "zh") == meterbook(*as_json)


def test_programs_get_the_same_as_json() -> None:
    listed = json.loads(meterbook("list", "--format", "json"))
    (siemens,) = (one for one in listed if one["profile"] == "siemens-pac2200")
    assert (siemens["points"], siemens["confidence"]) == (18, "high")
    shown = json.loads(meterbook("show", "carlo-gavazzi-em340", "--format", "json"))
    assert shown["zh"] == "佳乐 EM330/EM340/ET330/ET340 三相电表"
    (energy,) = (one for one in shown["registers"] if one["point"] == "active_energy_import")
    assert (energy["address"], energy["order"], energy["absent"]) == (52, "little/big", "0x7FFFFFFF")
    assert "confidence: medium" in shown["remarks"]


def test_scale_registers_states_and_notes_are_shown() -> None:
    assert row(meterbook("show", "sunspec-203"), "active_energy_import")[6] == "x 10^(54)"
    assert "note: Import and export: OpenEMS lists 19068 and 19076" in meterbook("show", "janitza-umg96rm-e")
    assert "running: 0 stopped, 1 running" in meterbook("show", "chiller-generic")


def test_a_profile_of_the_site_is_shown_with_bits_offset_and_labels(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.yaml").write_text(
        "id: own\nname: Own\nsources: [me]\nregisters:\n"
        "  - {point: temperature, quantity: temperature, kind: gauge, unit: degC, table: holding, address: 1,"
        " type: uint16, bits: 0-9, divisor_register: 2, scale: 0.5, offset: -40}\n"
        "labels: [{name: serial_number, table: holding, address: 16, words: 8}]\n"
        "examples: [{point: temperature, words: '0001', scale_words: '0001', value: -39.5}]\n",
        encoding="utf-8",
    )
    shown = meterbook("show", "own", "--site", str(tmp_path))
    assert row(shown, "temperature")[4:7] == ["uint16:0-9", "big/big", "x 0.5 / (2) -40"]
    assert "serial_number: text of 8 words at holding 16" in shown
    assert "own is no profile" in meterbook("show", "own", code=2)

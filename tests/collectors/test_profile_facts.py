"""The registers of the profiles stand where the gathered facts have them (shared/data/modbus, read in place)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from meterbook.domain.profile import Profile
from meterbook.site.profiles import load_profile

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT.parent / "shared" / "data" / "modbus" / "registers.csv"

DEVICES = {
    "Eastron SDM630 (superset of SDM family)": "eastron-sdm630",
    "Eastron SDM120": "eastron-sdm120",
    "Eastron SDM230": "eastron-sdm230",
    "Eastron SDM72D-M v2": "eastron-sdm72",
    "Janitza B2x / (UMG float block 19000+)": "janitza-b23",
    "Janitza UMG96RM-E": "janitza-umg96rm-e",
    "Janitza UMG604": "janitza-umg604",
    "Carlo Gavazzi EM24 (RS-485)": "carlo-gavazzi-em24",
    "Carlo Gavazzi EM24_E1 (Ethernet)": "carlo-gavazzi-em24-e1",
    "Carlo Gavazzi EM/ET330/340": "carlo-gavazzi-em340",
    "Schneider iEM3xxx": "schneider-iem3000",
    "ABB A/B-series": "abb-b23",
    "Siemens PAC2200": "siemens-pac2200",
    "Chint DTSU666": "chint-dtsu666",
    "Orno WE-516": "orno-we-516",
    "inepro PRO": "inepro-pro380",
}
"""The profile of each device of the facts that names its measurements; the Acrel's are sentences."""

QUANTITIES = {
    "Voltage": "voltage",
    "Current": "current",
    "Power": "active_power",
    "ReactivePower": "reactive_power",
    "ApparentPower": "apparent_power",
    "Cosphi": "power_factor",
    "Frequency": "frequency",
    "Import": "active_energy_import",
    "Export": "active_energy_export",
    "ReactiveImport": "reactive_energy_import",
    "ReactiveExport": "reactive_energy_export",
    "VOLTAGE": "voltage",
    "CURRENT": "current",
    "ACTIVE_POWER": "active_power",
    "REACTIVE_POWER": "reactive_power",
    "FREQUENCY": "frequency",
}
MORE = {
    "janitza-umg96rm-e": {f"active_power_{phase}" for phase in ("l1", "l2", "l3", "total")}
    | {f"reactive_power_{phase}" for phase in ("l1", "l2", "l3", "total")}
    | {"active_energy_import", "active_energy_export"},
    "janitza-umg604": {"active_energy_import", "active_energy_export"},
}
"""Points of profiles that the facts leave out, or, for these energies, name both ways round."""

TABLES = {"FC03": "holding", "FC04": "input"}


def points_of(measurement: str) -> list[str]:
    """The names a point of this measurement may have in a profile."""
    stem, phase = re.fullmatch(r"(.*?)(?:_?L([123]))?", measurement).groups()  # type: ignore[union-attr]
    name = QUANTITIES.get(stem)
    if name is None:
        return []
    return [f"{name}_l{phase}"] if phase else [name, f"{name}_total"]


def facts() -> list[dict[str, str]]:
    if not FACTS.is_file():
        pytest.skip(f"{FACTS.name} is not here: the facts from outside stand in shared/data/modbus beside the project")
    with FACTS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def profile_of(name: str) -> Profile:
    profile, problems = load_profile(ROOT / "config" / "profiles" / f"{name}.yaml")
    assert profile is not None, problems
    return profile


@pytest.mark.parametrize(("device", "name"), DEVICES.items(), ids=DEVICES.values())
def test_registers_stand_where_the_facts_have_them(device: str, name: str) -> None:
    registers = {register.point: register for register in profile_of(name).registers}
    compared = set()
    for row in facts():
        for point in points_of(row["measurement"]) if row["device"] == device else ():
            if point in registers:
                found = registers[point]
                assert (found.table, found.address) == (TABLES[row["function"]], int(row["address_dec"])), point
                compared.add(point)
    # Where the facts have nothing on a point, its profile names another source.
    unproven = set(registers) - compared
    assert unproven <= MORE.get(name, set())


@pytest.mark.parametrize(
    ("name", "addresses"), [("janitza-umg96rm-e", (19068, 19076)), ("janitza-umg604", (9851, 9863))]
)
def test_energies_that_are_named_both_ways_stand_where_positive_power_counts(
    name: str, addresses: tuple[int, int]
) -> None:
    registers = {register.point: register.address for register in profile_of(name).registers}
    assert (registers["active_energy_import"], registers["active_energy_export"]) == addresses
    both = {
        int(row["address_dec"])
        for row in facts()
        if DEVICES.get(row["device"]) == name and "ENERGY" in row["measurement"]
    }
    assert both == set(addresses)

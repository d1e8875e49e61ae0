"""A transport is one word everywhere: in the domain, in devices.yaml, on its page; and what the page shows loads."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from house.sources import ROOT
from peers.intake import HeldIntake
from typer.testing import CliRunner

from collectors.modbus.bus import ModbusCollector
from meterbook.cli import app
from meterbook.domain.device import ModbusConnection, ModbusTransport
from meterbook.site.load import load
from meterbook.site.models.devices import Modbus

PAGES = ROOT / "docs/collectors"
SAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
KEYS = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \|", re.MULTILINE)
SITE = """site: {id: sample, name: Sample, timezone: Europe/Berlin, currency: EUR}
spaces: [{id: campus, name: Campus}]
"""
TRANSPORTS = get_args(ModbusTransport)


def page(word: str) -> str:
    return (PAGES / f"modbus-{word}.md").read_text(encoding="utf-8")


def loaded(folder: Path, devices: str):
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "meters.yaml").write_text("meters: []\n", encoding="utf-8")
    (folder / "devices.yaml").write_text(devices, encoding="utf-8")
    return load(folder)


@pytest.mark.parametrize("word", TRANSPORTS)
def test_the_sample_of_a_page_loads_and_can_be_polled(word, tmp_path, clock):
    samples = SAMPLE.findall(page(word))
    assert len(samples) == 1
    found = loaded(tmp_path, samples[0])
    assert found.site is not None, found.problems
    (connection,) = found.site.connections.values()
    assert isinstance(connection, ModbusConnection)
    assert connection.transport == word
    collector = ModbusCollector(connection, list(found.site.devices.values()), HeldIntake(), clock)
    assert collector.status().state == "starting"
    collector.stop()


@pytest.mark.parametrize("word", TRANSPORTS)
def test_a_page_names_options_that_exist(word):
    named = set(re.findall(r"`(\w+)`", " ".join(KEYS.findall(page(word)))))
    assert named
    assert named <= set(Modbus.model_fields)


def test_every_option_is_on_a_page():
    named = {key for word in TRANSPORTS for key in re.findall(r"`(\w+)`", " ".join(KEYS.findall(page(word))))}
    assert named == set(Modbus.model_fields) - {"transport"}


def test_what_belongs_to_the_other_transport_is_a_mistake(tmp_path):
    for wrong, said in (
        ("{transport: rtu, host: 192.0.2.1}", "rtu without serial_port"),
        ("{transport: tcp, serial_port: /dev/ttyUSB0}", "tcp without host"),
        ("{transport: tcp, host: a, serial_port: /dev/ttyUSB0}", "serial_port does not go with tcp"),
        ("{transport: ascii, host: a}", "ascii"),
        ("{host: a, stop_bits: 3}", "stop_bits"),
        ("{host: a, parity: mark}", "mark"),
    ):
        found = loaded(tmp_path, f"connections: [{{id: bus, modbus: {wrong}}}]\n")
        assert found.site is None
        assert any(said in f"{one.key} {one.message}" for one in found.problems), found.problems


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        ("{host: GW.example}", "{host: gw.example, timeout: 2s}", "gw.example:502"),
        ("{transport: rtu-over-tcp, host: gw, port: 4001}", "{host: gw, port: 4001}", "gw:4001"),
        ("{transport: rtu, serial_port: /dev/ttyS0}", "{transport: rtu, serial_port: /dev/ttyS0}", "/dev/ttyS0"),
    ],
)
def test_two_connections_to_one_place_are_a_mistake(tmp_path, one, other, place):
    """Their questions would meet on one line, and each would hear the other's answers."""
    found = loaded(tmp_path, f"connections:\n- {{id: a, modbus: {one}}}\n- {{id: b, modbus: {other}}}\n")
    assert found.site is None
    (problem,) = found.problems
    assert (problem.line, problem.message) == (3, f"b leads to {place}, as a does")


def test_one_host_may_have_many_ports(tmp_path):
    lines = "- {id: a, modbus: {host: gw, port: 4001}}\n- {id: b, modbus: {host: gw, port: 4002}}\n"
    assert loaded(tmp_path, f"connections:\n{lines}").site is not None


def test_the_commands_of_the_probes_page_are_commands():
    shown = re.findall(r"^meterbook (device probe .*)$", page("probe"), re.MULTILINE)
    assert len(shown) >= 4
    for command in shown:
        done = CliRunner().invoke(app, [*shlex.split(command), "--help"])
        assert done.exit_code == 0, done.output
        known = set(re.findall(r"--[a-z-]+", done.stdout))
        assert set(re.findall(r"--[a-z-]+", command)) <= known

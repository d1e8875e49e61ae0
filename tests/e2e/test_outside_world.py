"""A broker and a Modbus peer not written here: what they say is found through the API; a kill loses nothing."""

from __future__ import annotations

import random
import signal
import sqlite3
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from peers import libmodbus, mosquitto
from peers.libmodbus import LibmodbusServer
from peers.mosquitto import Mosquitto
from peers.service import MeterbookProcess
from peers.waiting import eventually

needs_mosquitto = pytest.mark.skipif(bool(mosquitto.MISSING), reason=f"no outside broker: {mosquitto.MISSING}")
needs_libmodbus = pytest.mark.skipif(bool(libmodbus.MISSING), reason=f"no outside Modbus peer: {libmodbus.MISSING}")

SITE = """\
site: {id: outside, name: {zh: 外部, en: Outside}, timezone: Asia/Shanghai, currency: CNY}
"""
METERS = """\
meters:
  - {id: W, utility: water, reads: well.volume, register_max: 9999999.999}
"""
TOPIC = "plant/well"


def devices(port: int, more: str = "") -> str:
    return f"""\
connections:
  - id: broker
    mqtt: {{host: 127.0.0.1, port: {port}, username: meterbook, password: "env:OUTSIDE_PASSWORD"}}
{more}
devices:
  - id: well
    connection: broker
    every: 60s
    mqtt:
      topic: {TOPIC}
      points:
        volume: {{value: "$.volume", at: "$.ts", kind: counter, quantity: volume, unit: m3}}
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


def site_directory(place: Path, devices_yaml: str, meters: str = METERS) -> Path:
    place.mkdir()
    (place / "site.yaml").write_text(SITE)
    (place / "devices.yaml").write_text(devices_yaml)
    (place / "meters.yaml").write_text(meters)
    return place


def service(tmp_path: Path, site: Path, broker: Mosquitto) -> MeterbookProcess:
    data = tmp_path / "data"
    data.mkdir()
    return MeterbookProcess(site, data, {"OUTSIDE_PASSWORD": broker.password})


def asked(point: str, start: datetime) -> str:
    window = (
        f"from={quote((start - timedelta(hours=1)).isoformat())}&to={quote((start + timedelta(hours=1)).isoformat())}"
    )
    return f"/points/{point}/readings?{window}"


@needs_mosquitto
@needs_libmodbus
def test_outside_broker_and_modbus_peer_are_read(tmp_path: Path, broker: Mosquitto) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with LibmodbusServer() as peer:
        peer.set_input(72, *struct.unpack(">2H", struct.pack(">f", 12345.75)))
        gateway = f"  - {{id: gw, modbus: {{transport: tcp, host: 127.0.0.1, port: {peer.port}}}}}"
        wired = devices(broker.port, gateway) + (
            "  - {id: feeder, connection: gw, unit: 1, profile: eastron-sdm630, every: 1s}\n"
        )
        site = site_directory(tmp_path / "site", wired)
        with service(tmp_path, site, broker) as running:
            broker.publish(TOPIC, f'{{"ts": "{now.isoformat()}", "volume": 4711.125}}', "not json")
            readings = eventually(lambda: running.get(asked("well.volume", now))["items"], 20)
            assert [(one["value"], one["quality"]) for one in readings] == [("4711.125", "good")]
            energy = eventually(lambda: running.get(asked("feeder.active_energy_import", now))["items"], 20)
            assert energy[0]["value"] == "12345.75"
            assert running.end(signal.SIGTERM) == 0
    with sqlite3.connect(tmp_path / "data" / "books.db") as books:
        (content,) = books.execute("SELECT content FROM quarantine WHERE source = 'broker'").fetchone()
        assert content == "not json"
    books.close()


@needs_mosquitto
@pytest.mark.timeout(540)
def test_kill_nine_loses_nothing_and_repeats_nothing(
    tmp_path: Path, broker: Mosquitto, counts: Callable[[int], int]
) -> None:
    """Ten kills at random moments while QoS 1 messages come in: each message is stored exactly once."""
    messages, kills = max(2_000, counts(20_000)), 10
    chance = random.Random(20261123)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=messages)
    payloads = [f'{{"ts": "{(start + timedelta(seconds=n)).isoformat()}", "volume": {n}}}' for n in range(messages)]
    site = site_directory(tmp_path / "site", devices(broker.port))
    running = service(tmp_path, site, broker)
    with running:
        eventually(lambda: "broker" in running.log(), 10)
        login = f"-h 127.0.0.1 -p {broker.port} -u {broker.user} -t {TOPIC} -q 1 -l".split()
        publisher = subprocess.Popen(["mosquitto_pub", *login, "-P", broker.password], stdin=subprocess.PIPE)
        assert publisher.stdin is not None
        share = messages // (kills + 1)
        for kill in range(kills + 1):
            part = payloads[kill * share : (kill + 1) * share if kill < kills else None]
            publisher.stdin.write("".join(f"{payload}\n" for payload in part).encode())
            publisher.stdin.flush()
            if kill < kills:
                time.sleep(chance.uniform(0.0, 0.3))
                running.end(signal.SIGKILL)
                running.start(wait=kill % 3 == 0)
        publisher.stdin.close()
        assert publisher.wait(60) == 0
        eventually(lambda: stored(running.data) == messages, 60)
        running.end(signal.SIGTERM)
    with sqlite3.connect(running.data / "readings.db") as readings:
        values = [row[0] for row in readings.execute("SELECT value FROM readings ORDER BY at")]
        conflicts = readings.execute("SELECT count(*) FROM conflicts").fetchone()[0]
    readings.close()
    assert values == [float(n) for n in range(messages)]
    assert conflicts == 0


def stored(data: Path) -> int:
    with sqlite3.connect(f"file:{data / 'readings.db'}?mode=ro", uri=True) as readings:
        count = int(readings.execute("SELECT count(*) FROM readings").fetchone()[0])
    readings.close()
    return count

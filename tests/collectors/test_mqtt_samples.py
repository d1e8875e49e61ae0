"""Real messages from the outside: each is read as values, passed over knowingly, or refused with a reason."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from house.sources import ROOT
from peers.publishing import Publishing

from collectors.mqtt.lorawan import CODECS, NoUplink
from collectors.mqtt.protobuf import block, varint
from meterbook.domain.instant import parse

SAMPLES = ROOT / "../shared/data/mqtt_samples/samples.jsonl"
VECTORS = ROOT / "../shared/data/lorawan_vectors/lorawan_payload_vectors.json"
ARRIVAL = parse("2026-11-20T00:30:00Z")

needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason=f"no real samples: {SAMPLES} is not there")
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason=f"no real vectors: {VECTORS} is not there")

NOTHING = "nothing in it that a point of this device reads"
STRANGE = "no device publishes on this topic"


class Family(NamedTuple):
    """How a family is described, and how many of its samples become what."""

    described: str
    messages: int
    readings: int
    refused: dict[str, int]


TEMPERATURE = 'points: {temperature: {value: "$.temp", kind: gauge, quantity: temperature, unit: degC}}'
FAMILIES = {
    "tasmota": Family("mqtt: {decoder: tasmota, topic: '#'}\n", 14, 23, {NOTHING: 9}),
    # Frequencies of 198 and 160.7 Hz on dead phases.
    "shelly_gen2": Family("mqtt: {decoder: shelly-gen2, topic: '#'}\n", 5, 62, {"is outside the plausible range": 2}),
    # The last sample is a pattern that the vendor printed.
    "shelly_gen1": Family("mqtt: {decoder: shelly-gen1, topic: shellies/shellyem3-483FDAC37E3F}\n", 4, 3, {STRANGE: 1}),
    "zigbee2mqtt": Family("mqtt: {decoder: zigbee2mqtt, topic: zigbee2mqtt/+}\n", 1, 2, {}),
    "zigbee2mqtt_ha_discovery": Family("mqtt: {decoder: zigbee2mqtt, topic: zigbee2mqtt/+}\n", 1, 0, {STRANGE: 1}),
    "ha_discovery": Family("mqtt: {decoder: zigbee2mqtt, topic: zigbee2mqtt/+}\n", 1, 0, {STRANGE: 1}),
    "chirpstack_v4": Family(
        f"mqtt: {{decoder: chirpstack, topic: application/+/device/+/event/+, {TEMPERATURE}}}\n",
        8,
        0,
        {"an uplink that nobody decoded": 1},
    ),
    "openenergymonitor": Family(
        "mqtt: {decoder: openenergymonitor, topic: emon/+/+, "
        "points: {active_power_a: {value: emontx1/power1, kind: gauge, quantity: active_power, unit: W}}}\n",
        5,
        1,
        {},
    ),
    # 28 controls, each as meta twice, as 0, as a value and emptied at the end; six of them no point reads.
    "wirenboard": Family(
        "mqtt: {decoder: wirenboard, topic: /devices/mercury230ar02_0}\n",
        142,
        41,
        {STRANGE: 58, "0 bytes": 22, "is outside the plausible range": 3},
    ),
}


def samples(family: str) -> Iterator[dict[str, Any]]:
    for line in SAMPLES.read_text(encoding="utf-8").splitlines():
        sample = json.loads(line)
        if sample["family"] == family:
            yield sample


@needs_samples
def test_every_family_is_walked() -> None:
    families = {json.loads(line)["family"] for line in SAMPLES.read_text(encoding="utf-8").splitlines()}
    assert families == {*FAMILIES, "sparkplug_b_json_view"}


@needs_samples
@pytest.mark.parametrize("family", FAMILIES)
def test_every_real_message_is_read_passed_over_or_refused_with_a_reason(family: str, tmp_path: Path) -> None:
    told = FAMILIES[family]
    device = Publishing(tmp_path, told.described)
    messages = readings = 0
    reasons: list[str] = []
    for sample in samples(family):
        messages += 1
        found, refusals, _ = device.read(sample["topic"], sample["payload"].encode(), ARRIVAL)
        readings += len(found)
        reasons += [refusal.reason for refusal in refusals]
    counted = {reason: sum(reason in one for one in reasons) for reason in told.refused}
    assert (messages, readings, counted) == (told.messages, told.readings, told.refused)
    assert len(reasons) == sum(told.refused.values())


DATATYPES = {"Int64": 4, "UInt64": 8, "Float": 9, "Boolean": 11, "String": 12}
INPUTS = """\
mqtt:
  decoder: sparkplug-b
  topic: spBv1.0/g/e
  points:
    state: {value: Inputs/A, kind: state, quantity: state, unit: none}
    voltage: {value: Supply Voltage, kind: gauge, quantity: voltage, unit: V}
"""


def encoded(view: dict[str, Any]) -> bytes:
    """The protobuf form of a JSON view."""
    payload = varint(1, view["timestamp"])
    for metric in view.get("metrics", ()):
        kind, value = metric["dataType"], metric["value"]
        known = block(1, metric["name"].encode()) + varint(3, metric["timestamp"]) + varint(4, DATATYPES[kind])
        number = {"Boolean": 14, "Int64": 11, "UInt64": 11}.get(kind)
        if kind == "Float":
            known += bytes([12 << 3 | 5]) + struct.pack("<f", value)
        else:
            known += block(15, value.encode()) if number is None else varint(number, int(value))
        payload += block(2, known)
    return payload + (varint(3, view["seq"]) if "seq" in view else b"")


@needs_samples
def test_every_sparkplug_view_is_read_in_its_protobuf_form(tmp_path: Path) -> None:
    device = Publishing(tmp_path, INPUTS)
    views = [sample["payload"].replace("\N{NO-BREAK SPACE}", " ") for sample in samples("sparkplug_b_json_view")]
    with pytest.raises(json.JSONDecodeError):
        json.loads(views[0])  # a pattern, no message
    readings, refusals = [], []
    for view in map(json.loads, views[1:]):
        # Each stands alone, so each is given as a birth.
        found, refused, _ = device.read("spBv1.0/g/NBIRTH/e", encoded(view), ARRIVAL)
        readings += found
        refusals += refused
    voltages = [struct.unpack("<f", struct.pack("<f", value))[0] for value in (12.1, 12.3)]
    assert {reading.at for reading in readings} == {1_486_144_502_122_000}
    assert [reading.value for reading in readings if reading.point == "sample.state"] == [0.0, 1.0]
    assert [reading.value for reading in readings if reading.point == "sample.voltage"] == voltages
    assert refusals == []


def vectors() -> list[dict[str, Any]]:
    return json.loads(VECTORS.read_text(encoding="utf-8")) if VECTORS.exists() else []


CODEC_OF = {"Axioma": "axioma-qalcosonic-w1", "Kamstrup": "kamstrup-water", "Milesight": "milesight"}
NAMES = {
    "current_volume_m3": "volume",
    "latestVolume": "volume",
    "leakage": "leak",
    "pipe_empty": "empty",
    "low_battery": "battery_low",
    "Low Battery": "battery_low",
    "pulse": "pulses",
    "leakage_status": "leak",
}
"""What the vectors call a field, where the codec calls it otherwise."""
NOT_READ = {"status", "log_volume_m3", "history_total_m3", "timestamp_utc", "first_timestamp", "values_m3", "warnings"}
NOT_READ |= {"timestamp", "history", "ALD last day", "Min Flow temperature", "current_max", "current_min"}
ALARMS = frozenset({"current_sensor_status", "current_over_range_alarm", "current_threshold_alarm"})


@needs_vectors
@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["device"])
def test_the_real_uplinks_of_each_family_decode(vector: dict[str, Any]) -> None:
    read = CODECS[CODEC_OF[vector["device"].split()[0]]]
    sent = bytes.fromhex(vector["bytes"])
    wanted = vector["expected"]
    if "errors" in wanted:
        with pytest.raises(NoUplink):
            read(vector["fPort"], sent)
        return
    found = read(vector["fPort"], sent)
    newest = {one.field: one.value for one in reversed(found)}
    for entry in (wanted, *wanted.get("history", ())):
        for name, value in entry.items():
            if name in NOT_READ or name in ALARMS:
                continue
            number = {"normal": 0, "leak": 1}.get(value, value)
            assert float(newest[NAMES.get(name, name.lower())]) == float(number), name
    if "values_m3" in wanted:
        volumes = [one for one in found if one.field == "volume"]
        assert [float(one.value) for one in volumes] == wanted["values_m3"]
        assert volumes[0].at == datetime.fromisoformat(wanted["first_timestamp"])
    if "timestamp_utc" in wanted:
        assert {one.at for one in found} == {parse(wanted["timestamp_utc"])}
    if wanted.get("current_sensor_status") == "read failed":
        assert found == [], "what could not be read is no current"


@needs_vectors
def test_a_profile_counts_at_its_own_instants_where_the_device_has_a_zone(tmp_path: Path) -> None:
    sent = next(vector["bytes"] for vector in vectors() if "hourly" in vector["device"])
    uplink = {"time": "2023-08-29T12:04:00+00:00", "fPort": 1, "data": base64.b64encode(bytes.fromhex(sent)).decode()}
    topic = "application/1/device/2/event/up"
    without = Publishing(
        tmp_path / "a", "mqtt: {decoder: chirpstack, codec: kamstrup-water, topic: application/1/device/2}\n"
    )
    (alone,), _, _ = without.read(topic, json.dumps(uplink).encode(), ARRIVAL)
    assert (alone.at, alone.value) == (parse("2023-08-29T12:04:00Z"), 7842.497)
    described = "mqtt: {decoder: chirpstack, codec: kamstrup-water, zone: Etc/GMT-1, topic: application/1/device/2}\n"
    found, _, _ = Publishing(tmp_path / "b", described).read(topic, json.dumps(uplink).encode(), ARRIVAL)
    assert [reading.at for reading in found[:2]] == [parse("2023-08-29T11:00:00Z"), parse("2023-08-29T10:00:00Z")]
    assert len(found) == 12

"""Uplinks of LoRaWAN devices by the letter: what may not count as a current value, and what costs itself only."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path

import pytest
from peers.publishing import Publishing

from collectors.mqtt.lorawan import kamstrup_water, milesight
from collectors.mqtt.lorawan.measurement import Measurement, NoUplink
from meterbook.domain.instant import SECOND, parse

ARRIVAL = parse("2026-11-20T00:30:00Z")
CURRENT = "041310270000"  # 10.000 m3
MONTH = datetime(2026, 11, 1)  # noqa: DTZ001  the meter's own clock
MONTH_ONE = "446d0000413b"  # storage 1 is of 2026-11-01 00:00
HISTORY_AT = 0x6346749E * SECOND


def kamstrup(records: str) -> list[tuple[object, object, bool]]:
    return [(one.value, one.at, one.past) for one in kamstrup_water.read(1, bytes.fromhex("78" + records))]


@pytest.mark.parametrize(
    "other",
    ["05130000803f", "441388130000", "84101301000000", "84401302000000", "14131f000000", "c4101301000000"],
    ids=["REAL", "storage without instant", "tariff 1", "subunit 1", "maximum", "storage and tariff"],
)
def test_only_the_current_total_of_the_meter_is_its_volume(other: str) -> None:
    assert kamstrup(other) == []
    assert kamstrup(other + CURRENT) == kamstrup(CURRENT + other) == [("10.000", None, False)]


def test_a_stored_volume_beside_the_current_one_counts_at_its_own_instant_only() -> None:
    assert kamstrup(MONTH_ONE + "441388130000" + CURRENT) == [("5.000", MONTH, True), ("10.000", None, False)]


def test_a_volume_that_stands_alone_in_a_storage_with_its_instant_is_the_newest() -> None:
    assert kamstrup(MONTH_ONE + "441388130000") == [("5.000", MONTH, False)]
    older = "84016d0000413a" + "84011301000000"
    assert [one[2] for one in kamstrup(older + MONTH_ONE + "441388130000")] == [True, False]


def found(sent: str) -> list[tuple[str, object, object]]:
    return [(one.field, one.value, one.at) for one in milesight.read(85, bytes.fromhex(sent))]


PAST = [("temperature", "27.2", HISTORY_AT), ("humidity", 46.5, HISTORY_AT)]
NOW = [("battery", "92", None)]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("20CE9E74466310015D", PAST),
        ("20CE9E74466310015D" * 2, PAST * 2),
        ("20CE9E74466310015D01755C", PAST + NOW),
        ("01755C20CE9E74466310015D", NOW + PAST),
        ("20CE9E74466310015D01", [*PAST, ("leak", True, HISTORY_AT)]),
        (
            "20CE9E74466310015D0120CE9E74466310015D00",
            [*PAST, ("leak", True, HISTORY_AT), *PAST, ("leak", False, HISTORY_AT)],
        ),
        ("20CE9E74466310015D02010700000001755C", [*PAST, ("pulses", "7", HISTORY_AT), *NOW]),
    ],
)
def test_a_history_has_seven_eight_or_thirteen_bytes(sent: str, expected: list[tuple[str, object, object]]) -> None:
    assert found(sent) == expected


@pytest.mark.parametrize("rest", ["20CE9E7446", "20CE9E74466310015D07", "AABB01", "0367", "01"])
def test_what_cannot_be_read_costs_itself_only(rest: str, tmp_path: Path) -> None:
    with pytest.raises(NoUplink) as error:
        milesight.read(85, bytes.fromhex("0367340101755C" + rest))
    assert error.value.found[:2] == [Measurement("temperature", "30.8"), Measurement("battery", "92")]
    device = Publishing(tmp_path, "mqtt: {decoder: chirpstack, codec: milesight, topic: a/d}")
    data = base64.b64encode(bytes.fromhex("03673401" + rest)).decode()
    uplink = {"time": "2026-11-20T00:00:00Z", "fPort": 85, "data": data}
    readings, refusals, _ = device.read("a/d/event/up", json.dumps(uplink).encode(), ARRIVAL)
    assert readings[0].value == 30.8
    assert [one.reason for one in refusals] == [str(error.value)]

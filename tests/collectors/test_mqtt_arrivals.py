"""No two messages arrive at one instant, however many come at once and whatever the clock does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from peers import mosquitto
from peers.intake import HeldIntake
from peers.mosquitto import Mosquitto
from peers.small import small_site, water
from peers.waiting import eventually
from peers.wire import Wire

from collectors.mqtt.arrivals import STEP_BACK, Arrivals
from collectors.mqtt.journal import Journal
from collectors.mqtt.packets import Publish
from collectors.port import Collector
from collectors.registry import build
from meterbook.domain.device import MqttConnection
from meterbook.domain.instant import DAY, SECOND

NOW = 20_000 * DAY
TOPIC = "hospital/b1/water/main"


def came(mid: int | None, payload: bytes = b"1", *, again: bool = False) -> Publish:
    return Publish(b"t", payload, mid, False, again, len(payload))


@pytest.mark.parametrize("now", [NOW, NOW - SECOND, NOW - STEP_BACK + SECOND])
def test_a_clock_that_stands_still_or_steps_back_gives_no_instant_twice(now: int) -> None:
    arrivals = Arrivals(Journal())
    instants = [arrivals.at(came(mid), at) for at in (NOW, now) for mid in (None, 1, 2)]
    assert instants == [NOW + number for number in range(6)]


def test_a_clock_that_is_set_back_far_is_followed() -> None:
    arrivals = Arrivals(Journal())
    assert [arrivals.at(came(1), at) for at in (NOW, NOW - DAY, NOW - DAY)] == [NOW, NOW - DAY, NOW - DAY + 1]


def test_what_is_sent_again_under_its_id_keeps_its_instant() -> None:
    arrivals = Arrivals(Journal())
    first, second = arrivals.at(came(1), NOW), arrivals.at(came(2), NOW)
    assert arrivals.at(came(2, again=True), NOW + SECOND) == second
    assert arrivals.at(came(1, again=True), NOW + SECOND) == first
    assert arrivals.at(came(1, b"2", again=True), NOW + SECOND) == NOW + SECOND, "the id has gone to another message"
    assert arrivals.at(came(2), NOW + SECOND) == NOW + SECOND + 1, "an equal message that is new"


def started(intake: HeldIntake, port: int, **more: str) -> Collector:
    """A collector whose clock stands still."""
    connection = MqttConnection("broker", "127.0.0.1", port, "meterbook", "env:PASSWORD", **more)
    site = small_site([water("w1", TOPIC)], connections=[connection])
    (collector,) = build(site, intake, lambda: NOW, lambda _name: "a secret of this test")
    collector.start()
    return collector


@pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")
def test_equal_messages_of_one_burst_arrive_one_after_the_other(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        intake = HeldIntake()
        collector = started(intake, broker.port)
        eventually(lambda: collector.status().state == "up", 30)
        broker.publish(TOPIC, *[json.dumps({"volume_m3": 1, "flow": 2})] * 200)
        eventually(lambda: len(intake.values("volume")) == 200, 30)
        collector.stop()
    received = [sample.received for sample in intake.samples if sample.point == "volume"]
    assert received == sorted(set(received))


def test_a_message_that_comes_again_in_the_next_session_is_the_same_reading() -> None:
    body = json.dumps({"volume_m3": 1, "flow": 2}).encode()
    sessions = 0

    def answer(piece: bytes, send: Callable[[bytes], None]) -> None:
        nonlocal sessions
        if piece[0] >> 4 == 1:
            sessions += 1
            send(b"\x20\x02\x00\x00")
        elif piece[0] >> 4 == 8:
            content = len(TOPIC).to_bytes(2, "big") + TOPIC.encode() + b"\x00\x01" + body
            told = [bytes([head, len(content)]) + content for head in ((0x32, 0x3A) if sessions == 1 else (0x3A,))]
            send(b"\x90\x03" + piece[2:4] + b"\x01" + b"".join(told) + (b"\xe0\x00" if sessions == 1 else b""))

    intake = HeldIntake()
    with Wire(answer) as wire:
        collector = started(intake, wire.port)
        eventually(lambda: len(intake.values("volume")) >= 3, 30)
        collector.stop()
    assert {sample.received for sample in intake.samples} == {NOW}

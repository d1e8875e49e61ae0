"""What the broker delivers is what the configuration names, also in a session that is older than it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from house.sources import ROOT
from peers import mosquitto
from peers.intake import HeldIntake
from peers.mosquitto import Mosquitto
from peers.small import small_site, water
from peers.waiting import eventually

from collectors.mqtt.packets import Publish
from collectors.mqtt.session import COPY
from collectors.mqtt.subscriptions import Copies
from collectors.port import Collector
from collectors.registry import build
from meterbook.domain.device import MqttConnection
from meterbook.domain.instant import Clock

pytestmark = pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")

NO_DEVICE = "no device publishes on this topic"
Collect = Callable[..., Collector]


def payload(volume: float) -> str:
    return json.dumps({"volume_m3": volume, "flow": 250, "ts": "2026-01-01T00:00:00Z"})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def collect(clock: Clock, broker: Mosquitto) -> Iterator[Collect]:
    """Starts a collector of some topics and waits for it; all are stopped at the end."""
    started: list[Collector] = []

    def collect(intake: HeldIntake, *topics: str, **more: object) -> Collector:
        connection = replace(MqttConnection("broker", "127.0.0.1", broker.port, "meterbook", "env:PASSWORD"), **more)
        devices = [water(f"w{number}", topic) for number, topic in enumerate(topics)]
        (collector,) = build(
            small_site(devices, connections=[connection]), intake, clock, lambda _name: "a secret of this test"
        )
        collector.start()
        started.append(collector)
        eventually(lambda: collector.status().state == "up", 30)
        return collector

    yield collect
    for collector in started:
        collector.stop()


class Marker:
    """Tells that what was published before has been delivered, if it is delivered at all."""

    def __init__(self, broker: Mosquitto, intake: HeldIntake, topic: str) -> None:
        self._broker, self._intake, self._topic = broker, intake, topic
        self._next = 1_000

    def passes(self) -> None:
        self._next += 1
        self._broker.publish(self._topic, payload(self._next))
        eventually(lambda: self._next in self._intake.values("volume"), 30)

    def silent(self, topic: str) -> bool:
        """Whether a message on a topic leaves no trace."""
        before = len(self._intake.samples), len(self._intake.refusals)
        self._broker.publish(topic, payload(2))
        self.passes()
        return (len(self._intake.samples) - 2, len(self._intake.refusals)) == before

    def silent_copy(self) -> bool:
        """Whether a message on the topic itself comes once."""
        before = len(self._intake.refusals)
        self.passes()
        self.passes()
        return len(self._intake.refusals) == before


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("was", ["old/b1", "old/#", "+/b1", "$share/meters/old/+"])
def test_a_topic_that_was_taken_out_is_set_aside_once_and_then_no_longer_delivered(
    broker: Mosquitto, collect: Collect, was: str, version: str
) -> None:
    collect(HeldIntake(), was, "$share/meters/new/+/main", version=version).stop()
    broker.publish("old/b1", payload(1))
    intake = HeldIntake()
    collect(intake, "$share/meters/new/+/main", version=version)
    marker = Marker(broker, intake, "new/b1/main")
    marker.passes()
    eventually(lambda: intake.refusals, 30)
    assert {(one.subject, one.reason) for one in intake.refusals} == {("old/b1", NO_DEVICE)}
    assert eventually(lambda: marker.silent("old/b1"), 30)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_topic_that_is_shared_since_is_no_longer_delivered_for_itself(
    broker: Mosquitto, collect: Collect, version: str
) -> None:
    collect(HeldIntake(), "meter", "marker", client_id="one", version=version).stop()
    first, second = HeldIntake(), HeldIntake()
    collect(first, "meter", client_id="one", share="meters", version=version)
    collect(second, "meter", client_id="two", share="meters", version=version)
    broker.publish("meter", *(payload(number) for number in range(100)))
    eventually(lambda: {*first.values("volume"), *second.values("volume")} == set(range(100)), 30)
    assert len(first.samples) + len(second.samples) == 200, "each message went to one of them, with its two values"


def test_the_command_on_the_page_clears_a_session(broker: Mosquitto, collect: Collect) -> None:
    collect(HeldIntake(), "$share/once/meter", client_id="one").stop()
    page = (ROOT / "docs/collectors/mqtt.md").read_text(encoding="utf-8")
    (command,) = [line.split() for line in page.splitlines() if line.startswith("mosquitto_sub ")]
    meant = {"BROKER": "127.0.0.1", "USER": broker.user, "PASSWORD": broker.password, "CLIENT_ID": "one"}
    words = [meant.get(word, word) for word in command]
    subprocess.run([*words, "-p", str(broker.port)], check=True, capture_output=True, timeout=60)
    broker.publish("meter", payload(1))
    intake = HeldIntake()
    collect(intake, "meter", client_id="one")
    Marker(broker, intake, "meter").passes()
    assert 1 not in intake.values("volume"), "the old session would have kept it"


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("filters", [("meter/1", "meter/+"), ("meter/+", "meter/#"), ("meter/1", "meter/+", "#")])
def test_each_device_reads_a_message_once_where_filters_overlap(
    broker: Mosquitto, collect: Collect, filters: tuple[str, ...], version: str
) -> None:
    intake = HeldIntake()
    collect(intake, *filters, version=version)
    broker.publish("meter/1", *(payload(number) for number in range(50)))
    Marker(broker, intake, "meter/1").passes()
    read = [(one.device, one.value) for one in intake.samples if one.point == "volume" and one.value < 50]
    assert sorted(read) == [(f"w{number}", value) for number in range(len(filters)) for value in range(50)]
    assert not intake.refusals


@pytest.mark.parametrize(("was", "present"), [("meter/#", "meter/1"), ("meter/1", "meter/+"), ("meter/+", "+/1")])
def test_a_copy_by_a_subscription_of_an_earlier_configuration_is_set_aside_and_the_subscription_ended(
    broker: Mosquitto, collect: Collect, was: str, present: str
) -> None:
    collect(HeldIntake(), was, version="5").stop()
    intake = HeldIntake()
    collect(intake, present, version="5")
    marker = Marker(broker, intake, "meter/1")
    broker.publish("meter/1", *[payload(77)] * 30)
    marker.passes()
    assert intake.values("volume").count(77) == 30, "equal messages are no copies"
    eventually(lambda: intake.refusals, 30)
    assert {one.reason for one in intake.refusals} == {COPY}
    eventually(lambda: marker.silent_copy(), 30)
    broker.publish("meter/1", *(payload(number) for number in range(50)))
    marker.passes()
    assert [value for value in intake.values("volume") if value < 50] == list(range(50))


def test_copies_are_told_by_the_ways_they_came() -> None:
    def came(content: bytes, *ways: int) -> Publish:
        return Publish(b"t", content, 1, False, False, 1, ways)

    def dropped(*messages: tuple[Publish, bool]) -> list[bool]:
        copies = Copies()
        return [copies.has(one, ours=ours) for one, ours in messages]

    ours, other, stale = (came(b"1", 1), True), (came(b"1", 2), True), (came(b"1"), False)
    assert dropped(ours, other, ours, other) == [False] * 4, "each is for its own devices"
    assert dropped(ours, stale, other, ours, stale) == [False, True, False, False, True]
    assert dropped(stale, ours, other, stale, ours) == [False, True, True, False, True]
    assert dropped(stale, stale, (came(b"2", 1), True)) == [False, False, False]


def test_what_waited_under_a_subscription_of_an_earlier_configuration_is_read(
    broker: Mosquitto, collect: Collect
) -> None:
    collect(HeldIntake(), "meter/#", version="5").stop()
    broker.publish("meter/1", *(payload(number) for number in range(50)))
    intake = HeldIntake()
    collect(intake, "meter/1", version="5")
    eventually(lambda: intake.values("volume") == list(range(50)), 30)

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

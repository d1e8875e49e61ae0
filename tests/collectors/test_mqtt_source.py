"""The MQTT collector against a real Mosquitto, and against brokers that refuse."""

from __future__ import annotations

import json

import pytest
from peers import mosquitto
from peers.intake import HeldIntake
from peers.mosquitto import Mosquitto
from peers.ports import free_port
from peers.small import small_site, water
from peers.waiting import eventually
from peers.wire import Wire

from collectors.mqtt.source import MqttCollector
from collectors.registry import build
from meterbook.domain.device import MqttConnection

needs_broker = pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")

TOPIC = "hospital/b1/water/main"


def payload(volume: float) -> str:
    return json.dumps({"volume_m3": volume, "flow": 250, "ts": "2026-01-01T00:00:00Z"})


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def collect(clock):
    """Starts a collector; all are stopped at the end."""
    started = []

    def collect(port, intake, *, password="a secret of this test", devices=None):
        connection = MqttConnection("broker", "127.0.0.1", port, "meterbook", "env:PASSWORD")
        site = small_site(devices or [water("w1", TOPIC)], connections=[connection])
        (collector,) = build(site, intake, clock, lambda _reference: password)
        collector.start()
        started.append(collector)
        return collector

    yield collect
    for collector in started:
        collector.stop()


def up(collector: MqttCollector) -> MqttCollector:
    eventually(lambda: collector.status().state == "up" or None, 15)
    return collector


@needs_broker
def test_published_messages_arrive_as_samples_and_poison_as_refusals(broker, collect):
    intake = HeldIntake()
    up(collect(broker.port, intake))
    broker.publish(TOPIC, payload(1.5), "poison", payload(2.5))
    eventually(lambda: intake.values("volume") == [1.5, 2.5])
    assert intake.values("volume_flow") == [250, 250]
    (refusal,) = intake.refusals
    assert (refusal.source, refusal.subject, refusal.content) == ("broker", TOPIC, "poison")


@needs_broker
def test_what_was_not_committed_is_sent_again_and_what_was_is_not(broker, collect):
    first = HeldIntake(auto=False)
    collector = up(collect(broker.port, first))
    for number in range(10):
        broker.publish(TOPIC, payload(number))
        eventually(lambda number=number: len(first.deliveries) == number + 1)
    for delivery in first.deliveries[:4]:
        delivery.done(None)
    broker.publish(TOPIC, payload(10))  # by its arrival the broker has seen the acknowledgements before
    eventually(lambda: len(first.deliveries) == 11)
    collector.stop()
    second = HeldIntake()
    up(collect(broker.port, second))
    eventually(lambda: 10 in second.values("volume"))
    assert second.values("volume") == [4, 5, 6, 7, 8, 9, 10]


@needs_broker
def test_messages_published_while_the_collector_is_away_are_kept_for_it(broker, collect):
    up(collect(broker.port, HeldIntake())).stop()
    broker.publish(TOPIC, *(payload(number) for number in range(1_500)))
    intake = HeldIntake()
    collect(broker.port, intake)
    eventually(lambda: len(intake.samples) == 3_000, 30)
    assert intake.values("volume") == list(range(1_500))


@needs_broker
def test_a_full_intake_drops_the_connection_and_loses_nothing(broker, collect):
    intake = HeldIntake()
    collector = up(collect(broker.port, intake))
    intake.full = True
    broker.publish(TOPIC, payload(1), payload(2))
    eventually(lambda: collector.status().state == "down")
    assert "sent again" in collector.status().reason
    assert intake.deliveries == []
    intake.full = False
    eventually(lambda: sorted(intake.values("volume")) == [1, 2], 20)
    up(collector)


@needs_broker
def test_a_failed_commit_has_the_message_sent_again(broker, collect):
    intake = HeldIntake(auto=False)
    up(collect(broker.port, intake))
    broker.publish(TOPIC, payload(7))
    eventually(lambda: len(intake.deliveries) == 1)
    intake.deliveries[0].failed(OSError("disk full"))
    eventually(lambda: len(intake.deliveries) == 2, 20)
    assert intake.values("volume") == [7, 7]
    # The connection of the first has ended: its late commit acknowledges nothing, the second's does.
    intake.deliveries[0].done(None)
    intake.deliveries[1].done(None)


@needs_broker
def test_an_exception_on_the_way_in_ends_no_thread(broker, collect):
    intake = HeldIntake()
    collector = up(collect(broker.port, intake))
    intake.broken = True
    broker.publish(TOPIC, payload(3))
    eventually(lambda: collector.status().state == "down")
    intake.broken = False
    eventually(lambda: intake.values("volume") == [3], 20)


@needs_broker
def test_the_subscription_survives_a_broker_that_dies(broker, collect):
    intake = HeldIntake()
    collector = up(collect(broker.port, intake))
    broker.stop(kill=True)
    eventually(lambda: collector.status().state == "down")
    assert collector.status().reason
    broker.start()
    eventually(lambda: collector.status().state == "up", 20)
    broker.publish(TOPIC, payload(9))
    eventually(lambda: intake.values("volume") == [9])


@needs_broker
def test_a_broker_that_starts_later_is_found(tmp_path, collect):
    broker = Mosquitto(tmp_path / "broker")
    intake = HeldIntake()
    collector = collect(broker.port, intake)
    eventually(lambda: collector.status().state == "down")
    assert f"nothing answers at 127.0.0.1:{broker.port}" in collector.status().reason
    with broker:
        eventually(lambda: collector.status().state == "up", 20)
        collector.stop()


@needs_broker
def test_a_wrong_password_is_the_reason_and_the_right_one_ends_it(broker, collect):
    collector = collect(broker.port, HeldIntake(), password="wrong")
    eventually(lambda: collector.status().state == "down")
    assert "refuses the connection: Not authorized" in collector.status().reason
    assert "wrong" not in collector.status().reason


@needs_broker
def test_retained_messages_count_by_their_own_instant_only(broker, collect):
    broker.publish(TOPIC, payload(5), retain=True)
    broker.publish("undated", json.dumps({"volume_m3": 6, "flow": 1}), retain=True)
    intake = HeldIntake()
    collect(broker.port, intake, devices=[water("w1", TOPIC), water("w2", "undated", at=None)])
    eventually(lambda: len(intake.refusals) == 2 and intake.samples)
    assert intake.values("volume") == [5]
    assert {refusal.reason for refusal in intake.refusals} == {"retained message without an instant of its own"}


def test_a_missing_secret_is_the_reason(clock):
    def missing(_reference: str) -> str:
        raise ValueError("environment variable MQTT_PASSWORD is not set")

    connection = MqttConnection("broker", "127.0.0.1", free_port(), "meterbook", "env:MQTT_PASSWORD")
    (collector,) = build(small_site([water("w1", TOPIC)], connections=[connection]), HeldIntake(), clock, missing)
    collector.start()
    try:
        eventually(lambda: collector.status().state == "down")
        assert collector.status().reason == "environment variable MQTT_PASSWORD is not set"
    finally:
        collector.stop()


def test_a_refused_subscription_names_the_topic_and_the_others_still_count(collect):
    def curt(piece: bytes, send) -> None:
        if piece[0] >> 4 == 1:
            send(b"\x20\x02\x00\x00")  # CONNACK: welcome
        elif piece[0] >> 4 == 8:
            send(b"\x90\x04" + piece[2:4] + b"\x01\x80")  # SUBACK: the second topic is refused
            body = payload(4).encode()
            send(bytes([0x32, len(body) + 5]) + b"\x00\x01a\x00\x01" + body)

    with Wire(curt) as broker:
        intake = HeldIntake()
        collector = collect(broker.port, intake, devices=[water("w1", "a"), water("w2", "b")])
        eventually(lambda: intake.values("volume") == [4])
        assert collector.status().state == "down"
        assert collector.status().reason == "the broker refuses the subscription to b"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 40])
def test_a_peer_that_speaks_no_mqtt_is_a_reason(collect, answer):
    with Wire(lambda _piece, send: send(answer)) as peer:
        collector = collect(peer.port, HeldIntake())
        eventually(lambda: collector.status().state == "down")
        assert collector.status().reason

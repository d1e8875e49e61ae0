"""What a connection endures: many open files, messages beyond all measure, a network thread that ends, repetitions."""

from __future__ import annotations

import json
import os
import resource
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from peers import certificates, mosquitto
from peers.certificates import Authority
from peers.intake import HeldIntake
from peers.mosquitto import Mosquitto
from peers.small import small_site, water
from peers.waiting import eventually
from peers.wire import Wire

from collectors.mqtt.doorbell import Doorbell
from collectors.mqtt.message import MAX_PAYLOAD
from collectors.mqtt.stream import LONGEST
from collectors.port import Collector, Delivery
from collectors.registry import build
from meterbook.domain.device import MqttConnection, Tls
from meterbook.domain.instant import Clock

needs_broker = pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")
needs_openssl = pytest.mark.skipif(certificates.MISSING is not None, reason=f"no certificates: {certificates.MISSING}")

TOPIC = "hospital/b1/water/main"
BEYOND_SELECT = 1_100
"""Descriptors in use; `select` knows 1,024."""

MEBIBYTE = 1 << 20
Collect = Callable[..., Collector]


def payload(volume: float) -> str:
    return json.dumps({"volume_m3": volume, "flow": 250, "ts": "2026-01-01T00:00:00Z"})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def collect(clock: Clock) -> Iterator[Collect]:
    """Starts a collector; all are stopped at the end."""
    started: list[Collector] = []

    def collect(intake: HeldIntake, port: int, **more: object) -> Collector:
        connection = replace(MqttConnection("broker", "127.0.0.1", port, "meterbook", "env:PASSWORD"), **more)
        site = small_site([water("w1", TOPIC)], connections=[connection])
        (collector,) = build(site, intake, clock, lambda _name: "a secret of this test")
        collector.start()
        started.append(collector)
        return collector

    yield collect
    for collector in started:
        collector.stop()


def is_up(collector: Collector) -> bool:
    return bool(eventually(lambda: collector.status().state == "up", 30))


@pytest.fixture
def many_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * BEYOND_SELECT), hard))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while opened[-1] < BEYOND_SELECT:
            opened.append(os.dup(opened[0]))
        yield
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@needs_broker
@needs_openssl
def test_descriptors_of_any_number_are_waited_for(tmp_path: Path, collect: Collect, many_open_files: None) -> None:
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.sign("broker")
    ours, our_key = authority.sign("collector")
    lines = f"cafile {authority.ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
    with Mosquitto(tmp_path / "broker", encryption=lines) as broker:
        for port, tls in ((broker.port, None), (broker.secure_port, Tls(str(authority.ca), str(ours), str(our_key)))):
            intake = HeldIntake()
            collector = collect(intake, port, tls=tls)
            assert is_up(collector), collector.status().reason
            broker.publish(TOPIC, payload(1))
            eventually(lambda intake=intake: intake.values("volume") == [1], 30)
            collector.stop()


@needs_broker
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_message_beyond_all_measure_is_set_aside_without_being_held(
    broker: Mosquitto, collect: Collect, tmp_path: Path, version: str
) -> None:
    size = 24 * MEBIBYTE
    (tmp_path / "huge").write_bytes(b"0123456789" * (size // 10) + b"x" * (size % 10))
    intake = HeldIntake()
    collector = collect(intake, broker.port, version=version)
    assert is_up(collector)
    tracemalloc.start()
    try:
        broker.publish_file(TOPIC, tmp_path / "huge")
        broker.publish(TOPIC, payload(2))
        eventually(lambda: intake.values("volume") == [2], 60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEBIBYTE
    (refusal,) = intake.refusals
    assert (refusal.subject, refusal.reason) == (TOPIC, f"{size} bytes; at most {MAX_PAYLOAD} are read")
    assert refusal.content == "0123456789" * 20
    collector.stop()
    after = HeldIntake()
    assert is_up(collect(after, broker.port, version=version))
    broker.publish(TOPIC, payload(3))
    eventually(lambda: after.values("volume") == [3], 30)
    assert not after.refusals, "it was acknowledged, so it does not come again"


@needs_broker
@pytest.mark.parametrize("size", [MAX_PAYLOAD, MAX_PAYLOAD + 1, LONGEST, LONGEST + 1])
def test_the_limit_is_kept_to_the_byte(broker: Mosquitto, collect: Collect, tmp_path: Path, size: int) -> None:
    beginning = payload(1).encode()
    (tmp_path / "long").write_bytes(beginning + b" " * (size - len(beginning)))
    intake = HeldIntake()
    assert is_up(collect(intake, broker.port))
    broker.publish_file(TOPIC, tmp_path / "long")
    broker.publish(TOPIC, payload(2))
    eventually(lambda: 2 in intake.values("volume"), 30)
    assert intake.values("volume") == ([1, 2] if size <= MAX_PAYLOAD else [2])
    assert len(intake.refusals) == (size > MAX_PAYLOAD)


def test_another_packet_beyond_all_measure_ends_the_session(collect: Collect) -> None:
    with Wire(lambda _piece, send: send(b"\x90\xff\xff\xff\x7f" + bytes(1_000))) as peer:
        collector = collect(HeldIntake(), peer.port)
        eventually(lambda: collector.status().state == "down", 30)
        assert "speaks no MQTT: a packet of 268435460 bytes that is no message" in str(collector.status().reason)


@needs_broker
def test_a_network_thread_that_ended_is_the_reason(broker: Mosquitto, collect: Collect) -> None:
    class Fatal(HeldIntake):
        def offer(self, delivery: Delivery, timeout: float = 0.0) -> bool:
            raise SystemExit

    collector = collect(Fatal(), broker.port)
    assert is_up(collector)
    broker.publish(TOPIC, payload(1))
    eventually(lambda: not [one for one in threading.enumerate() if one.name == "mqtt-broker"], 30)
    assert collector.status().state == "down"
    assert collector.status().reason == "the network thread has ended (SystemExit()); restart the service"


def test_what_a_broker_repeats_within_a_connection_is_acknowledged_once(collect: Collect) -> None:
    acknowledged: list[bytes] = []
    body = payload(4).encode()

    def published(head: int, mid: int) -> bytes:
        content = len(TOPIC).to_bytes(2, "big") + TOPIC.encode() + bytes([0, mid]) + body
        return bytes([head, len(content)]) + content

    def impatient(piece: bytes, send: Callable[[bytes], None]) -> None:
        if piece[0] >> 4 == 1:
            send(b"\x20\x02\x00\x00")
        elif piece[0] >> 4 == 8:
            send(b"\x90\x03" + piece[2:4] + b"\x01" + published(0x32, 1) + published(0x3A, 1))
        elif piece[0] >> 4 == 4:
            acknowledged.append(piece)

    intake = HeldIntake(auto=False)
    with Wire(impatient) as broker:
        collector = collect(intake, broker.port)
        eventually(lambda: intake.values("volume") == [4, 4], 30)
        intake.commit()
        eventually(lambda: acknowledged, 30)
        collector.stop()
    assert b"".join(acknowledged) == b"\x40\x02\x00\x01"


def test_a_ring_ends_the_wait_and_none_is_too_many_or_too_late() -> None:
    bell = Doorbell()
    for _ in range(100_000):
        bell.ring()
    bell.wait(30, to_write=False)
    answer = threading.Thread(target=bell.wait, args=(30,), kwargs={"to_write": False})
    answer.start()
    bell.ring()
    answer.join(25)
    assert not answer.is_alive()
    bell.close()
    bell.ring()

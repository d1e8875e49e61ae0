"""Encryption, versions, shared subscriptions and absences, against a real Mosquitto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from peers import certificates, mosquitto
from peers.certificates import Authority
from peers.intake import HeldIntake
from peers.mosquitto import Mosquitto
from peers.small import small_site, water
from peers.waiting import eventually
from peers.wire import Wire

from collectors.port import Collector
from collectors.registry import build
from meterbook.domain.device import Device, MqttConnection, MqttPoint, MqttTopic, PointSpec, Tls
from meterbook.domain.instant import SECOND, Clock

pytestmark = [
    pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}"),
    pytest.mark.skipif(certificates.MISSING is not None, reason=f"no certificates: {certificates.MISSING}"),
]

TOPIC = "hospital/b1/water/main"
Collect = Callable[..., Collector]


def payload(volume: float) -> str:
    return json.dumps({"volume_m3": volume, "flow": 250, "ts": "2026-01-01T00:00:00Z"})


@pytest.fixture
def collect(clock: Clock) -> Iterator[Collect]:
    """Starts a collector; all are stopped at the end."""
    started: list[Collector] = []

    def collect(intake: HeldIntake, port: int, devices: list[Device] | None = None, **more: object) -> Collector:
        connection = replace(MqttConnection("broker", "127.0.0.1", port, "meterbook", "env:PASSWORD"), **more)
        site = small_site(devices or [water("w1", TOPIC)], connections=[connection])
        secrets = {"env:PASSWORD": "a secret of this test", "env:COLLECTOR": "from-the-environment"}
        (collector,) = build(site, intake, clock, secrets.__getitem__)
        collector.start()
        started.append(collector)
        return collector

    yield collect
    for collector in started:
        collector.stop()


def reason(collector: Collector) -> str:
    """Why it is down, once it is."""
    return str(eventually(lambda: collector.status().state == "down" and collector.status().reason))


def is_up(collector: Collector) -> bool:
    return bool(eventually(lambda: collector.status().state == "up", 20))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secured(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """A broker that wants to see a certificate."""
    certificate, key = authority.sign("broker")
    lines = f"cafile {authority.ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
    with Mosquitto(tmp_path / "broker", encryption=lines) as running:
        yield running


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_both_sides_show_certificates(secured: Mosquitto, authority: Authority, collect: Collect, version: str) -> None:
    certificate, key = authority.sign("collector")
    tls = Tls(str(authority.ca), str(certificate), str(key))
    intake = HeldIntake()
    assert is_up(collect(intake, secured.secure_port, tls=tls, version=version))
    secured.publish(TOPIC, *(payload(number) for number in range(2_000)))
    eventually(lambda: intake.values("volume") == list(range(2_000)), 20)


def test_an_expired_certificate_of_ours_is_the_reason(
    secured: Mosquitto, authority: Authority, collect: Collect
) -> None:
    certificate, key = authority.sign("late", days=-1)
    collector = collect(HeldIntake(), secured.secure_port, tls=Tls(str(authority.ca), str(certificate), str(key)))
    assert "certificate expired" in reason(collector)


def test_an_unknown_authority_is_the_reason(
    secured: Mosquitto, authority: Authority, collect: Collect, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    certificate, key = authority.sign("collector")
    collector = collect(HeldIntake(), secured.secure_port, tls=Tls(str(other.ca), str(certificate), str(key)))
    assert reason(collector).startswith(f"the certificate of 127.0.0.1:{secured.secure_port} is not trusted: ")


@pytest.mark.parametrize(
    ("name", "address", "days", "told"),
    [("expired", "127.0.0.1", -1, "certificate has expired"), ("elsewhere", "127.0.0.2", 2, "IP address mismatch")],
)
def test_a_broker_s_certificate_that_is_wrong_is_the_reason(
    tmp_path: Path, authority: Authority, collect: Collect, name: str, address: str, days: int, told: str
) -> None:
    certificate, key = authority.sign(name, address=address, days=days)
    lines = f"certfile {certificate}\nkeyfile {key}\n"
    with Mosquitto(tmp_path / "broker", encryption=lines) as broker:
        collector = collect(HeldIntake(), broker.secure_port, tls=Tls(str(authority.ca)))
        assert told in reason(collector)
        collector.stop()


def test_files_that_are_not_there_are_the_reason(collect: Collect, tmp_path: Path, authority: Authority) -> None:
    assert str(tmp_path / "no.pem") in reason(collect(HeldIntake(), 1, tls=Tls(str(tmp_path / "no.pem"))))
    absent = Tls(str(authority.ca), str(tmp_path / "no.crt"), str(tmp_path / "no.key"))
    assert "no.crt with the key" in reason(collect(HeldIntake(), 1, tls=absent))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


def test_version_5_keeps_what_comes_while_it_is_away_and_sends_it_once(broker: Mosquitto, collect: Collect) -> None:
    away = collect(HeldIntake(), broker.port, version="5")
    assert is_up(away)
    away.stop()
    broker.publish(TOPIC, *(payload(number) for number in range(100)))
    intake = HeldIntake()
    collector = collect(intake, broker.port, version="5")
    eventually(lambda: intake.values("volume") == list(range(100)))
    collector.stop()
    after = HeldIntake()
    assert is_up(collect(after, broker.port, version="5"))
    broker.publish(TOPIC, payload(100))
    eventually(lambda: after.values("volume") == [100])


def test_version_5_wants_retained_messages_once(broker: Mosquitto, collect: Collect) -> None:
    broker.publish(TOPIC, payload(5), retain=True)
    for expected in ([5, 6], [7]):
        intake = HeldIntake()
        collector = collect(intake, broker.port, version="5")
        assert is_up(collector)
        broker.publish(TOPIC, payload(expected[-1]))
        eventually(lambda intake=intake, expected=expected: intake.values("volume") == expected)
        collector.stop()


def test_two_collectors_share_a_topic_and_a_replacement_takes_over_what_one_left(
    broker: Mosquitto, collect: Collect
) -> None:
    first, second = HeldIntake(), HeldIntake()
    one = collect(first, broker.port, client_id="one", share="collectors")
    assert is_up(one)
    assert is_up(collect(second, broker.port, client_id="two", share="collectors", version="5"))
    broker.publish(TOPIC, *(payload(number) for number in range(200)))
    eventually(lambda: sorted(first.values("volume") + second.values("volume")) == list(range(200)))
    assert first.samples, "each of them works"
    assert second.samples, "each of them works"
    one.stop()
    broker.publish(TOPIC, *(payload(number) for number in range(200, 300)))
    replacement = HeldIntake()
    assert is_up(collect(replacement, broker.port, client_id="one", share="collectors"))
    done = (first, second, replacement)
    eventually(lambda: sorted(value for each in done for value in each.values("volume")) == list(range(300)))


def test_a_client_id_may_come_from_the_environment(broker: Mosquitto, collect: Collect) -> None:
    assert is_up(collect(HeldIntake(), broker.port, client_id="env:COLLECTOR"))
    assert "as from-the-environment " in broker.log()


def test_a_broker_that_goes_and_returns_is_told_once_each(broker: Mosquitto, collect: Collect) -> None:
    with structlog.testing.capture_logs() as lines:
        collector = collect(HeldIntake(), broker.port)
        assert is_up(collector)
        broker.stop()
        assert "127.0.0.1" in reason(collector) or "connection lost" in reason(collector)
        # Several attempts later there is still one line.
        eventually(lambda: "nothing answers" in str(collector.status().reason), 20)
        broker.start()
        assert is_up(collector)
        collector.stop()
    events = [line["event"] for line in lines if line["event"].startswith("source")]
    assert events == ["source up", "source down", "source up"]


def test_the_one_thing_published_is_a_rebirth_request(collect: Collect) -> None:
    """A broker that answers by the letter sees what leaves: CONNECT, SUBSCRIBE, PUBACK, and one PUBLISH to NCMD."""
    seen: list[bytes] = []
    point = MqttPoint(PointSpec("volume", "volume", "counter", "m3"), "V")
    device = Device("d", "broker", SECOND, mqtt=MqttTopic("spBv1.0/g/e/d", (point,), "sparkplug-b"))
    data = b"\x12\x02\x10\x07\x18\x05"  # a metric by alias 7, sequence 5

    def answer(piece: bytes, send: Callable[[bytes], None]) -> None:
        seen.append(piece)
        if piece[0] >> 4 == 1:
            send(b"\x20\x02\x00\x00")
        elif piece[0] >> 4 == 8:
            send(b"\x90\x03" + piece[2:4] + b"\x01")
            topic = b"spBv1.0/g/DDATA/e/d"
            body = bytes([0, len(topic)]) + topic + b"\0\1" + data
            send(bytes([0x32, len(body)]) + body)

    with Wire(answer) as wire:
        collector = collect(HeldIntake(), wire.port, [device])
        eventually(lambda: any(b"NCMD" in piece for piece in seen))
        collector.stop()
    sent = b"".join(seen)
    assert sent.count(b"spBv1.0/g/NCMD/e") == 1
    assert b"Node Control/Rebirth" in sent

"""`meterbook doctor` looks at the counters of a broker: what it dropped, nobody else would ever tell (trap 51)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import mosquitto
from peers.mosquitto import Mosquitto
from peers.small import small_site
from peers.waiting import eventually

from collectors.mqtt.greet import ask
from meterbook.cli.reaching import DROPPED, UPTIME, reach
from meterbook.domain.device import MqttConnection, MqttVersion
from meterbook.i18n import translator
from meterbook.readings.influx_setup import Finding

pytestmark = pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")

QUICK = "sys_interval 1\n"
SECRET = "a secret of this test"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker with room for one message a session."""
    with Mosquitto(tmp_path_factory.mktemp("broker"), more=f"{QUICK}max_queued_messages 1\n") as running:
        yield running


def connection(port: int, version: MqttVersion = "3.1.1") -> MqttConnection:
    return MqttConnection("hall", "127.0.0.1", port, "meterbook", "env:PASSWORD", None, version=version)


def found(port: int, language: str = "en") -> list[Finding]:
    site = small_site([], connections=[connection(port)])
    return list(reach(site, lambda _name: SECRET, translator(language)))


def absent(port: int) -> None:
    """A session that subscribes and is never fetched."""
    login = ["-h", "127.0.0.1", "-p", str(port), "-u", "meterbook", "-P", SECRET]
    subprocess.run(["mosquitto_sub", *login, "-t", "t", "-q", "1", "-c", "-i", "absent", "-E"], check=True, timeout=30)


def dropped(port: int, version: MqttVersion) -> int:
    told = ask(connection(port, version), "meterbook-s-hall", lambda _name: SECRET, 5.0, (DROPPED, UPTIME))
    return int(told.get(DROPPED, 0))


def test_a_broker_that_has_dropped_nothing_is_fine(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", more=QUICK) as broker:
        first, second = eventually(lambda: len(told := found(broker.port)) == 2 and told)  # type: ignore[misc]
    assert first.fine
    assert second == Finding("queues of hall", True, "the broker has dropped no message since it started (0 h)")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_what_a_broker_dropped_is_counted(broker: Mosquitto, version: MqttVersion) -> None:
    absent(broker.port)
    broker.publish("t", *"123456")
    eventually(lambda: dropped(broker.port, version) >= 4)
    _, english = found(broker.port)
    assert not english.fine
    assert "the broker has dropped " in english.sentence
    assert "max_queued_messages 0" in english.sentence
    _, chinese = found(broker.port, "zh")
    assert "丢弃了" in chinese.sentence


def test_a_broker_that_tells_nothing_of_itself_is_no_finding(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", more="sys_interval 0\n") as broker:
        (only,) = found(broker.port)
    assert only.fine

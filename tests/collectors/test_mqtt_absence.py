"""A whole Meterbook and a real broker that goes, comes back, refuses a login and shows a certificate that expired."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from peers import certificates, mosquitto
from peers.certificates import Authority
from peers.commands import typed
from peers.mosquitto import Mosquitto
from peers.service import MeterbookProcess
from peers.waiting import eventually

from meterbook.domain.instant import SECOND, Instant, iso
from meterbook.wiring.opening import machine_clock

pytestmark = [
    pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}"),
    pytest.mark.skipif(certificates.MISSING is not None, reason=f"no certificates: {certificates.MISSING}"),
]

DEVICES = """\
connections:
  - id: hall
    mqtt: {{host: 127.0.0.1, port: {port}, username: meterbook, password: "file:{right}"}}
  - id: login
    mqtt: {{host: 127.0.0.1, port: {port}, username: meterbook, password: "file:{typed}"}}
  - id: sealed
    mqtt:
      {{host: 127.0.0.1, port: {secure_port}, tls: {{ca: {ca}}}, username: meterbook, password: "file:{right}"}}
devices:
"""
DEVICE = """\
  - id: {id}-meter
    connection: {id}
    space: campus
    mqtt:
      topic: meters/{id}
      points: {{volume: {{value: $.v, at: $.ts, kind: counter, quantity: volume, unit: m3}}}}
"""


class Plant:
    """A site with three ways to one broker, of which one has the wrong password and one an expired certificate."""

    def __init__(self, directory: Path) -> None:
        self._authority = Authority(directory / "authority")
        certificate, key = self._authority.sign("broker", days=-1)
        self.broker = Mosquitto(directory / "broker", encryption=f"certfile {certificate}\nkeyfile {key}\n")
        self.site = directory / "site"
        self.site.mkdir()
        right, self._typed = directory / "right", directory / "typed"
        right.write_text(self.broker.password)
        self._typed.write_text("a wrong guess")
        described = DEVICES.format(
            port=self.broker.port,
            secure_port=self.broker.secure_port,
            right=right,
            typed=self._typed,
            ca=self._authority.ca,
        )
        (self.site / "devices.yaml").write_text(
            described + "".join(DEVICE.format(id=name) for name in ("hall", "login", "sealed"))
        )
        (self.site / "site.yaml").write_text(
            "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY, language: en}\n"
            "spaces: [{id: campus, name: Campus}]\n"
        )
        (self.site / "meters.yaml").write_text("meters: []\n")

    def mend(self) -> None:
        """The right password, and a certificate that is valid from the broker's next start on."""
        self._typed.write_text(self.broker.password)
        self._authority.sign("broker")


class Publisher:
    """Numbers what it has to say, and keeps it until the broker has taken it."""

    def __init__(self, broker: Mosquitto, begin: Instant) -> None:
        self._broker, self._begin = broker, begin
        self._waiting: list[str] = []
        self.said = 0

    def say(self, count: int) -> bool:
        """Another `count` messages; whether all that waits was taken."""
        for number in range(self.said, self.said + count):
            self._waiting.append(json.dumps({"v": number, "ts": iso(self._begin + number * SECOND)}))
        self.said += count
        try:
            self._broker.publish("meters/hall", *self._waiting)
        except subprocess.CalledProcessError:
            return False
        self._waiting.clear()
        return True


def sources(service: MeterbookProcess) -> dict[str, str | None]:
    """Why each connection is not well, by its id; None where it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/readyz", timeout=20) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            told = json.load(error)
    named = {check["name"]: None if check["ok"] else str(check["reason"]) for check in told["checks"]}
    return {name.removeprefix("source "): reason for name, reason in named.items() if name.startswith("source ")}


def has(service: MeterbookProcess, **told: str | None) -> bool:
    found = sources(service)
    return all(part in (found[name] or "") if part else found[name] is None for name, part in told.items())


def doctor(site: Path, data: Path) -> str:
    """What `meterbook doctor` says while the service runs."""
    return typed("doctor", site, "--data", data).out


def lines(service: MeterbookProcess) -> dict[str, list[str]]:
    """What the log says of each connection coming and going."""
    found = defaultdict(list)
    for line in service.log().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") in ("source up", "source down"):
            found[event["source"]].append(event["event"].removeprefix("source "))
    return dict(found)


def values(service: MeterbookProcess, begin: Instant, count: int) -> list[float]:
    """The first values of the meter, in their order; one more than `count` where there are more."""
    span = f"from={iso(begin).replace('+', '%2B')}&to={iso(begin + 86_400 * SECOND).replace('+', '%2B')}"
    found = service.get(f"/points/hall-meter.volume/readings?{span}&limit={count + 1}")
    return [float(row["value"]) for row in found["items"]]


@pytest.mark.timeout(600)
def test_what_goes_and_returns_is_named_told_once_and_costs_nothing(
    tmp_path: Path, counts: Callable[[int], int]
) -> None:
    """Eight minutes without a broker under `make prove`, seconds otherwise."""
    plant = Plant(tmp_path)
    begin = machine_clock() - 3_600 * SECOND
    (tmp_path / "data").mkdir()
    with plant.broker as broker, MeterbookProcess(plant.site, tmp_path / "data", {}) as service:
        expired, refused = "certificate has expired", "refuses the connection: Not authorized"
        eventually(lambda: has(service, hall=None, login=refused, sealed=expired), 30)
        said = doctor(plant.site, tmp_path / "data")
        assert f"127.0.0.1:{broker.port} says welcome" in said
        assert f"{refused}; mend username and password" in said
        assert f"{expired}; renew the broker's certificate" in said
        publisher = Publisher(broker, begin)
        assert publisher.say(100)
        eventually(lambda: len(values(service, begin, 100)) == 100, 30)

        broker.stop()
        away = f"nothing answers at 127.0.0.1:{broker.port}"
        eventually(lambda: has(service, hall=away, login=away, sealed="nothing answers at"), 60)
        assert doctor(plant.site, tmp_path / "data").count("nothing answers at 127.0.0.1:") == 3
        plant.mend()
        back = time.monotonic() + counts(480)
        while time.monotonic() < back:
            assert not publisher.say(1), "there is nobody to take it"
            Event().wait(0.5)
        broker.start()
        returned = machine_clock()
        eventually(lambda: publisher.say(1), 30)
        eventually(lambda: has(service, hall=None, login=None, sealed=None), 60)
        print(f"all connections up {(machine_clock() - returned) / SECOND:.1f} s after the broker's return")
        eventually(lambda: len(values(service, begin, publisher.said)) == publisher.said, 30)
        assert values(service, begin, publisher.said) == list(range(publisher.said))
        assert lines(service) == {"hall": ["up", "down", "up"], "login": ["down", "up"], "sealed": ["down", "up"]}

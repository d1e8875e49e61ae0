"""A changed site directory is taken whole: what the old collectors decoded is never scaled as the new files say."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
from peers import mosquitto
from peers.mosquitto import Mosquitto
from peers.waiting import eventually

from meterbook.domain.instant import SECOND, iso
from meterbook.domain.reading import ABSURD_PAST
from meterbook.wiring.opening import machine_clock, open_archive, open_settings
from meterbook.wiring.service import Service

SITE = "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\n"
METERS = "meters:\n  - {id: W, utility: water, entry: manual}\n"
MESSAGES = 400


def devices(port: int, path: str, unit: str) -> str:
    return f"""\
connections:
  - {{id: broker, mqtt: {{host: 127.0.0.1, port: {port}, username: meterbook, password: "env:RELOAD_PASSWORD"}}}}
devices:
  - id: feeder
    connection: broker
    every: 60s
    mqtt:
      topic: plant/feeder
      points:
        active_power: {{value: "{path}", at: "$.ts", kind: gauge, quantity: active_power, unit: {unit}}}
"""


@pytest.mark.skipif(bool(mosquitto.MISSING), reason=f"no outside broker: {mosquitto.MISSING}")
def test_no_reading_is_scaled_by_the_wrong_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.yaml").write_text(SITE)
    (site / "meters.yaml").write_text(METERS)
    with Mosquitto(tmp_path / "broker") as broker:
        monkeypatch.setenv("RELOAD_PASSWORD", broker.password)
        (site / "devices.yaml").write_text(devices(broker.port, "$.w", "W"))
        start = machine_clock() - MESSAGES * SECOND
        payloads = [f'{{"ts": "{iso(start + n * SECOND)}", "w": 1500, "kw": 1.5}}' for n in range(MESSAGES)]
        with open_archive(tmp_path / "data", open_settings(site)) as archive:
            service = Service(site, archive, machine_clock, parts=frozenset({"collect"}))
            service.start()
            publishing = Thread(target=broker.publish, args=("plant/feeder", *payloads))
            try:
                publishing.start()
                for path, unit in (("$.kw", "kW"), ("$.w", "W"), ("$.kw", "kW")):
                    (site / "devices.yaml").write_text(devices(broker.port, path, unit))
                    assert not service.reload()
                publishing.join(30)

                def values() -> list[float]:
                    return archive.store.read("feeder.active_power", ABSURD_PAST, 2**62).value.tolist()

                eventually(lambda: len(values()) == MESSAGES, 20)
                assert set(values()) == {1.5}
            finally:
                service.stop()

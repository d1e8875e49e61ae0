"""A topic that is written with its group means the same levels as without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers.publishing import Publishing

from meterbook.domain.instant import DAY

NOW = 20_000 * DAY
VOLUME = "{volume: {value: volume, kind: counter, quantity: volume, unit: m3}}"


@pytest.mark.parametrize("group", ["", "$share/collectors/"])
@pytest.mark.parametrize(
    ("decoder", "topic", "heard", "point"),
    [
        ("template", "site/{point}", "site/volume", "volume"),
        ("template", "{point}/w1/now", "volume/w1/now", "volume"),
        ("openenergymonitor", "emon/pump", "emon/pump/volume", "volume"),
        ("shelly-gen1", "shellies/cellar", "shellies/cellar/emeter/0/total", "active_energy_import_l1"),
        ("shelly-gen1", "shellies/cellar/#", "shellies/cellar/emeter/0/total", "active_energy_import_l1"),
        ("wirenboard", "/devices/w1/controls/+", "/devices/w1/controls/volume", "volume"),
        ("plain", "pulse", "pulse", "volume"),
    ],
)
def test_its_levels_are_counted_without_the_group(
    tmp_path: Path, group: str, decoder: str, topic: str, heard: str, point: str
) -> None:
    points = {"shelly-gen1": "{}", "plain": VOLUME.replace("value: volume, ", "")}.get(decoder, VOLUME)
    described = f'mqtt: {{decoder: {decoder}, topic: "{group}{topic}", points: {points}}}\n'
    readings, refusals, _ = Publishing(tmp_path, described).read(heard, b"12", NOW)
    assert [one.point for one in readings] == [f"sample.{point}"]
    assert not refusals

"""`shelly-gen1`: `shellies/NAME/emeter/0/power` and its like, one number a topic, energy as `total` in Wh.

`emeter/N/energy` (since the last report) and `relay/N/energy` (since the last start) count in watt-minutes and go back
to zero by themselves; no point reads them unless a site says so.
"""

from __future__ import annotations

from collectors.mqtt.named import Named, below, topic_of
from meterbook.domain.device import Device


class ShellyGen1(Named):
    """Reads the messages of one device; fields are what follows its name in the topic."""

    def __init__(self, device: Device) -> None:
        depth = below(topic_of(device).topic)
        super().__init__(device, lambda topic: "/".join(topic.split("/")[depth:]))

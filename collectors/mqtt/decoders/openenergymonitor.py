"""`openenergymonitor`: `emon/NODE/INPUT` with one number a topic, or `emon/NODE` with an object of inputs.

An object may have its instant as `time`.
"""

from __future__ import annotations

from dataclasses import replace

from collectors.mqtt.fields import Fields
from collectors.mqtt.message import Decoded, Message, Unreadable
from collectors.mqtt.named import Named, below, topic_of
from meterbook.domain.device import Device
from meterbook.domain.mqtt import field_path


class OpenEnergyMonitor(Named):
    """Reads the messages of one node; fields are the names of its inputs, which may contain spaces."""

    def __init__(self, device: Device) -> None:
        topic = topic_of(device)
        depth = below(topic.topic)
        super().__init__(device, lambda name: "/".join(name.split("/")[depth:]))
        points = tuple(replace(point, value=field_path("key", point.value)) for point in topic.points)
        self._objects = Fields(replace(device, mqtt=replace(topic, points=points)))

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        if not message.payload.startswith(b"{"):
            super().read(message, out)
            return
        document = message.document
        at = document.get("time") if isinstance(document, dict) else None
        if not self._objects.collect(document, message, out, at):
            raise Unreadable("nothing in it that a point of this device reads")

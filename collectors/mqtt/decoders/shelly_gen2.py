"""`shelly-gen2` (and later): `NAME/status/COMPONENT` and the `NotifyStatus` of `NAME/events/rpc`.

Fields are written `em:0.total_act_power`: the component, and the path in it. A notice has the device's own instant, a
status message has none.
"""

from __future__ import annotations

from dataclasses import replace

from collectors.mqtt.fields import Fields
from collectors.mqtt.message import Decoded, Message, Unreadable
from collectors.mqtt.named import topic_of
from meterbook.domain.device import Device
from meterbook.domain.mqtt import field_path

_MEASURING = ("em", "em1", "emdata", "em1data", "switch", "pm1", "cover", "light", "temperature", "humidity")
_NOTICES = ("NotifyStatus", "NotifyFullStatus")


class ShellyGen2:
    """Reads the messages of one device."""

    def __init__(self, device: Device) -> None:
        topic = topic_of(device)
        points = tuple(replace(point, value=field_path("component", point.value)) for point in topic.points)
        self._fields = Fields(replace(device, mqtt=replace(topic, points=points)))

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        levels = message.topic.split("/")
        if levels[-2:] == ["events", "rpc"]:
            self._notice(message, out)
        elif len(levels) > 1 and levels[-2] == "status" and _measures(levels[-1]):
            self._collect({levels[-1]: message.document}, message, out, None)

    def _notice(self, message: Message, out: Decoded) -> None:
        document = message.document
        if not isinstance(document, dict) or not isinstance(document.get("params"), dict):
            raise Unreadable("no notice of a Shelly device")
        params = document["params"]
        if document.get("method") in _NOTICES and any(_measures(component) for component in params):
            self._collect(params, message, out, params.get("ts"))

    def _collect(self, components: object, message: Message, out: Decoded, at: object) -> None:
        if not self._fields.collect(components, message, out, at):
            raise Unreadable("nothing in it that a point of this device reads")


def _measures(component: str) -> bool:
    return component.partition(":")[0] in _MEASURING

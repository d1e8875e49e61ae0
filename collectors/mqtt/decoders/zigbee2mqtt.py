"""`zigbee2mqtt`: the JSON state of a device on `zigbee2mqtt/NAME`, dated by `last_seen` where that is switched on."""

from __future__ import annotations

from collectors.mqtt.fields import Fields
from collectors.mqtt.message import Decoded, Message, Unreadable
from meterbook.domain.device import Device

_CHATTER = frozenset({"availability", "set", "get"})


class Zigbee2Mqtt:
    """Reads the messages of one device."""

    def __init__(self, device: Device) -> None:
        self._fields = Fields(device)

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        if message.topic.rpartition("/")[2] in _CHATTER:
            return
        document = message.document
        at = document.get("last_seen") if isinstance(document, dict) else None
        if not self._fields.collect(document, message, out, at):
            raise Unreadable("nothing in it that a point of this device reads")

"""`tasmota`: `tele/NAME/SENSOR` with its `ENERGY`, and the same inside `StatusSNS` of `stat/NAME/STATUS8` and 10.

The clock of the device shows local time without an offset: it counts where the device has a `zone`, otherwise the
arrival does.
"""

from __future__ import annotations

from collectors.mqtt.fields import Fields
from collectors.mqtt.message import Decoded, Message, Unreadable
from collectors.mqtt.named import topic_of
from meterbook.domain.device import Device

_CHATTER = frozenset({"STATE", "LWT", "RESULT", "POWER", "INFO1", "INFO2", "INFO3", "UPTIME", "LOGGING"})


class Tasmota:
    """Reads the messages of one device."""

    def __init__(self, device: Device) -> None:
        self._fields = Fields(device)
        self._clock_counts = topic_of(device).zone is not None

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        if message.topic.rpartition("/")[2] in _CHATTER:
            return
        document = message.document
        if isinstance(document, dict) and isinstance(document.get("StatusSNS"), dict):
            document = document["StatusSNS"]
        at = document.get("Time") if self._clock_counts and isinstance(document, dict) else None
        if not self._fields.collect(document, message, out, at):
            raise Unreadable("nothing in it that a point of this device reads")

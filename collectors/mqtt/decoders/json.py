"""`json`: any JSON by path, one value a point or a batch of them."""

from __future__ import annotations

from collectors.mqtt.fields import Fields
from collectors.mqtt.message import Decoded, Message
from meterbook.domain.device import Device


class Json:
    """Reads the documents of one device."""

    def __init__(self, device: Device) -> None:
        """Raises NoPath."""
        self._fields = Fields(device)

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        self._fields.collect(message.document, message, out)

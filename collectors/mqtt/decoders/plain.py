"""`plain`: a topic whose payload is one number."""

from __future__ import annotations

from collectors.mqtt.named import Named
from meterbook.domain.device import Device


class Plain(Named):
    """Reads the number of one device; all of its points read the same."""

    def __init__(self, device: Device) -> None:
        super().__init__(device, lambda _topic: "$")

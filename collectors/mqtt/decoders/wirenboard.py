"""`wirenboard`: `/devices/NAME/controls/CONTROL`, one value a topic; its `meta` is passed over."""

from __future__ import annotations

from collectors.mqtt.named import Named
from meterbook.domain.device import Device


class Wirenboard(Named):
    """Reads the controls of one device; fields are their names, which may contain spaces."""

    def __init__(self, device: Device) -> None:
        super().__init__(device, _control)


def _control(topic: str) -> str | None:
    above, _, control = topic.partition("/controls/")
    return control if above and control and "/" not in control else None

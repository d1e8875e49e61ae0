"""Devices that publish one value a topic. Pure."""

from __future__ import annotations

from collections.abc import Callable

from collectors.mqtt.message import RETAINED, Decoded, Message
from meterbook.domain.device import Device, MqttTopic
from meterbook.domain.mqtt import levels
from meterbook.domain.reading import Sample

LONGEST = 64
"""Bytes a single value may have."""

_WORDS = {"true": True, "on": True, "open": True, "false": False, "off": False, "closed": False}


def topic_of(device: Device) -> MqttTopic:
    """The topic of a device on MQTT; ValueError for any other."""
    if device.mqtt is None:
        raise ValueError(f"{device.id} is described by no topic")
    return device.mqtt


def below(topic: str) -> int:
    """How many levels of a topic or filter stand before what its first wildcard matches, or above what is below it."""
    parts = levels(topic.rstrip("/"))
    return next((depth for depth, level in enumerate(parts) if level in ("+", "#")), len(parts))


class Named:
    """Reads messages whose topic names the field and whose payload is its value.

    `field` finds the name in a topic, None for topics that hold no value. A name that no point reads is passed over:
    devices say much that nobody asked for.
    """

    def __init__(self, device: Device, field: Callable[[str], str | None]) -> None:
        self.device = device.id
        self._field = field
        self._points: dict[str, list[str]] = {}
        for point in topic_of(device).points:
            self._points.setdefault(point.value, []).append(point.spec.name)

    def points(self, topic: str) -> list[str]:
        """The points that read the field a topic names."""
        field = self._field(topic)
        return self._points.get(field, []) if field is not None else []

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder. What is no number is refused where it is normalised, by the point's name."""
        points = self.points(message.topic)
        for point in points:
            if message.retained:
                out.refuse(message, f"{self.device}.{point}", RETAINED)
            elif not message.payload or len(message.payload) > LONGEST:
                reason = f"{len(message.payload)} bytes; a number was expected"
                out.refuse(message, f"{self.device}.{point}", reason)
            else:
                value = single(message.payload)
                out.samples.append(Sample(self.device, point, value, None, message.received))


def single(payload: bytes) -> str | bool:
    """The one value of a payload: its text, or a truth where a word such as `on` stands for one."""
    text = payload.decode("utf-8", "backslashreplace").strip()
    return _WORDS.get(text.lower(), text)

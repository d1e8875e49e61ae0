"""`template`: a topic with named parts; the level of `{point}` says which point the message is of.

The payload is one number, or an object with `value` and, if it has one, its instant as `at`, `ts`, `time` or
`timestamp`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collectors.mqtt.instants import NoInstant, instant
from collectors.mqtt.message import RETAINED, Decoded, Decoder, Message
from collectors.mqtt.named import Named, topic_of
from collectors.mqtt.paths import kind
from meterbook.domain.device import Device
from meterbook.domain.instant import Instant
from meterbook.domain.mqtt import levels
from meterbook.domain.reading import Sample

POINT = "{point}"

_INSTANTS = ("at", "ts", "time", "timestamp")


class Template(Named):
    """Reads the messages of one device."""

    def __init__(self, device: Device) -> None:
        """Raises ValueError for a topic without `{point}`."""
        topic = topic_of(device)
        parts = levels(topic.topic)
        if POINT not in parts:
            raise ValueError(f"{topic.topic!r} has no level {POINT}")
        depth = parts.index(POINT)
        super().__init__(device, lambda name: name.split("/")[depth])
        self._zone = topic.zone

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        if not message.payload.lstrip().startswith(b"{"):
            super().read(message, out)
            return
        document = message.document
        if not isinstance(document, dict):
            return
        for point in self.points(message.topic):
            value = document.get("value")
            try:
                at = self._at(document, message)
            except NoInstant as error:
                out.refuse(message, f"{self.device}.{point}", str(error))
                continue
            if isinstance(value, float | int | str):
                out.samples.append(Sample(self.device, point, value, at, message.received))
            else:
                out.refuse(message, f"{self.device}.{point}", f"{kind(value)} as value; a number was expected")

    def _at(self, document: dict[str, object], message: Message) -> Instant | None:
        said = next((document[name] for name in _INSTANTS if document.get(name) is not None), None)
        if said is not None:
            return instant(said, self._zone, message.received)
        if message.retained:
            raise NoInstant(RETAINED)
        return None


def entries(devices: Sequence[Device]) -> Iterator[tuple[str, Decoder]]:
    """The filters of some devices, and what reads them."""
    for device in devices:
        yield topic_of(device).topic.replace(POINT, "+"), Template(device)

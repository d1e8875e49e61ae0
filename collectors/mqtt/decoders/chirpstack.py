"""`chirpstack` (version 4): uplinks on `application/ID/device/EUI/event/up`, dated by the network server.

With a `codec` the raw bytes are read here; without one the points are paths in the `object` that ChirpStack decoded.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from collectors.mqtt.fields import Fields
from collectors.mqtt.instants import NoInstant, instant
from collectors.mqtt.lorawan import CODECS, Codec, Measurement, NoUplink
from collectors.mqtt.message import RETAINED, Decoded, Message, Unreadable
from collectors.mqtt.named import topic_of
from meterbook.domain.device import Device
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Sample


class ChirpStack:
    """Reads the uplinks of one device; its other events are passed over."""

    def __init__(self, device: Device) -> None:
        topic = topic_of(device)
        self.device = device.id
        self._codec = CODECS[topic.codec] if topic.codec else None
        self._zone = topic.zone
        self._points = {point.value: point.spec.name for point in topic.points}
        self._fields = Fields(device if self._codec is None else replace(device, mqtt=replace(topic, points=())))

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        if message.topic.rpartition("/")[2] != "up":
            return
        uplink = message.document
        if not isinstance(uplink, dict):
            raise Unreadable("no uplink of ChirpStack")
        if self._codec is not None:
            self._read_bytes(uplink, message, out)
        elif not isinstance(uplink.get("object"), dict):
            raise Unreadable("an uplink that nobody decoded: give the device a codec, here or in ChirpStack")
        elif not self._fields.collect(uplink["object"], message, out, uplink.get("time")):
            raise Unreadable("nothing in it that a point of this device reads")

    def _read_bytes(self, uplink: dict[str, object], message: Message, out: Decoded) -> None:
        port, sent = uplink.get("fPort"), uplink.get("data")
        if self._codec is None or not isinstance(port, int) or not isinstance(sent, str):
            raise Unreadable("an uplink without port or bytes")
        found, wrong = self._decoded(self._codec, port, sent)
        try:
            arrived = self._arrival(uplink, message)
        except NoInstant as error:
            raise Unreadable(str(error)) from error
        read = [one for one in found if one.field in self._points]
        if not read:
            raise Unreadable(wrong or "nothing in it that a point of this device reads")
        for one in read:
            at = self._instant(one, arrived, message)
            if at is not None or not one.past:
                out.samples.append(Sample(self.device, self._points[one.field], one.value, at, message.received))
        if wrong is not None:
            raise Unreadable(wrong)

    @staticmethod
    def _decoded(codec: Codec, port: int, sent: str) -> tuple[Sequence[Measurement], str | None]:
        """What a codec reads, and why it does not read all."""
        try:
            return codec(port, binascii.a2b_base64(sent, strict_mode=True)), None
        except NoUplink as error:
            return error.found, str(error)
        except ValueError as error:
            return (), str(error)

    def _instant(self, one: Measurement, arrived: Instant | None, message: Message) -> Instant | None:
        """When a value was measured; the device's own clock counts where the device has a zone."""
        if isinstance(one.at, datetime):
            if self._zone is None:
                return None if one.past else arrived
            return instant(one.at.isoformat(), self._zone, message.received)
        return arrived if one.at is None else one.at

    @staticmethod
    def _arrival(uplink: dict[str, object], message: Message) -> Instant | None:
        said = uplink.get("time")
        if said is not None:
            return instant(said)
        if message.retained:
            raise NoInstant(RETAINED)
        return None

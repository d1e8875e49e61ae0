"""The points of a device in JSON documents: paths, instants, batches. Pure."""

from __future__ import annotations

from typing import NamedTuple

from collectors.mqtt.instants import NoInstant, instant
from collectors.mqtt.message import RETAINED, Decoded, Message
from collectors.mqtt.paths import ABSENT, Find, kind, many, one
from meterbook.domain.device import Device, MqttPoint
from meterbook.domain.instant import Instant
from meterbook.domain.mqtt import NoPath, has_many
from meterbook.domain.reading import Sample

_VALUES = (float, int, str)


class _Field(NamedTuple):
    point: str
    find: Find
    path: str
    optional: bool


class Fields:
    """The points of one device, with their paths compiled; the points that share an instant stand together."""

    def __init__(self, device: Device) -> None:
        """Raises NoPath."""
        self.device = device.id
        points = device.mqtt.points if device.mqtt else ()
        self._zone = device.mqtt.zone if device.mqtt else None
        groups: dict[str | None, list[_Field]] = {}
        self._batches: list[tuple[_Batch, str]] = []
        for point in points:
            if has_many(point.value):
                self._batches.append((_Batch(point), point.spec.name))
            else:
                field = _Field(point.spec.name, one(point.value), point.value, point.optional)
                groups.setdefault(point.at, []).append(field)
        self._groups = [(None if at is None else one(at), tuple(fields)) for at, fields in groups.items()]

    def collect(self, document: object, message: Message, out: Decoded, at: object = None) -> bool:
        """Adds the samples of a parsed document, and a refusal for each point that gives none and must.

        `at` is the document's own word for its instant, for points that have no path to theirs. Answers whether any
        point stands in the document.
        """
        seen = False
        for find_at, fields in self._groups:
            said = at if find_at is None else find_at(document)
            try:
                when = self._instant(said, message)
            except NoInstant as error:
                seen |= self._undated(fields, document, message, out, str(error))
                continue
            for point, find, path, optional in fields:
                value = find(document)
                if isinstance(value, _VALUES):
                    out.samples.append(Sample(self.device, point, value, when, message.received))
                    seen = True
                elif not optional or (value is not ABSENT and value is not None):
                    self._refuse(out, message, point, f"{kind(value)} at {path}; a number was expected")
                    seen = True
        for batch, point in self._batches:
            seen |= self._collect_batch(batch, point, document, message, out)
        return seen

    def _undated(
        self, fields: tuple[_Field, ...], document: object, message: Message, out: Decoded, reason: str
    ) -> bool:
        wanted = [field for field in fields if not field.optional or field.find(document) not in (ABSENT, None)]
        for field in wanted:
            self._refuse(out, message, field.point, reason)
        return bool(wanted)

    def _collect_batch(self, batch: _Batch, point: str, document: object, message: Message, out: Decoded) -> bool:
        values, instants = batch.values(document), batch.instants(document)
        if not values or len(values) != len(instants):
            found = f"{len(values)} values and {len(instants)} instants" if values else "no list of values"
            self._refuse(out, message, point, f"{found} at {batch.path}")
            return True
        for value, said in zip(values, instants, strict=True):
            try:
                when = self._instant(said, message)
                if when is None:
                    raise NoInstant("an item of a batch without an instant of its own")
            except NoInstant as error:
                self._refuse(out, message, point, str(error))
                continue
            if isinstance(value, _VALUES):
                out.samples.append(Sample(self.device, point, value, when, message.received))
            else:
                self._refuse(out, message, point, f"{kind(value)} at {batch.path}; a number was expected")
        return True

    def _instant(self, said: object, message: Message) -> Instant | None:
        if said is not None and said is not ABSENT:
            return instant(said, self._zone, message.received)
        if message.retained:
            raise NoInstant(RETAINED)
        return None

    def _refuse(self, out: Decoded, message: Message, point: str, reason: str) -> None:
        out.refuse(message, f"{self.device}.{point}", reason)


class _Batch:
    """A point that comes several times in one message: `$.readings[*].v` with `$.readings[*].t`."""

    def __init__(self, point: MqttPoint) -> None:
        if point.at is None or not has_many(point.at):
            raise NoPath(f"{point.value!r} reads many values; at must be a path with [*] as well")
        self.path = point.value
        self.values = many(point.value)
        self.instants = many(point.at)

"""The points of devices that publish: what their decoder offers, and what the site says of them."""

from __future__ import annotations

from typing import NamedTuple

from meterbook.domain.decoding import DECODINGS, Offer, offers
from meterbook.domain.device import MqttPoint
from meterbook.site import models
from meterbook.site.models.point import Measured
from meterbook.site.problem import Problem
from meterbook.site.profiles import point_spec

_NOT_SAID = Offer("", "", "", "gauge", "")


class _Wanted(NamedTuple):
    """A point as the site wrote it, or an empty entry, and the offer it stands on."""

    entry: models.devices.MqttPoint
    offer: Offer | None


def points(topic: models.devices.Topic, problems: list[Problem]) -> tuple[MqttPoint, ...] | None:
    """The points of a device; None, with problems, where some are declared wrongly.

    An entry that has the name of an offered point, or reads its field, takes from it whatever it does not say; the
    latter renames it. What is offered and not named stays as it is.
    """
    wanted = _wanted(topic)
    found = [_point(name, one, topic, problems) for name, one in wanted.items()]
    complete = tuple(point for point in found if point is not None)
    return complete if len(complete) == len(found) else None


def _wanted(topic: models.devices.Topic) -> dict[str, _Wanted]:
    offered = offers(topic.decoder, topic.codec)
    by_name = {offer.point: offer for offer in offered}
    by_field = {offer.field: offer for offer in offered}
    written = {
        name: _Wanted(entry, by_field.get(entry.value) if entry.value else by_name.get(name))
        for name, entry in topic.points.items()
    }
    read = {one.offer.field for one in written.values() if one.offer}
    untouched = {
        offer.point: _Wanted(models.devices.MqttPoint(), offer)
        for offer in offered
        if offer.point not in written and offer.field not in read
    }
    return {**written, **untouched}


def _point(name: str, wanted: _Wanted, topic: models.devices.Topic, problems: list[Problem]) -> MqttPoint | None:
    entry, offer = wanted
    measured = _measured(entry, offer, problems)
    value = entry.value or (offer.field if offer else _field(name, topic))
    if value is None and not entry.refused("value"):
        problems.append(entry.where("value").problem("is missing", "where the value stands, such as $.volume_m3"))
    spec = None if measured is None else point_spec(measured, name, problems)
    if spec is None or value is None:
        return None
    return MqttPoint(spec, value, entry.at, optional=offer is not None or topic.decoder != "json")


def _field(name: str, topic: models.devices.Topic) -> str | None:
    if topic.decoder == "template":
        return name
    return DECODINGS[topic.decoder].field


def _measured(entry: models.devices.MqttPoint, offer: Offer | None, problems: list[Problem]) -> Measured | None:
    known = offer or _NOT_SAID
    kind, quantity, unit = entry.kind, entry.quantity or known.quantity, entry.unit or known.unit
    if kind is None and offer is not None:
        kind = offer.kind
    missing = [key for key, said in (("kind", kind), ("quantity", quantity), ("unit", unit)) if not said]
    fields = models.devices.MqttPoint.model_fields
    problems += [
        entry.where(key).problem("is missing", fields[key].description) for key in missing if not entry.refused(key)
    ]
    if missing or kind is None:
        return None
    return entry.measured(kind, quantity, unit, entry.plausible or known.plausible)

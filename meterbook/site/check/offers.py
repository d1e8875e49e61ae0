"""The points that devices offer, as far as their descriptions can be read."""

from __future__ import annotations

from collections.abc import Mapping

from meterbook.domain.device import PointSpec
from meterbook.site import mqtt
from meterbook.site.draft import Draft
from meterbook.site.models.devices import Device
from meterbook.site.problem import nearest
from meterbook.site.tree import Where

Offers = Mapping[str, Mapping[str, PointSpec] | None]
"""By device: its points by name, or None where its description cannot be read."""


def offers(draft: Draft) -> Offers:
    """The points of every device; points that are declared wrongly become problems."""
    return {device.id: _points(device, draft) for device in draft.devices.devices}


def _points(device: Device, draft: Draft) -> Mapping[str, PointSpec] | None:
    if device.mqtt is not None:
        points = mqtt.points(device.mqtt, draft.problems)
        return None if points is None else {point.spec.name: point.spec for point in points}
    profile = draft.profiles.get(device.profile or "")
    return {register.point: register.spec for register in profile.registers} if profile else None


def refer_to_point(draft: Draft, offered: Offers, where: Where, point: str) -> PointSpec | None:
    """What a point named `device.point` offers; None, with a problem where it surely is no point."""
    device, _, name = point.rpartition(".")
    specs = offered.get(device)
    if specs is not None and name in specs:
        return specs[name]
    if (specs is None and device in offered) or (device not in offered and device and draft.known("device", device)):
        return None
    known = [f"{one}.{offer}" for one, names in offered.items() for offer in names or ()]
    if draft.names["device"] is not None:
        draft.problems.append(where.problem(f"{point} is no point", "a point as device.point", nearest(point, known)))
    return None

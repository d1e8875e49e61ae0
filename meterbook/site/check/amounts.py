"""devices.yaml: amounts without an instant of their own, which count as often as their message comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meterbook.domain.decoding import filters
from meterbook.domain.mqtt import covers, filter_fault, levels, overlap
from meterbook.site.draft import Draft
from meterbook.site.models.devices import Connection, Device, Mqtt, Topic
from meterbook.site.problem import Problem

_DATED = ("chirpstack", "sparkplug-b")
"""Decoders whose messages say when."""


def check(draft: Draft, connections: Mapping[str, Connection]) -> None:
    """Check that each message of such a device comes once, as far as the site can see to that."""
    for connection in connections.values():
        if connection.mqtt is None:
            continue
        devices = [one for one in draft.devices.devices if one.connection == connection.id and one.mqtt is not None]
        subscribed = _Subscribed(devices, connection.mqtt.share)
        for device in devices:
            draft.problems.extend(_wrong(device, device.mqtt, connection.mqtt, subscribed))


def _wrong(device: Device, topic: Topic | None, broker: Mqtt, subscribed: _Subscribed) -> Iterator[Problem]:
    if topic is None or _is_dated(topic):
        return
    undated = [point for point in topic.points.values() if point.kind == "delta" and point.at is None]
    if undated and (broker.share is not None or topic.topic.startswith("$share/")):
        found = "amounts without an instant: what one collector stored and did not acknowledge, another stores again"
        yield undated[0].where("kind").warning(found, "at, where the message says when, or a connection without share")
    if undated and broker.version == "3.1.1" and (other := subscribed.beside(device)) is not None:
        found = f"{topic.topic} and {other} overlap, so a broker may send a message twice, and its amount counts twice"
        expected = "version: 5 at the connection, at where the message says when, or topics that do not overlap"
        yield topic.where("topic").problem(found, expected)


def _is_dated(topic: Topic) -> bool:
    return topic.decoder in _DATED or (topic.decoder == "tasmota" and topic.zone is not None)


class _Subscribed:
    """The filters of a connection, where a broker of version 3.1.1 may send a copy of a message for each."""

    def __init__(self, devices: Iterable[Device], share: str | None) -> None:
        self._group = f"$share/{share}/" if share else ""
        self._all = sorted({one for device in devices for one in self._filters(device)})
        self._by_levels: dict[tuple[str, ...], list[str]] = {}
        for one in self._all:
            self._by_levels.setdefault(tuple(levels(one)), []).append(one)
        self._wild = [one for one in self._all if {"+", "#"} & set(levels(one))]

    def beside(self, device: Device) -> str | None:
        """Another filter by which a message of a device may come a second time, None where there is none."""
        for mine in self._filters(device):
            others = self._all if mine in self._wild else [*self._by_levels[tuple(levels(mine))], *self._wild]
            meeting = [one for one in others if overlap(mine, one)]
            held = [one for one in meeting if not _is_covered(one, meeting)]
            if len(held) > 1:
                return next(one for one in held if one != mine)
        return None

    def _filters(self, device: Device) -> list[str]:
        """What a device is heard on; nothing where that is no filter, which is complained of elsewhere."""
        if device.mqtt is None or device.mqtt.decoder == "sparkplug-b":
            return []
        topic = device.mqtt.topic.replace("{device}", device.id).replace("{space}", device.space or "")
        found = filters(device.mqtt.decoder, topic.replace("{point}", "+"))
        named = [one if one.startswith("$share/") else f"{self._group}{one}" for one in found]
        return [one for one in named if filter_fault(one) is None]


def _is_covered(one: str, among: Sequence[str]) -> bool:
    """Whether a filter needs no subscription of its own, as collectors make none; each shared one is for itself."""
    plain = [other for other in among if other != one and not other.startswith("$share/")]
    return not one.startswith("$share/") and any(covers(other, one) for other in plain)

"""devices.yaml: brokers and the devices that publish on them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meterbook.domain.decoding import DECODINGS, offers
from meterbook.domain.mqtt import Spelling, field_path, filter_fault, has_many, path_fault
from meterbook.settings import SecretMissing, secret
from meterbook.site.draft import Draft
from meterbook.site.models.devices import Connection, Device, Mqtt, MqttPoint, Topic
from meterbook.site.places import nearest_zone, zones
from meterbook.site.problem import Problem, nearest
from meterbook.site.resolve.devices import secret_place

_PART = re.compile(r"\{([^{}]*)\}")
_FIELDS: dict[Spelling, str] = {
    "path": "a path such as $.readings[0].volume",
    "component": "component and field, such as em:0.total_act_power",
    "key": "a name without quotation marks and [*]",
}
_PARTS = ("space", "device", "point")


def broker(draft: Draft, one: Mqtt) -> None:
    """Warn of secrets and certificates that are not there."""
    references = {"password": one.password, "client_id": one.client_id}
    for key, reference in references.items():
        if reference is None or not reference.startswith(("env:", "file:")):
            continue
        try:
            secret(secret_place(reference, draft.directory) or "")
        except (SecretMissing, ValueError) as error:
            draft.problems.append(one.where(key).warning(str(error), "it to be there before the service starts"))
    if one.tls is None:
        return
    for key, name in (("ca", one.tls.ca), ("certificate", one.tls.certificate), ("key", one.tls.key)):
        if name is not None and not (draft.directory / name).is_file():
            where = one.tls.where(key)
            draft.problems.append(where.warning(f"{name} is not there", "a PEM file before the service starts"))


def device(draft: Draft, one: Device, connection: Connection) -> None:
    """Check how the messages of a device are read."""
    topic = one.mqtt
    if topic is None:
        return
    wrong = [*_wrong_parts(one, topic)] or [*_wrong_filter(topic, connection)]
    draft.problems.extend(wrong)
    refused = topic.refused("decoder")
    if not refused and not topic.points and not topic.wrote("points") and not offers(topic.decoder, topic.codec):
        draft.problems.append(topic.where("points").problem("is missing", "its points by name"))
    if topic.codec is not None and topic.decoder != "chirpstack":
        found = f"{topic.decoder} has no raw bytes to read"
        draft.problems.append(topic.where("codec").problem(found, "a codec only with the decoder chirpstack"))
    if topic.zone is not None and topic.zone not in zones():
        found, hint = f"{topic.zone} is no time zone", nearest_zone(topic.zone)
        draft.problems.append(topic.where("zone").problem(found, "one such as Europe/Berlin", hint))
    spelling = DECODINGS[topic.decoder].paths
    if not refused and topic.codec is None and spelling is not None:
        draft.problems.extend(problem for point in topic.points.values() for problem in _wrong_paths(spelling, point))
    if topic.decoder == "sparkplug-b":
        draft.problems.extend(_wrong_sparkplug(topic, connection))


def _wrong_filter(topic: Topic, connection: Connection) -> Iterator[Problem]:
    """Where the topic is no topic filter; parts in braces stand for whole names, `{point}` for any."""
    if connection.mqtt is not None and connection.mqtt.share is not None and topic.topic.startswith("$share/"):
        found = f"{topic.topic} is shared, and {connection.id} shares all of its topics"
        yield topic.where("topic").problem(found, "a topic without $share/GROUP/, or a connection without share")
    fault = filter_fault(_PART.sub(lambda part: "+" if part[1] == "point" else "_", topic.topic))
    if fault:
        yield topic.where("topic").problem(
            f"{topic.topic} is no topic filter: {fault}", "one such as site/{device} or site/+/meter"
        )


def _wrong_paths(spelling: Spelling, point: MqttPoint) -> Iterator[Problem]:
    value = None if point.value is None else field_path(spelling, point.value)
    wrong_value = value and path_fault(value)
    wrong_at = point.at and path_fault(point.at)
    if wrong_value:
        found = wrong_value if spelling == "path" else f"{point.value} is no field of its messages"
        yield point.where("value").problem(found, _FIELDS[spelling])
    if wrong_at:
        yield point.where("at").problem(wrong_at, _FIELDS["path"])
    if not wrong_value and not wrong_at and has_many(value or "") != has_many(point.at or ""):
        found = "value and at do not go through the same list"
        yield point.where("at").problem(found, "[*] in both, such as $.readings[*].v and $.readings[*].t, or in none")


def _wrong_sparkplug(topic: Topic, connection: Connection) -> Iterator[Problem]:
    if connection.mqtt is not None and connection.mqtt.share is not None:
        found = "Sparkplug counts messages, and each member of a shared subscription misses those of the others"
        yield topic.where("decoder").problem(found, "a connection without share")
    levels = topic.topic.split("/")
    if levels[0] != "spBv1.0" or len(levels) not in (3, 4) or {"+", "#", ""} & set(levels):
        expected = "spBv1.0/GROUP/EDGE or spBv1.0/GROUP/EDGE/DEVICE"
        yield topic.where("topic").problem(f"{topic.topic} names no edge node or device", expected)


def _wrong_parts(one: Device, topic: Topic) -> Iterator[Problem]:
    where = topic.where("topic")
    for part in _PART.findall(topic.topic):
        if part not in _PARTS:
            yield where.problem(f"{{{part}}} means nothing", "{space}, {device} or {point}", nearest(part, _PARTS))
        elif part == "space" and one.space is None:
            yield where.problem("{space} stands for nothing: the device has no space", "a device with a space")
        elif part == "point" and topic.decoder != "template":
            yield where.problem(f"{{point}} means nothing to the decoder {topic.decoder}", "the decoder template")
    if topic.decoder == "template" and topic.topic.split("/").count("{point}") != 1:
        yield where.problem("says nowhere which point is meant", "{point} as one level, such as site/{device}/{point}")

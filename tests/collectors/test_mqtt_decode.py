from __future__ import annotations

from zoneinfo import ZoneInfo

import orjson
import pytest

from collectors.mqtt.decode import decode as decode_into
from collectors.mqtt.decoders.json import Json
from collectors.mqtt.instants import NoInstant, instant
from collectors.mqtt.message import MAX_PAYLOAD, Decoded, Message
from meterbook.domain.device import Device, MqttPoint, MqttTopic, PointSpec
from meterbook.domain.instant import DAY, SECOND
from meterbook.domain.mqtt import NoPath, steps
from meterbook.domain.reading import Refusal, Sample

NOW = 20_000 * DAY


def device(**paths: str | tuple[str, str]) -> Json:
    points = []
    for name, path in paths.items():
        value, at = (path, None) if isinstance(path, str) else path
        points.append(MqttPoint(PointSpec(name, "volume", "gauge", "m3"), value, at))
    return Json(Device("d", "broker", 60 * SECOND, mqtt=MqttTopic("t", tuple(points))))


def message(payload: object, *, retained: bool = False) -> Message:
    return Message("broker", "t", payload if isinstance(payload, bytes) else orjson.dumps(payload), NOW, retained)


def decode(message: Message, decoders: list[Json]) -> tuple[list[Sample], list[Refusal]]:
    out = Decoded()
    decode_into(message, decoders, out)
    return out.samples, out.refusals


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", ()),
        ("$.a", ("a",)),
        ("$.a.b[0].c", ("a", "b", 0, "c")),
        ("$['total kWh'][2]", ("total kWh", 2)),
        ('$["a.b"].c-d', ("a.b", "c-d")),
        ("$['']", ("",)),
    ],
)
def test_paths(path, expected):
    assert steps(path) == expected


@pytest.mark.parametrize("bad", ["", "a", "$a", "$.", "$..a", "$.a[", "$[-1]", "$[x]", "$.a b", "$[*]"])
def test_what_is_no_path_is_refused(bad):
    with pytest.raises(NoPath):
        steps(bad)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-01T00:00:00Z", 1_790_812_800 * SECOND),
        ("2026-10-01T08:00:00.250+08:00", 1_790_812_800 * SECOND + 250_000),
        (1_790_812_800, 1_790_812_800 * SECOND),
        (1_790_812_800.5, 1_790_812_800 * SECOND + 500_000),
        (1_790_812_800_123, 1_790_812_800 * SECOND + 123_000),
        ("1790812800", 1_790_812_800 * SECOND),
        ("1790812800123", 1_790_812_800 * SECOND + 123_000),
        (0, 0),
    ],
)
def test_instants(value, expected):
    assert instant(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-10-01T00:00:00", "no offset"),
        ("yesterday", "no ISO 8601"),
        ("", "no ISO 8601"),
        (-1, "neither seconds nor milliseconds"),
        (10**14, "neither seconds nor milliseconds"),
        (2**63, "neither seconds nor milliseconds"),
        (True, "no instant"),
        ([1], "no instant"),
        ({}, "no instant"),
    ],
)
def test_what_is_no_instant_is_refused(value, reason):
    with pytest.raises(NoInstant, match=reason):
        instant(value)


def test_a_bad_point_does_not_take_the_others_with_it():
    fields = device(good="$.a", absent="$.x.y", null="$.n", deep="$.l[1].v", listed="$.l", at_fault=("$.a", "$.when"))
    payload = {"a": 1.5, "n": None, "l": [0, {"v": "7"}], "when": "soon"}
    samples, refusals = decode(message(payload), [fields])
    assert samples == [Sample("d", "good", 1.5, None, NOW), Sample("d", "deep", "7", None, NOW)]
    assert {refusal.subject: refusal.reason for refusal in refusals} == {
        "d.absent": "nothing at $.x.y; a number was expected",
        "d.null": "null at $.n; a number was expected",
        "d.listed": "a list at $.l; a number was expected",
        "d.at_fault": "'soon' is no ISO 8601 instant",
    }
    assert all(refusal.content.startswith('{"a":1.5') for refusal in refusals)


def test_text_is_no_list():
    assert decode(message({"a": "123"}), [device(x="$.a[0]")])[0] == []


def test_one_message_serves_every_device_on_its_topic():
    assert len(decode(message({"a": 1}), [device(x="$.a"), device(y="$.a")])[0]) == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"NaN", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "no JSON"),
        (b" " * (MAX_PAYLOAD + 1), "262145 bytes; at most 262144 are read"),
    ],
)
def test_poison_is_refused_with_its_reason_and_beginning(payload, reason):
    samples, (refusal,) = decode(message(payload), [device(x="$.a")])
    assert samples == []
    assert reason in refusal.reason
    assert refusal.subject == "t"
    assert len(refusal.content) <= 200
    assert refusal.content.isprintable()


def test_an_unknown_topic_is_refused():
    assert decode(message({"a": 1}), [])[1][0].reason == "no device publishes on this topic"


def test_a_retained_message_counts_only_with_an_instant_of_its_own():
    fields = device(dated=("$.a", "$.ts"), undated="$.a")
    samples, refusals = decode(message({"a": 1, "ts": 1_700_000_000}, retained=True), [fields])
    assert samples == [Sample("d", "dated", 1, 1_700_000_000 * SECOND, NOW)]
    assert [(refusal.subject, refusal.reason) for refusal in refusals] == [
        ("d.undated", "retained message without an instant of its own")
    ]
    assert not decode(message({"a": 1}, retained=True), [device(dated=("$.a", "$.ts"))])[0]


def test_a_live_message_without_its_instant_takes_the_one_of_arrival():
    assert decode(message({"a": 1, "ts": None}), [device(x=("$.a", "$.ts"))])[0] == [Sample("d", "x", 1, None, NOW)]


def test_a_batch_gives_a_sample_an_item_and_a_refusal_for_each_bad_one():
    fields = device(x=("$.readings[*].v", "$.readings[*].t"))
    items = [{"v": 1, "t": 1_700_000_000}, {"v": 2}, {"t": 1_700_000_060}, {"v": 4, "t": 1_700_000_120}]
    samples, refusals = decode(message({"readings": items}), [fields])
    assert [(sample.value, sample.at) for sample in samples] == [
        (1, 1_700_000_000 * SECOND),
        (4, 1_700_000_120 * SECOND),
    ]
    assert [refusal.reason for refusal in refusals] == [
        "an item of a batch without an instant of its own",
        "nothing at $.readings[*].v; a number was expected",
    ]


def test_a_batch_may_come_as_columns_of_equal_length():
    fields = device(x=("$.v[*]", "$.t[*]"))
    assert [sample.value for sample in decode(message({"v": [1, 2], "t": [1_700_000_000, 1_700_000_060]}), [fields])[0]]
    (refusal,) = decode(message({"v": [1, 2], "t": [1_700_000_000]}), [fields])[1]
    assert refusal.reason == "2 values and 1 instants at $.v[*]"
    (refusal,) = decode(message({"v": 3}), [fields])[1]
    assert refusal.reason == "no list of values at $.v[*]"


@pytest.mark.parametrize(("value", "at"), [("$.a[*]", None), ("$.a[*]", "$.t"), ("$.a[*].b[*]", "$.t[*]")])
def test_a_batch_needs_an_instant_for_each_item(value, at):
    with pytest.raises(NoPath):
        device(x=(value, at) if at else value)


@pytest.mark.parametrize("day", ["2026-09-20", "20260920", "2026-W38-7", "2026W387", "2026-W38"])
def test_a_day_is_no_instant(day):
    for zone in (None, ZoneInfo("Asia/Shanghai")):
        with pytest.raises(NoInstant, match="a day without its time"):
            instant(day, zone)


def test_a_clock_without_an_offset_counts_in_the_zone_of_the_device():
    zone = ZoneInfo("Europe/Berlin")
    assert instant("2026-07-01T02:00:00", zone) == instant("2026-07-01T00:00:00Z")
    # The clocks go back: of the two instants of 02:30 the one near the arrival is meant.
    first, second = instant("2026-10-25T00:30:00Z"), instant("2026-10-25T01:30:00Z")
    assert instant("2026-10-25T02:30:00", zone, near=first) == first
    assert instant("2026-10-25T02:30:00", zone, near=second + SECOND) == second


@pytest.mark.parametrize(
    ("payload", "values"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', {"two": 2}),
        (b'{"a" : 1, "b": 2, "a" : 3}', {"two": 2}),
        (b'{"a": 1, "b": 2, "a": 1}', {"one": 1, "two": 2}),
        (b'{"a": 1, "b": 2, "c": "a\\":1", "d": {"a": 7, "e": 8}}', {"one": 1, "two": 2}),
        (b'{"a": 1, "b": 2, "c": [{"x": 1, "x": 2}]}', {"one": 1, "two": 2}),
        (b'{"b": 2, "a": 1, "b": {"a": 3}}', {"one": 1}),
    ],
)
def test_of_several_values_under_one_key_none_is_taken(payload: bytes, values: dict[str, int]) -> None:
    samples, refusals = decode(message(payload), [device(one="$.a", two="$.b")])
    assert {sample.point: sample.value for sample in samples} == values
    assert {one.subject for one in refusals} == {"d.one", "d.two"} - {f"d.{point}" for point in values}
    assert all("several values under one key" in one.reason for one in refusals)


def test_a_path_through_a_key_that_stands_twice_leads_nowhere() -> None:
    payload = b'{"m": {"v": 1}, "m": {"v": 2}, "l": [{"v": 1, "t": 1780000000}], "l": []}'
    found = device(one="$.m.v", many=("$.l[*].v", "$.l[*].t"))
    samples, refusals = decode(message(payload), [found])
    assert not samples
    assert [one.reason for one in refusals] == [
        "several values under one key at $.m.v; a number was expected",
        "no list of values at $.l[*].v",
    ]


def test_an_instant_that_stands_twice_is_none() -> None:
    payload = b'{"v": 1, "t": 1780000000, "t": 1780000060}'
    samples, refusals = decode(message(payload), [device(one=("$.v", "$.t"))])
    assert not samples
    assert "is no instant" in refusals[0].reason

"""Whatever bytes arrive on whatever topic: no exception, no value that is no finite number, no unnamed rubbish."""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from peers.publishing import Publishing

from collectors.mqtt.packets import Malformed, acknowledgements, publishes
from collectors.mqtt.protobuf import block, varint
from meterbook.domain.instant import parse

NOW = parse("2026-11-20T00:00:00Z")
FULL = "points: {volume: {value: '$.a', at: '$.ts', kind: gauge, quantity: volume, unit: m3}}"
DEVICES = {
    "json": (f"mqtt: {{topic: t, {FULL}}}", "t"),
    "batch": (f"mqtt: {{topic: t, {FULL.replace('$.a', '$.a[*].b').replace('$.ts', '$.a[*].ts')}}}", "t"),
    "plain": ("mqtt: {decoder: plain, topic: t, points: {level: {kind: gauge, quantity: level, unit: m}}}", "t"),
    "template": (
        "mqtt: {decoder: template, topic: 't/{point}', points: {level: {kind: gauge, quantity: level, unit: m}}}",
        "t/level",
    ),
    "tasmota": ("mqtt: {decoder: tasmota, topic: tele/x/SENSOR, zone: Asia/Shanghai}", "tele/x/SENSOR"),
    "shelly-gen1": ("mqtt: {decoder: shelly-gen1, topic: shellies/x}", "shellies/x/emeter/0/power"),
    "shelly-gen2": ("mqtt: {decoder: shelly-gen2, topic: x}", "x/events/rpc"),
    "zigbee2mqtt": ("mqtt: {decoder: zigbee2mqtt, topic: z/x}", "z/x"),
    "openenergymonitor": ("mqtt: {decoder: openenergymonitor, topic: emon/x}", "emon/x"),
    "wirenboard": ("mqtt: {decoder: wirenboard, topic: /devices/x}", "/devices/x/controls/P"),
    "chirpstack": (f"mqtt: {{decoder: chirpstack, topic: a/d, {FULL}}}", "a/d/event/up"),
    "axioma": ("mqtt: {decoder: chirpstack, codec: axioma-qalcosonic-w1, topic: a/d}", "a/d/event/up"),
    "kamstrup": ("mqtt: {decoder: chirpstack, codec: kamstrup-water, topic: a/d}", "a/d/event/up"),
    "milesight": ("mqtt: {decoder: chirpstack, codec: milesight, topic: a/d}", "a/d/event/up"),
    "sparkplug-b": (
        f"mqtt: {{decoder: sparkplug-b, topic: spBv1.0/g/e, {FULL.replace('$.a', 'a')}}}",
        "spBv1.0/g/NBIRTH/e",
    ),
}
KEYS = ["a", "b", "ts", "value", "Time", "ENERGY", "Total", "Power", "StatusSNS", "params", "method", "em:0", "object"]
KEYS += ["a_voltage", "energy", "last_seen", "time", "fPort", "data", "P", "power1", "switch:0", "aenergy", "total"]
SCALARS = [None, True, False, 0, -1, 85, 100, 2**63, -(2**63), 1e308, -1e308, 5e-324, "", "nan", "inf", "1e999", "on"]
SCALARS += ["2026-11-20T00:00:00", "2026-11-20T00:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59"]
SCALARS += [1_795_132_800, 1_795_132_800_000, "NotifyStatus", "AXVcA2c0", "eAECAw==", "\x00", "١٢"]


def document(chance: random.Random, depth: int = 0) -> object:
    shape = chance.random()
    if depth < 4 and shape < 0.55:
        return {chance.choice(KEYS): document(chance, depth + 1) for _ in range(chance.randrange(5))}
    if depth < 4 and shape < 0.7:
        return [document(chance, depth + 1) for _ in range(chance.randrange(4))]
    return chance.choice(SCALARS)


def message(chance: random.Random) -> bytes:
    shape = chance.random()
    if shape < 0.5:
        return orjson.dumps(document(chance))
    if shape < 0.7:
        return chance.randbytes(chance.randrange(80))
    if shape < 0.8:
        return str(chance.choice(SCALARS)).encode()
    metric = block(1, b"a") + bytes([13 << 3 | 1]) + chance.randbytes(8) + chance.randbytes(chance.randrange(6))
    sparkplug = varint(1, chance.getrandbits(40)) + block(2, metric) + varint(3, chance.randrange(300))
    return sparkplug[: chance.randrange(1, len(sparkplug) + 1)]


def uplink(chance: random.Random, codec: str) -> bytes:
    """An uplink whose bytes begin as those of the codec's family do."""
    port, begin, length = {"axioma": (100, b"\x01", 50), "kamstrup": (1, b"\x78", 40), "milesight": (85, b"\x03g", 20)}[
        codec
    ]
    sent = begin + chance.randbytes(length if codec == "axioma" else chance.randrange(length))
    encoded = orjson.dumps({"fPort": port, "time": "2026-11-20T00:00:00Z"})[:-1]
    return encoded + b',"data":"' + base64.b64encode(sent) + b'"}'


@pytest.mark.timeout(600)
def test_no_payload_raises_and_no_value_is_no_number(tmp_path: Path, counts: Callable[[int], int]) -> None:
    chance = random.Random(20261123)
    devices = {word: (Publishing(tmp_path / word, entry), topic) for word, (entry, topic) in DEVICES.items()}
    read = 0
    for number in range(counts(100_000)):
        word = chance.choice(list(devices))
        device, topic = devices[word]
        framed = word in ("axioma", "kamstrup", "milesight") and chance.random() < 0.7
        payload = uplink(chance, word) if framed else message(chance)
        found, refusals, _ = device.read(topic, payload, NOW, retained=chance.random() < 0.2)
        assert not [one for one in refusals if one.reason.startswith("could not be read")], (number, word, payload)
        assert all(math.isfinite(reading.value) for reading in found)
        assert all(len(one.content) <= 200 and one.content.isprintable() for one in refusals)
        read += len(found)
    assert read, "some of the rubbish looks like values"


@pytest.mark.timeout(600)
def test_no_stream_raises_anything_else_and_pieces_make_no_difference(counts: Callable[[int], int]) -> None:
    chance = random.Random(7)
    for _ in range(counts(100_000)):
        stream = b"".join(packet(chance) for _ in range(chance.randrange(4))) + chance.randbytes(chance.randrange(12))
        five = chance.random() < 0.5
        try:
            whole, used = publishes(stream, 1_000, properties=five)
        except Malformed:
            continue
        assert used <= len(stream)
        cut = chance.randrange(len(stream) + 1)
        first, taken = publishes(stream[:cut], 1_000, properties=five)
        rest, more = publishes(stream[taken:], 1_000, properties=five)
        assert (first + rest, taken + more) == (whole, used)


def packet(chance: random.Random) -> bytes:
    body = b"\0\1t" + chance.randbytes(chance.randrange(200))
    length = len(body)
    head = bytes([0x30 | chance.choice((0, 2, 8 | 2, 1))])
    return head + (bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])) + body


def test_packets_by_the_letter() -> None:
    plain = b"\x30\x05\x00\x01tv1"
    asked = b"\x3b\x07\x00\x01t\x12\x34v2"
    (one, two), used = publishes(plain + asked + b"\xd0\x00" + plain, 9, properties=False)
    assert used == len(plain + asked), "what is no message is left to paho, and what follows it as well"
    assert one == (b"t", b"v1", None, False, False, 2, ())
    assert two == (b"t", b"v2", 0x1234, True, True, 2, ())
    (five,), _ = publishes(b"\x32\x0a\x00\x01t\x00\x07\x02\x01\x01v3", 9, properties=True)
    assert five == (b"t", b"v3", 7, False, False, 2, ())
    told = b"\x01\x01\x0b\x05\x26\x00\x01a\x00\x02bc\x08\x00\x01r\x0b\x80\x01"
    begin = b"\x00\x01t\x00\x07" + bytes([len(told)]) + told
    (many,), _ = publishes(bytes([0x32, len(begin) + 2]) + begin + b"v4", 9, properties=True)
    assert many == (b"t", b"v4", 7, False, False, 2, (5, 128))
    assert acknowledgements([1, 0x1234]) == b"\x40\x02\x00\x01\x40\x02\x12\x34"


@pytest.mark.parametrize("sent", [b"\x34\x05\x00\x01tv1", b"\x30\x01\x00", b"\x30\x02\x00\x09", b"\x30" + b"\xff" * 4])
def test_what_no_broker_sends_ends_the_session(sent: bytes) -> None:
    with pytest.raises(Malformed):
        publishes(sent, 9, properties=False)

"""Sparkplug B: births, aliases, gaps, deaths, and the one thing ever published."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from peers.publishing import Publishing

from collectors.mqtt.decoders.sparkplug_b import REBIRTH_PAUSE
from collectors.mqtt.protobuf import block, varint
from collectors.mqtt.sparkplug import REBIRTH, parse
from meterbook.domain.instant import SECOND
from meterbook.domain.instant import parse as instant

NOW = instant("2026-11-20T00:00:00Z")
DESCRIBED = """\
mqtt:
  decoder: sparkplug-b
  topic: spBv1.0/g/e/d
  points:
    temperature: {value: T, kind: gauge, quantity: temperature, unit: degC}
"""
DOUBLE, INT16 = 10, 2


def metric(name: str = "", alias: int | None = None, datatype: int = 0, more: bytes = b"") -> bytes:
    known = block(1, name.encode()) if name else b""
    known += b"" if alias is None else varint(2, alias)
    return block(2, known + (varint(4, datatype) if datatype else b"") + more)


def double(value: float) -> bytes:
    return bytes([13 << 3 | 1]) + struct.pack("<d", value)


def payload(seq: int, *metrics: bytes) -> bytes:
    return varint(1, NOW // 1_000) + b"".join(metrics) + varint(3, seq)


class Node:
    """An edge node with one device, and what Meterbook makes of its messages."""

    def __init__(self, directory: Path) -> None:
        self._device = Publishing(directory, DESCRIBED)
        self.now = NOW
        self.asked: list[str] = []
        self.reasons: list[str] = []

    def says(self, kind: str, payload: bytes, device: str = "d", **flags: bool) -> list[float]:
        place = "e" if kind.startswith("N") else f"e/{device}"
        readings, refusals, replies = self._device.read(f"spBv1.0/g/{kind}/{place}", payload, self.now, **flags)
        self.reasons += [refusal.reason for refusal in refusals]
        for reply in replies:
            assert [one.name for one in parse(reply.payload).metrics] == [REBIRTH]
            assert parse(reply.payload).metrics[0].value is True
            self.asked.append(reply.topic)
        return [reading.value for reading in readings]

    def born(self) -> None:
        assert self.says("NBIRTH", payload(0, metric("bdSeq", datatype=8, more=varint(11, 3)))) == []
        assert self.says("DBIRTH", payload(1, metric("T", 7, DOUBLE, double(20.0)))) == [20.0]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_aliases_mean_what_the_birth_said(node: Node) -> None:
    node.born()
    assert node.says("DDATA", payload(2, metric(alias=7, more=double(21.5)))) == [21.5]
    assert not node.asked
    assert not node.reasons


def test_a_gap_asks_for_a_rebirth_and_trusts_no_alias_until_it_comes(node: Node) -> None:
    node.born()
    assert node.says("DDATA", payload(3, metric(alias=7, more=double(21.5)))) == []
    assert node.says("DDATA", payload(4, metric("T", more=double(22.0)))) == [22.0]
    assert node.asked == ["spBv1.0/g/NCMD/e"], "once, however many messages come before the birth"
    assert "a rebirth is asked for" in node.reasons[0]
    node.born()
    assert node.says("DDATA", payload(2, metric(alias=7, more=double(23.0)))) == [23.0]


def test_the_sequence_counts_to_255_and_begins_again(node: Node) -> None:
    node.born()
    for seq in [*range(2, 256), 0, 1]:
        assert node.says("DDATA", payload(seq, metric(alias=7, more=double(1.0)))) == [1.0]
    assert not node.asked


def test_data_before_any_birth_asks_again_after_a_pause(node: Node) -> None:
    for _ in range(3):
        assert node.says("DDATA", payload(9, metric(alias=7, more=double(1.0)))) == []
        node.now += REBIRTH_PAUSE // 2 + SECOND
    assert len(node.asked) == 2


def test_what_the_broker_sends_again_is_no_gap(node: Node) -> None:
    node.born()
    for seq in (2, 3):
        node.says("DDATA", payload(seq, metric(alias=7, more=double(seq))))
    assert node.says("DDATA", payload(2, metric(alias=7, more=double(2.0))), again=True) == [2.0]
    assert node.says("DDATA", payload(4, metric(alias=7, more=double(4.0)))) == [4.0]
    assert not node.asked


def reborn(node: Node) -> bytes:
    """A message by alias 7, then a birth after which 7 is another metric; returns the message."""
    node.born()
    sent = payload(2, metric(alias=7, more=double(21.5)))
    assert node.says("DDATA", sent) == [21.5]
    assert node.says("NBIRTH", payload(0, metric("bdSeq", datatype=8, more=varint(11, 4)))) == []
    other = metric("U", 7, DOUBLE, double(99.0)), metric("T", 8, DOUBLE, double(22.0))
    assert node.says("DBIRTH", payload(1, *other)) == [22.0]
    return sent


@pytest.mark.parametrize("since", [0, 3], ids=["whose number comes next", "whose number is over"])
def test_what_is_sent_again_from_before_a_birth_is_not_read_with_its_aliases(node: Node, since: int) -> None:
    early = payload(2, metric(alias=8, more=double(1.0)), metric("T", more=double(2.0)))
    node.born()
    assert node.says("DDATA", early) == [2.0]
    node.reasons.clear()
    node.asked.clear()
    node.now += REBIRTH_PAUSE
    reborn(node)
    for seq in range(2, 2 + since):
        assert node.says("DDATA", payload(seq, metric(alias=8, more=double(seq)))) == [seq]
    assert node.says("DDATA", early, again=True) == [2.0], "8 was nothing then, and is T since"
    assert node.reasons == ["sent again, and from before the latest birth: aliases and bare integers cannot be read"]
    assert node.says("DDATA", payload(2 + since, metric(alias=8, more=double(5.0)))) == [5.0]
    assert not node.asked


def test_a_birth_that_is_sent_again_explains_what_is_sent_again_behind_it(node: Node) -> None:
    births = [payload(0, metric("bdSeq", datatype=8, more=varint(11, number))) for number in (3, 4)]
    devices = [payload(1, metric("T", alias, DOUBLE, double(20.0))) for alias in (7, 8)]
    values = [payload(2, metric(alias=alias, more=double(alias))) for alias in (7, 8)]
    told = [("NBIRTH", births), ("DBIRTH", devices), ("DDATA", values)]
    for again in (False, True):
        for turn in (0, 1):
            found = [node.says(kind, sent[turn], again=again) for kind, sent in told]
            assert found == [[], [20.0], [7.0 + turn]]
    assert not node.asked
    assert not node.reasons


def test_births_and_deaths_of_devices_from_before_a_birth_change_nothing(node: Node) -> None:
    node.born()
    dead = payload(2)
    assert node.says("DDEATH", dead) == []
    old = payload(3, metric("T", 8, DOUBLE, double(20.0)))
    assert node.says("DBIRTH", old) == [20.0]
    node.born()
    node.says("DDEATH", dead, again=True)
    assert node.says("DBIRTH", old, again=True) == [20.0], "its names are its own"
    assert node.says("DDATA", payload(2, metric(alias=7, more=double(7.0)))) == [7.0]
    assert node.says("DDATA", payload(3, metric(alias=8, more=double(8.0)))) == []


def test_an_unknown_alias_costs_itself_only(node: Node) -> None:
    node.born()
    sent = metric(alias=99, more=double(1.0)), metric("T", more=double(2.0)), metric(alias=7, more=double(3.0))
    assert node.says("DDATA", payload(2, *sent, metric(alias=98, more=double(1.0)))) == [2.0, 3.0]
    assert node.asked == ["spBv1.0/g/NCMD/e"]
    assert node.reasons == ["metrics by alias without the birth that explains them; a rebirth is asked for"]


def test_deaths_give_no_value_and_end_what_the_birth_said(node: Node) -> None:
    node.born()
    old = payload(0, metric("bdSeq", datatype=8, more=varint(11, 2)))
    assert node.says("NDEATH", old) == [], "the will of an earlier session ends nothing"
    assert node.says("DDATA", payload(2, metric(alias=7, more=double(1.0)))) == [1.0]
    assert node.says("NDEATH", payload(0, metric("bdSeq", datatype=8, more=varint(11, 3)))) == []
    assert node.says("DDATA", payload(3, metric(alias=7, more=double(1.0)))) == []
    assert node.asked


def test_values_by_type(node: Node) -> None:
    node.born()
    assert node.says("DDATA", payload(2, metric("T", datatype=INT16, more=varint(10, 0xFFFF)))) == [-1.0]
    assert node.says("DDATA", payload(3, metric("T", datatype=INT16, more=varint(10, 0xFFFFFFFE)))) == [-2.0]
    assert node.says("DDATA", payload(4, metric("T", datatype=4, more=varint(11, 2**64 - 5)))) == [-5.0]
    assert node.says("DDATA", payload(5, metric(alias=7, more=varint(7, 1)))) == [], "null is no value"
    assert node.reasons == []
    assert node.says("DDATA", payload(6, metric(alias=7, more=double(float("nan"))))) == []
    assert node.reasons == ["nan is no finite number"]


def test_an_older_instant_of_a_historical_metric_is_its_own(tmp_path: Path) -> None:
    device = Publishing(tmp_path, DESCRIBED)
    then = NOW - 3600 * SECOND
    old = metric("T", datatype=DOUBLE, more=varint(3, then // 1_000) + varint(5, 1) + double(4.0))
    (reading,), _, _ = device.read("spBv1.0/g/DBIRTH/e/d", payload(1, old), NOW)
    assert reading.at == then


@pytest.mark.parametrize("sent", [b"\xff", b"\x12\x05", b"\x08", b"\x0b", b"\x12\x02\x0a\x05", b"\x08" + b"\x80" * 11])
def test_what_is_no_payload_is_refused(node: Node, sent: bytes) -> None:
    assert node.says("DDATA", sent) == []
    assert node.reasons[0].startswith("no Sparkplug payload: ")


def test_commands_are_nobody_s_values(node: Node) -> None:
    node.born()
    assert node.says("DCMD", payload(0, metric("T", more=double(9.0)))) == []
    assert not node.asked


NEGATIVE = varint(10, -5 & 0xFFFFFFFF)
UNTYPED = "an integer whose data type no birth told; a rebirth is asked for"


def test_an_integer_without_the_birth_that_types_it_is_set_aside(node: Node) -> None:
    sent = metric("T", more=NEGATIVE), metric("T", more=double(2.0)), metric("T", datatype=INT16, more=NEGATIVE)
    assert node.says("DDATA", payload(5, *sent)) == [2.0, -5.0], "what tells its type, and what needs none, is read"
    assert node.reasons == [UNTYPED]
    assert node.asked == ["spBv1.0/g/NCMD/e"]
    node.born()
    assert node.says("DBIRTH", payload(2, metric("T", 7, INT16, NEGATIVE))) == [-5.0]
    assert node.says("DDATA", payload(3, metric("T", more=NEGATIVE), metric(alias=7, more=NEGATIVE))) == [-5.0, -5.0]
    assert len(node.asked) == 1
    assert node.says("DDATA", payload(9, metric("T", more=NEGATIVE))) == [], "after a gap"


def test_a_death_ends_the_aliases_of_the_device(node: Node) -> None:
    node.born()
    assert node.says("DDEATH", payload(2)) == []
    assert node.says("DDATA", payload(3, metric(alias=7, more=double(1.0)))) == []
    assert node.asked == ["spBv1.0/g/NCMD/e"]


def test_a_clock_that_is_set_back_delays_no_request(node: Node) -> None:
    unknown = payload(9, metric(alias=7, more=double(1.0)))
    assert node.says("DDATA", unknown) == []
    node.now -= 3600 * SECOND
    assert node.says("DDATA", unknown) == []
    assert len(node.asked) == 2


def test_an_alias_that_two_devices_were_born_with_is_read_for_neither(node: Node) -> None:
    node.born()
    other = payload(2, metric("U", 7, DOUBLE, double(99.0)), metric("V", 8, DOUBLE, double(1.0)))
    assert node.says("DBIRTH", other, device="other") == []
    sent = metric(alias=7, more=double(5.0)), metric("T", more=double(6.0))
    assert node.says("DDATA", payload(3, *sent)) == [6.0]
    assert node.reasons == ["alias 7 means several metrics of this edge node; give each its own, or send names"]
    assert not node.asked, "a rebirth would say the same"
    assert node.says("DDEATH", payload(4), device="other") == []
    assert node.says("DDATA", payload(5, metric(alias=7, more=double(5.0)))) == [5.0]


def test_an_alias_of_another_device_means_nothing_here(node: Node) -> None:
    node.born()
    assert node.says("DBIRTH", payload(2, metric("T", 8, DOUBLE, double(99.0))), device="other") == []
    assert node.says("DDATA", payload(3, metric(alias=8, more=double(5.0)))) == []
    assert node.asked

"""A probe against a real server: what it shows, and how it says that nothing is there."""

from __future__ import annotations

import json
import re
import struct

import pytest
from peers import libmodbus
from peers.libmodbus import LibmodbusServer
from peers.modbus_server import ModbusServer
from peers.ports import free_port
from peers.rtu import RtuLine
from peers.wire import Wire, registers, tcp_reply, tcp_request
from typer.testing import CliRunner

from collectors.modbus.guess import guesses
from meterbook.cli import app


def meterbook(*arguments: str, code: int = 0) -> str:
    """What `meterbook device probe` writes: on stdout where it works, else on stderr."""
    done = CliRunner().invoke(app, ["device", "probe", *arguments])
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.stdout if code == 0 else done.stderr


def floats(*values: float) -> list[int]:
    return [word for value in values for word in struct.unpack(">HH", struct.pack(">f", value))]


def read(words: list[int], table: str = "holding") -> dict[int, list[tuple]]:
    """Guesses by address: (type, word order, byte order, scale, value, verdict)."""
    image = {(table, place): word for place, word in enumerate(words)}
    found: dict[int, list[tuple]] = {}
    for one in guesses(table, image, image):
        told = (one.type, one.word_order, one.byte_order, str(one.scale), str(one.value), str(one.verdict))
        found.setdefault(one.address, []).append(told)
    return found


def test_a_voltage_is_known_in_every_order_of_words_and_bytes():
    high, low = floats(230.25)
    swapped = [int.from_bytes(word.to_bytes(2, "big"), "little") for word in (high, low)]
    for words, orders in (
        ([high, low], ("big", "big")),
        ([low, high], ("little", "big")),
        (swapped, ("big", "little")),
        (swapped[::-1], ("little", "little")),
    ):
        assert read(words)[0][0] == ("float32", *orders, "1", "230.25", "looks like a voltage")


def test_wider_integers_come_in_thousandths():
    assert ("uint32", "big", "big", "0.001", "230.512", "looks like a voltage") in read([0x0003, 0x8470])[0]


@pytest.mark.parametrize(
    ("word", "scale", "value", "quantity"),
    [
        (230, "1", "230", "voltage"),
        (2305, "0.1", "230.5", "voltage"),
        (23051, "0.01", "230.51", "voltage"),
        (4001, "0.1", "400.1", "voltage"),
        (50, "1", "50", "frequency"),
        (4998, "0.01", "49.98", "frequency"),
    ],
)
def test_makers_scale_by_tens(word, scale, value, quantity):
    assert ("uint16", "big", "big", scale, value, f"looks like a {quantity}") in read([word])[0]


def test_numbers_that_look_like_nothing_are_shown_once_and_nonsense_is_not():
    found = read([0, 0, 0xFFFF, 0x8000, 7])
    assert found[0] == [("uint16", "big", "big", "1", "0", "zero")]
    assert ("uint16", "big", "big", "1", "65535", "often means: not available") in found[2]
    assert ("int16", "big", "big", "1", "-32768", "often means: not available") in found[3]
    assert found[4] == [("uint16", "big", "big", "1", "7", "a number")]
    assert read([1, 0], "coil") == {
        0: [("bit", "big", "big", "1", "1", "a number")],
        1: [("bit", "big", "big", "1", "0", "zero")],
    }


def test_what_moves_between_two_readings_is_not_stable():
    first, second = ({("input", 0): word} for word in (1000, 1200))
    assert next(one.stable for one in guesses("input", first, second)) is False
    assert next(one.stable for one in guesses("input", first, {("input", 0): 1001})) is True


def test_without_a_profile_every_register_is_shown_with_what_it_may_be():
    with ModbusServer({3: {0: [*floats(230.25), 2301, 5001], 6: [9]}}) as server:
        place = f"127.0.0.1:{server.port}"
        arguments = (place, "--unit", "3", "--table", "input", "--count", "8")
        told = json.loads(meterbook(*arguments, "--format", "json"))
        shown = meterbook(*arguments)
    telling = [(one["address"], one["value"]) for one in told["guesses"] if one["verdict"].startswith("looks like")]
    assert telling[:1] == [(0, "230.25")]
    assert {(2, "230.1"), (3, "50.01")} <= set(telling)
    assert {one["address"] for one in told["guesses"]} == {0, 1, 2, 3, 6}
    assert all(one["stable"] for one in told["guesses"])
    assert told["guesses"][0]["words"] == "4366 4000"
    assert "230.25" in shown
    assert "looks like a voltage" in shown


def test_what_is_shown_exists_in_chinese_and_what_programs_read_stays_english(tmp_path):
    (tmp_path / "site.yaml").write_text(
        "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY, language: zh}\n", encoding="utf-8"
    )
    (tmp_path / "meters.yaml").write_text("meters: []\n", encoding="utf-8")
    words = {0: floats(230.25, 90.0), 52: floats(1e9), 70: floats(50.0, float("nan"))}
    with ModbusServer({1: words}) as server:
        place = (f"127.0.0.1:{server.port}", "--unit", "1")
        known = (*place, "--profile", "eastron-sdm630")
        judged = meterbook(*known, "--language", "zh")
        by_site = meterbook(*known, "--site", str(tmp_path))
        english = meterbook(*known, "--site", str(tmp_path), "--language", "en")
        guessed = meterbook(*place, "--table", "input", "--count", "4", "--language", "zh")
        told = json.loads(meterbook(*known, "--language", "zh", "--format", "json"))
    assert judged == by_site
    assert {"合理", "设备拒绝", "无数据", "判断", "稳定", "站号"} <= set(re.findall(r"[\u4e00-\u9fff]+", judged))
    assert "异常：电压通常为 180…260, 310…450" in judged
    assert "不合理：超出 -10000 至 10000" in judged
    assert "像电压" in guessed
    assert not re.search(r"[\u4e00-\u9fff]", english)
    assert told["points"][0]["verdict"] == "plausible"


def test_with_a_profile_every_point_is_judged():
    words = {0: floats(230.25, 90.0, 231.0), 52: floats(-1000.0), 70: floats(50.0, float("nan"))}
    with ModbusServer({1: words}) as server:
        place = f"127.0.0.1:{server.port}"
        told = json.loads(meterbook(place, "--unit", "1", "--profile", "eastron-sdm630", "--format", "json"))
        shown = meterbook(place, "--unit", "1", "--profile", "eastron-sdm630")
    points = {one["point"]: one for one in told["points"]}
    assert told["profile"] == "eastron-sdm630"
    assert points["voltage_l1"]["value"] == "230.25"
    assert points["voltage_l1"]["verdict"] == "plausible"
    assert points["voltage_l2"]["verdict"].startswith("unusual: voltage is mostly 180…260")
    assert points["frequency"]["stable"] is True
    assert points["active_energy_import"]["verdict"] == "not available"
    assert points["current_l1"]["verdict"] == "refused by the device"
    assert points["current_l1"]["value"] is None
    assert "voltage_l1" in shown


@pytest.mark.skipif(libmodbus.MISSING is not None, reason=f"no foreign Modbus peer: {libmodbus.MISSING}")
@pytest.mark.parametrize(
    ("profile", "asked"), [(None, ["--table", "input", "--count", "4"]), ("eastron-sdm630", [])], ids=["plain", "known"]
)
def test_it_reads_a_server_of_another_house(profile, asked):
    with LibmodbusServer() as server:
        server.set_input(0, *floats(230.25))
        arguments = [f"127.0.0.1:{server.port}", "--unit", "1", *asked]
        arguments += ["--profile", profile] if profile else []
        told = json.loads(meterbook(*arguments, "--format", "json"))
        shown = meterbook(*arguments)
    first = told["points" if profile else "guesses"][0]
    assert (first["words"], first["value"], first["stable"]) == ("4366 4000", "230.25", True)
    assert first["verdict"] == ("plausible" if profile else "looks like a voltage")
    assert "4366 4000" in shown


def test_it_speaks_rtu_over_tcp():
    with Wire(RtuLine({9: lambda function, address, count: [231] * count}, 9600)) as gateway:
        place = f"127.0.0.1:{gateway.port}"
        told = json.loads(
            meterbook(place, "--unit", "9", "--transport", "rtu-over-tcp", "--count", "1", "--format", "json")
        )
    assert told["guesses"][0]["value"] == "231"


def test_where_nothing_answers_it_says_so():
    port = free_port()
    assert f"127.0.0.1:{port} unit 1: nothing answers at 127.0.0.1:{port}" in meterbook(
        f"127.0.0.1:{port}", "--unit", "1", code=1
    )
    with Wire(lambda piece, send: None) as silent:
        told = meterbook(f"127.0.0.1:{silent.port}", "--unit", "1", "--timeout", "0.1", code=1)
    assert "unit 1: no answer within 0.1 s" in told


def test_a_refusal_is_named():
    def refusing(piece: bytes, send) -> None:
        transaction, unit, function, _, count = tcp_request(piece)
        body = bytes([function | 0x80, 11]) if unit == 7 else registers(function, [0] * count)
        send(tcp_reply(transaction, unit, body))

    with Wire(refusing) as gateway:
        told = meterbook(f"127.0.0.1:{gateway.port}", "--unit", "7", code=1)
    assert "exception 11 (gateway got no answer from the device)" in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("127.0.0.1:99999", "--unit", "1"), "99999"),
        (("127.0.0.1:modbus", "--unit", "1"), "is no port"),
        (("127.0.0.1",), "--unit"),
        (("127.0.0.1", "--unit", "300"), "255"),
        (("127.0.0.1", "--unit", "1", "--profile", "nobodys"), "is no profile"),
    ],
)
def test_wrong_usage_is_2(arguments, complaint):
    assert complaint in meterbook(*arguments, code=2)

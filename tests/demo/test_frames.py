"""Modbus frames as the simulated devices read and write them."""

import pytest

from meterbook.demo import frames
from meterbook.demo.frames import BadFrame, Request


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (b"123456789", "37 4b"),  # the check value of CRC-16/MODBUS, low byte first
        (bytes.fromhex("01 03 00 00 00 0a"), "c5 cd"),
        (bytes.fromhex("11 03 00 6b 00 03"), "76 87"),  # the example of the serial line guide
        (b"", "ff ff"),
    ],
)
def test_check_bytes(text, check):
    assert frames.crc(text).hex(" ") == check


def test_a_serial_request_is_read():
    assert frames.rtu_request(bytes.fromhex("11 03 00 6b 00 03 76 87")) == Request(0, 17, 3, 107, 3)


@pytest.mark.parametrize("text", ["11 03 00 6b 00 03 76 88", "11 03 00 6b 00 03", "00" * 9])
def test_a_damaged_serial_request_is_refused(text):
    with pytest.raises(BadFrame, match="good CRC"):
        frames.rtu_request(bytes.fromhex(text))


def test_a_tcp_request_is_read():
    header, body = bytes.fromhex("12 34 00 00 00 06"), bytes.fromhex("09 04 00 34 00 02")
    assert frames.mbap_length(header) == 6
    assert frames.mbap_request(header, body) == Request(0x1234, 9, 4, 52, 2)


def test_a_tcp_request_of_another_shape_keeps_its_function():
    request = frames.mbap_request(bytes.fromhex("00 01 00 00 00 03"), bytes.fromhex("09 2b 0e"))
    assert (request.unit, request.function, request.count) == (9, 0x2B, 0)


@pytest.mark.parametrize("header", ["00 01 00 01 00 06", "00 01 00 00 00 01", "00 01 00 00 ff ff"])
def test_what_is_no_tcp_header_is_refused(header):
    with pytest.raises(BadFrame, match="no Modbus TCP header"):
        frames.mbap_length(bytes.fromhex(header))


def test_answers():
    request = Request(7, 17, 3, 107, 3)
    words = frames.words_answer([0x022B, 0x0000, 0x0064])
    assert frames.mbap_answer(request, words).hex(" ") == "00 07 00 00 00 09 11 03 06 02 2b 00 00 00 64"
    serial = frames.rtu_answer(request, words)
    assert serial[:-2].hex(" ") == "11 03 06 02 2b 00 00 00 64"
    assert frames.crc(serial[:-2]) == serial[-2:]


def test_exceptions():
    request = Request(7, 17, 3, 107, 3)
    assert frames.mbap_answer(request, frames.ILLEGAL_ADDRESS).hex(" ") == "00 07 00 00 00 03 11 83 02"
    assert frames.rtu_answer(request, frames.ILLEGAL_ADDRESS)[:-2].hex(" ") == "11 83 02"

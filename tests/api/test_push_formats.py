"""Bodies of every format: what they hold, how much of it is taken, and what is no body at all."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from served.world import NOW, World, app_of

from api.edge import MAX_BODY
from collectors.push.body import MAX_ROWS
from meterbook.domain.instant import SECOND, iso, parse
from meterbook.domain.reading import NotKept, Quality, Receipt

URL = "/api/v1/readings"
POINT = "b1-water.volume"
START = "2026-11-18T10:16:30+08:00"
AT = parse(START)
CSV, LINES = "text/csv", "text/plain; charset=utf-8"


def push(client: TestClient, world: World, body: str | bytes, kind: str, *, query: str = "", encoding: str = "") -> Any:
    headers = world.bearer("eng") | {"Content-Type": kind} | ({"Content-Encoding": encoding} if encoding else {})
    return client.post(URL + query, content=body, headers=headers)


def taken(answer: Any) -> tuple[int, list[tuple[int, str]]]:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found["accepted"], [(one["row"], one["reason"]) for one in found["rejected"]]


def stored(world: World, point: str = POINT) -> list[tuple[int, float, int]]:
    found = world.rooms.store.read(point, AT, AT + 60 * SECOND)
    return list(zip(found.at.tolist(), found.value.tolist(), found.quality.tolist(), strict=True))


def test_csv_long(world: World, client: TestClient) -> None:
    body = f"point,timestamp,value,quality\r\n{POINT},{START},1777.123,\r\n{POINT},{iso(AT + SECOND)},1777.2,bad\r\n"
    body += f"{POINT},2026-11-18T10:16:32,1,\r\nb9.volume,{START},1,\r\n{POINT},{START},1e3,\r\n{POINT}\r\n"
    accepted, rejected = taken(push(client, world, body, CSV))
    assert accepted == 2
    assert stored(world) == [(AT, 1777.123, Quality.GOOD), (AT + SECOND, 1777.2, Quality.BAD)]
    assert [row for row, _ in rejected] == [2, 3, 4, 5]
    for (_, reason), expected in zip(rejected, ("no offset", "b9.volume", "plain decimal", "1 cells"), strict=True):
        assert expected in reason
    assert push(client, world, body, CSV).json()["repeated"] == 2


def test_csv_wide(world: World, client: TestClient) -> None:
    body = f"timestamp;{POINT};W-B2;W-NONE\n{START};1777.5;;1\n"
    accepted, rejected = taken(push(client, world, body, CSV))
    assert (accepted, [row for row, _ in rejected]) == (1, [-1])
    assert "W-NONE" in rejected[0][1]


def test_line_protocol(world: World, client: TestClient) -> None:
    nanoseconds = AT * 1000
    body = "\n".join(
        [
            "# by measurement and field, then by tag",
            f"b1-water,host=gw\\ 1 volume=1777.123,volume_flow=4i {nanoseconds}",
            f'anything,point={POINT} value=1777.2,quality="estimated" {nanoseconds + 1_000_000_000}',
            "",
            f"b1-water volume=1777.3 {nanoseconds + 2_000_000_999}\r",
        ]
    )
    accepted, rejected = taken(push(client, world, body, LINES))
    assert (accepted, rejected) == (4, [])
    assert stored(world) == [
        (AT, 1777.123, Quality.GOOD),
        (AT + SECOND, 1777.2, Quality.ESTIMATED),
        (AT + 2 * SECOND, 1777.3, Quality.GOOD),
    ]
    assert push(client, world, body, LINES).json()["repeated"] == 4


@pytest.mark.parametrize(("precision", "unit"), [("s", SECOND), ("ms", 1000), ("us", 1), ("ns", None)])
def test_precision_of_line_protocol(world: World, client: TestClient, precision: str, unit: int | None) -> None:
    stamp = AT * 1000 if unit is None else AT // unit
    answer = push(client, world, f"b1-water volume=5 {stamp}", LINES, query=f"?precision={precision}")
    assert taken(answer) == (1, [])
    assert stored(world)[0][0] == AT


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b1-water volume=1", "no time stamp"),
        ("b1-water volume=1 soon", "no line protocol"),
        ("b1-water", "no line protocol"),
        ("b1-water volume= 1", "no line protocol"),
        ("b1-water volume=1, 1", "no line protocol"),
        ("b1-water,tag volume=1 1", "no line protocol"),
        ("\\", "no line protocol"),
        ('b1-water volume="1" {ns}', "is a text"),
        ("b1-water volume=NaN {ns}", "not a number"),
        ("b1-water volume=true {ns}", "no values of this point"),
        ("b1-water volume=1 1790784000", "before 2000"),
        ("b1-water volume=1 9223372036854775807", "in the future"),
        ("b9 volume=1 {ns}", "no point is called 'b9.volume'"),
        (f"x,point={POINT} volume=1 {{ns}}", "one field, value"),
        ('b1-water volume=1,quality="superb" {ns}', "none of good, estimated, bad"),
    ],
)
def test_a_line_that_is_no_reading_is_rejected_by_its_number(
    world: World, client: TestClient, line: str, reason: str
) -> None:
    body = f"b1-water volume=5 {AT * 1000}\n{line.replace('{ns}', str(AT * 1000))}\n"
    accepted, rejected = taken(push(client, world, body, LINES))
    assert (accepted, [row for row, _ in rejected]) == (1, [1])
    assert reason in rejected[0][1]


def test_csv_with_two_columns_of_one_point(world: World, client: TestClient) -> None:
    meter = next(one for one in world.rooms.site.meters.values() if one.reads not in (None, one.id))
    answer = push(client, world, f"timestamp,{meter.id},{meter.reads}\n{START},1,2\n", CSV)
    assert answer.status_code == 422, answer.text
    assert f"'{meter.id}' and '{meter.reads}' are both {meter.reads}" in answer.json()["detail"]


def test_gzip(world: World, client: TestClient) -> None:
    body = gzip.compress(f"b1-water volume=5 {AT * 1000}".encode())
    assert taken(push(client, world, body, LINES, encoding="gzip")) == (1, [])


def test_gzip_in_two_members(world: World, client: TestClient) -> None:
    first, second = (f"b1-water volume=5 {at * 1000}\n".encode() for at in (AT, AT + SECOND))
    body = gzip.compress(first) + gzip.compress(second)
    assert taken(push(client, world, body, LINES, encoding="gzip")) == (2, [])


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"b1-water volume=5,volume=6 {AT * 1000}", "volume"),
        (f"w,point={POINT} value=5,value=5 {AT * 1000}", "value"),
        (f"w,point=W-B2,point={POINT} value=5 {AT * 1000}", "point"),
        (f'w,point={POINT} value=5,quality="bad",quality="good" {AT * 1000}', "quality"),
    ],
)
def test_what_stands_twice_in_a_line_is_not_guessed(world: World, client: TestClient, line: str, name: str) -> None:
    accepted, rejected = taken(push(client, world, line, LINES))
    assert (accepted, rejected) == (0, [(0, f"'{name}' stands more than once; which is meant?")])


def test_json_with_a_byte_order_mark(world: World, client: TestClient) -> None:
    body = "\ufeff" + json.dumps({"readings": [{"point": POINT, "at": START, "value": 5}]})
    assert taken(push(client, world, body, "application/json")) == (1, [])


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"no gzip", "gzip", 422),
        (gzip.compress(b"b1-water volume=5 1", mtime=0)[:-4], "gzip", 422),
        (gzip.compress(b"#", mtime=0) + b"no member", "gzip", 422),
        (gzip.compress(b"#", mtime=0) + gzip.compress(b"#", mtime=0)[:-1], "gzip", 422),
        (gzip.compress(b"#" * MAX_BODY, mtime=0) + gzip.compress(b"#", mtime=0), "gzip", 413),
        (gzip.compress(bytes(MAX_BODY + 1), mtime=0), "gzip", 413),
        (zlib.compress(b"#"), "deflate", 415),
        (b"#", "gzip, gzip", 415),
        (b"#", "identity", 200),
    ],
)
def test_content_encodings(world: World, client: TestClient, body: bytes, encoding: str, status: int) -> None:
    answer = push(client, world, body, LINES, encoding=encoding)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/x-www-form-urlencoded", 415),
        ("text/html", 415),
        ("text/csv; charset=gb18030", 415),
        ("nonsense", 415),
        ('Text/Plain; charset="UTF-8"', 200),
        ("text/csv", 422),
        ("application/json", 422),
    ],
)
def test_content_types(world: World, client: TestClient, kind: str, status: int) -> None:
    answer = push(client, world, "# nothing\n", kind)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.headers["content-type"] == "application/problem+json"
        assert "text/csv" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (CSV, "point,timestamp,value\n" + "x,y,z\n" * (MAX_ROWS + 1)),
        (LINES, "x\n" * (MAX_ROWS + 1)),
        (LINES, "x " + ",".join(f"f{n}=1" for n in range(MAX_ROWS + 1)) + " 1"),
    ],
)
def test_too_many_rows_are_refused_whole(world: World, client: TestClient, kind: str, body: str) -> None:
    answer = push(client, world, body, kind)
    assert answer.status_code == 413
    assert str(MAX_ROWS) in answer.json()["detail"]


def test_a_disk_that_takes_nothing_is_503_and_says_when_to_come_back(world: World, client: TestClient) -> None:
    def away(*_: object) -> Receipt:
        raise NotKept("nothing was kept: readings.db: disk full; send it again")

    world.rooms.deliver = away
    answer = push(client, world, "#", LINES)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "disk full" in answer.json()["detail"]


_SCRAPS = st.sampled_from(
    [
        POINT,
        "b1-water",
        START,
        str(AT * 1000),
        str(AT),
        "value",
        "volume",
        "point",
        "timestamp",
        "meter",
        "quality",
        ",",
        "=",
        " ",
        "\n",
        "\r\n",
        '"',
        "\\",
        ";",
        "\t",
        "\0",
        "[",
        "]",
        "{",
        "}",
        ":",
        '"readings"',
        "NaN",
        "1e999",
        "-",
        "9" * 400,
        "=cmd()",
        "点",
        "\ufeff",
        "\u2028",
        "true",
        "null",
        "1i",
        "good",
        iso(NOW),
        "0x1",
        "#",
    ]
)
_BODIES = st.one_of(
    st.binary(max_size=300),
    st.lists(_SCRAPS, max_size=40).map(lambda scraps: "".join(scraps).encode()),
    st.lists(_SCRAPS, max_size=30).map(lambda scraps: ("point,timestamp,value\n" + ",".join(scraps)).encode()),
    st.lists(_SCRAPS, max_size=30).map(lambda scraps: ("b1-water " + "".join(scraps)).encode()),
    st.integers(1, 1200).map(lambda depth: b'{"readings": [' + b"[" * depth + b"]" * depth + b"]}"),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | _SCRAPS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_SCRAPS, inner, max_size=4),
    ).map(lambda row: _json({"readings": [row, {"point": POINT, "at": START, "value": row}]})),
)


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.fixture(scope="module")
def hostile(shared: World) -> Iterator[TestClient]:
    with TestClient(app_of(shared.rooms), headers=shared.bearer("eng"), raise_server_exceptions=False) as client:
        yield client


@settings(max_examples=300, deadline=None)
@given(
    body=_BODIES,
    kind=st.sampled_from([CSV, LINES, "application/json", "text/plain; charset=latin-1", "", ";;=", "x/y"]),
    encoding=st.sampled_from(["", "gzip", "br"]),
    packed=st.booleans(),
)
def test_whatever_comes_is_answered_and_never_our_fault(
    hostile: TestClient, body: bytes, kind: str, encoding: str, packed: bool
) -> None:
    content = gzip.compress(body) if packed else body
    answer = hostile.post(URL, content=content, headers={"Content-Type": kind, "Content-Encoding": encoding})
    assert answer.status_code in (200, 413, 415, 422), answer.text

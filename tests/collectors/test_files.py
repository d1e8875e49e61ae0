from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from peers.small import small_site, water

from collectors.files import NotReadable, rows
from meterbook.domain.instant import iso, parse
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Quality, Reading, Refusal
from meterbook.domain.text import Text

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = parse("2026-11-01T00:00:00Z")


def meter(name: str, reads: str | None, *, manual: bool = False) -> Meter:
    return Meter(name, "water", Text.same(name), reads=reads, manual=manual)


SITE = small_site(
    [water("w1", "t")], meter("W-MAIN", "w1.volume"), meter("W-HAND", "W-HAND", manual=True), meter("W-REST", None)
)


@pytest.fixture
def read(tmp_path):
    def read(content: str | bytes, zone=None, dates=None, name="readings.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(rows(path, SITE, zone, dates, NOW))

    return read


def test_points_instants_values_and_qualities(read):
    assert read(
        "point,timestamp,value,quality\n"
        "w1.volume,2026-10-01T00:00:00+08:00,12.5,good\n"
        "w1.volume,2026-10-01T00:15:00+08:00,-13,estimated\n"
        "W-HAND,2026-10-01 00:30:00Z,14.25,bad\n"
        "w1.volume,2026-10-01T00:45:00.5+08:00,15,\n"
    ) == [
        Reading("w1.volume", parse("2026-10-01T00:00:00+08:00"), 12.5, Quality.GOOD),
        Reading("w1.volume", parse("2026-10-01T00:15:00+08:00"), -13.0, Quality.ESTIMATED),
        Reading("W-HAND", parse("2026-10-01T00:30:00Z"), 14.25, Quality.BAD),
        Reading("w1.volume", parse("2026-10-01T00:45:00.5+08:00"), 15.0, Quality.GOOD),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiters_line_ends_and_byte_order_marks(read, delimiter, end, mark):
    text = end.join(
        delimiter.join(row) for row in (["Meter", "value", "Timestamp"], ["W-MAIN", "3", "2026-10-01T00:00Z"])
    )
    assert read(mark + text.encode()) == [Reading("w1.volume", parse("2026-10-01T00:00Z"), 3.0)]


def test_a_meter_stands_for_the_point_it_reads(read):
    found = read(
        "meter,timestamp,value\n"
        "W-MAIN,2026-10-01T00:00Z,1\nW-HAND,2026-10-01T00:00Z,2\nW-REST,2026-10-01T00:00Z,3\nX,2026-10-01T00:00Z,4\n"
    )
    assert [found[0].point, found[1].point] == ["w1.volume", "W-HAND"]
    assert "calculated" in found[2].reason
    assert "no meter is called 'X'" in found[3].reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("w9.volume,2026-10-01T00:00Z,1", "no point is called 'w9.volume'"),
        ("w1.volume,2026-10-01T00:00Z,twelve", "'twelve' is no plain decimal"),
        ("w1.volume,2026-10-01T00:00Z,", "'' is no plain decimal"),
        ("w1.volume,2026-10-01T00:00Z,NaN", "no plain decimal"),
        ("w1.volume,2026-10-01T00:00Z,1e5", "no plain decimal"),
        ('w1.volume,2026-10-01T00:00Z,"1,5"', "no plain decimal"),
        ("w1.volume,2026-10-01T00:00Z,1,5", "4 cells where the first row names 3"),
        ("w1.volume,2026-10-01T00:00Z", "2 cells where the first row names 3"),
        ("w1.volume,,1", "no time stamp"),
        ("w1.volume,2026-10-01T00:00:00,1", "no offset from UTC; give the zone of the file with --zone"),
        ("w1.volume,2026-10-01,1", "no time of day"),
        ("w1.volume,01.10.2026 00:00,1", "--dates"),
        ("w1.volume,soon,1", "'soon' is no date and time"),
        ("w1.volume,2026-02-30T00:00Z,1", "no date and time"),
        ("w1.volume,1999-12-31T23:59Z,1", "before 2000-01-01"),
        ("w1.volume,2026-11-01T00:06Z,1", "360 s in the future"),
        ("w1.volume,9999-12-31T23:59Z,1", "in the future"),
        ("=cmd(),2026-10-01T00:00Z,1", "no point is called"),
    ],
)
def test_a_bad_row_is_refused_by_line_and_the_others_go_in(read, row, reason):
    good = "w1.volume,2026-10-01T00:00Z,1"
    first, refusal, last = read(f"point,timestamp,value\n{good}\n{row}\n{good}\n")
    assert first == last == Reading("w1.volume", parse("2026-10-01T00:00Z"), 1.0)
    assert isinstance(refusal, Refusal)
    assert reason in refusal.reason
    assert (refusal.source, refusal.subject) == ("readings.csv", "line 3")


def test_an_unknown_quality_is_refused(read):
    (refusal,) = read("point,timestamp,value,quality\nw1.volume,2026-10-01T00:00Z,1,fine\n")
    assert "'fine' is none of good, estimated, bad" in refusal.reason


def test_an_open_quotation_mark_swallows_lines_loudly(read):
    found = read('point,timestamp,value\n"w1.volume,2026-10-01T00:00Z,1\nw1.volume,2026-10-01T00:00Z,2\n')
    assert [(refusal.subject, refusal.reason) for refusal in found] == [
        ("line 2", "a quotation mark swallows the lines 2 to 3")
    ]


def test_a_monstrous_cell_is_one_refusal(read):
    found = read("point,timestamp,value\n" + "x" * 200_000 + "\nw1.volume,2026-10-01T00:00Z,2\n")
    assert "field larger" in found[0].reason
    assert found[1].value == 2.0


def test_bytes_that_are_no_utf8_are_a_refusal(read):
    found = read(b"point,timestamp,value\n\xb5\xe3,2026-10-01T00:00Z,1\nw1.volume,2026-10-01T00:00Z,2\n\n")
    assert isinstance(found[0], Refusal)
    assert found[0].content.isprintable()
    assert found[1].value == 2.0


@pytest.mark.parametrize(
    ("text", "zone", "dates", "expected"),
    [
        ("2026-10-01 00:00", SHANGHAI, None, "2026-10-01T00:00:00+08:00"),
        ("2026-10-01T00:00:00Z", SHANGHAI, None, "2026-10-01T00:00:00+00:00"),
        ("03/04/2026 05:06", SHANGHAI, "dmy", "2026-04-03T05:06:00+08:00"),
        ("03/04/2026 05:06", SHANGHAI, "mdy", "2026-03-04T05:06:00+08:00"),
        ("2026/3/4 5:06:07", SHANGHAI, "ymd", "2026-03-04T05:06:07+08:00"),
        ("3.4.2026 05:06 +02:00", None, "dmy", "2026-04-03T05:06:00+02:00"),
        ("2026-10-01T00:00:00Z", None, "dmy", "2026-10-01T00:00:00+00:00"),
        ("2026-07-01 12:00", BERLIN, None, "2026-07-01T12:00:00+02:00"),
        ("2026-10-25 01:59:59", BERLIN, None, "2026-10-25T01:59:59+02:00"),
        ("2026-10-25 02:30:00+01:00", BERLIN, None, "2026-10-25T02:30:00+01:00"),
        ("2026-10-25 03:00", BERLIN, None, "2026-10-25T03:00:00+01:00"),
    ],
)
def test_time_stamps(read, text, zone, dates, expected):
    (reading,) = read(f"point,timestamp,value\nw1.volume,{text},1\n", zone, dates)
    assert iso(reading.at) == iso(parse(expected))


@pytest.mark.parametrize(
    ("text", "dates", "reason"),
    [
        ("2026-10-25 02:00", None, "comes twice in Europe/Berlin"),
        ("2026-10-25 02:59:59", None, "comes twice in Europe/Berlin"),
        ("2026-03-29 02:30", None, "never comes in Europe/Berlin"),
        ("13/13/2026 05:06", "dmy", "no date and time"),
        ("01/02/26 05:06", "dmy", "no date and time"),
    ],
)
def test_a_local_time_that_is_no_single_instant_is_refused(read, text, dates, reason):
    (refusal,) = read(f"point,timestamp,value\nw1.volume,{text},1\n", BERLIN, dates)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"PK\x03\x04anything", "a.csv", "a damaged one"),
        (b"\xd0\xcf\x11\xe0\xa1", "a.xls", "an old or a protected workbook"),
        (b"\xff\xfep\0o\0", "a.csv", "UTF-16"),
        (b"", "a.csv", "nothing in it; the first row names the columns"),
        (b"timestamp,value\n", "a.csv", "the first row names the columns"),
        (b"point,value\n", "a.csv", "no 'timestamp'"),
        (b"point,timestamp,value,unit\n", "a.csv", "unknown 'unit'"),
        (b"point,timestamp,value,value\n", "a.csv", "one column twice"),
        (b"\0\1\2\3", "a.bin", "the first row names the columns"),
    ],
)
def test_what_is_no_such_table_is_not_readable(read, content, name, reason):
    with pytest.raises(NotReadable, match=reason):
        read(content, name=name)


def test_two_columns_of_one_point_are_refused_by_name(read):
    with pytest.raises(NotReadable, match=r"'W-MAIN' and 'w1\.volume' are both w1\.volume"):
        read("timestamp,W-MAIN,w1.volume\n2026-10-01T00:00Z,1,2\n")


@pytest.mark.parametrize("head", ["point,timestamp,value", "timestamp,w1.volume,W-HAND"])
def test_a_row_of_empty_cells_is_an_empty_line(read, head):
    row = "w1.volume,2026-10-01T00:00Z,1" if head.startswith("point") else "2026-10-01T00:00Z,1,"
    assert read(f"{head}\n,,\n{row}\n , ,\n,\n") == [Reading("w1.volume", parse("2026-10-01T00:00Z"), 1.0)]


def test_a_byte_order_mark_of_gb18030_is_named(read, tmp_path):
    content = "\ufeffpoint,timestamp,value\nw1.volume,2026-10-01T00:00Z,1\n".encode("gb18030")
    with pytest.raises(NotReadable, match="--encoding gb18030"):
        read(content)
    path = tmp_path / "readings.csv"
    assert list(rows(path, SITE, None, None, NOW, encoding="gb18030")) == [
        Reading("w1.volume", parse("2026-10-01T00:00Z"), 1.0)
    ]


def test_a_table_without_rows_has_no_readings(read):
    assert read("point,timestamp,value\n") == []

"""The demo's past: files that import without a complaint, end where live traffic begins, and are written once."""

import csv
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from collectors.files import rows
from meterbook.demo import history, story
from meterbook.demo.history import Past
from meterbook.demo.hospital import Hospital
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, iso, parse
from meterbook.domain.reading import Reading

SEED = 7


@pytest.fixture(scope="module")
def start(site, now):
    return history.window_start(now, 30, site.calendar)


@pytest.fixture(scope="module")
def hospital(site, now, start):
    return Hospital(site, SEED, start, story.begin(now, MINUTE, site.calendar))


@pytest.fixture(scope="module")
def written(site, now, start, hospital, tmp_path_factory):
    return history.write(tmp_path_factory.mktemp("history"), site, hospital, Past(start, now, {}))


@pytest.fixture(scope="module")
def readings(site, now, written):
    found = [row for part in written for row in rows(part.path, site, None, None, now)]
    assert all(isinstance(row, Reading) for row in found)
    return found


@pytest.fixture(scope="module")
def by_point(readings):
    found = defaultdict(list)
    for reading in readings:
        found[reading.point].append(reading)
    return found


def test_thirty_days_are_written_in_bounded_parts(written):
    total = sum(part.rows for part in written)
    assert 50_000 < total < 250_000
    assert max(part.rows for part in written) <= history.PART_ROWS


def test_a_file_says_how_many_rows_it_holds(written):
    for part in written:
        with part.path.open(encoding="utf-8") as file:
            assert len(list(csv.reader(file))) - 1 == part.rows


def test_every_point_has_a_past_and_no_instant_twice(site, by_point):
    assert set(by_point) == set(site.points)
    for point, found in by_point.items():
        assert all(earlier.at < later.at for earlier, later in pairwise(found)), point


def test_files_run_in_order_of_time(readings):
    measured = [reading.at for reading in readings if "." in reading.point]
    assert measured == sorted(measured)


def test_main_points_begin_at_the_window_and_stand_on_the_grid(site, start, by_point):
    for point in history.main_points(site):
        assert by_point[point][0].at == start, point
    old = [reading.at for reading in by_point["main.active_energy_import"] if reading.at < start + 20 * DAY]
    assert old == list(range(start, start + 20 * DAY, 15 * MINUTE))


def test_the_last_day_is_dense_and_the_last_hours_are_complete(site, now, by_point):
    for device in site.devices.values():
        if device.id == story.SILENT:
            continue
        for name in device.specs:
            fresh = [reading.at for reading in by_point[f"{device.id}.{name}"] if reading.at > now - HOUR]
            assert fresh[-1] == now
            assert {later - earlier for earlier, later in pairwise(fresh)} == {device.every}


def test_the_silent_meter_spoke_two_and_a_half_periods_ago(now, by_point):
    for point, found in by_point.items():
        if point.startswith("b1-ct."):
            assert now - found[-1].at == 150 * SECOND


def test_the_chiller_has_been_hot_for_nine_and_a_half_minutes(now, by_point):
    hot = [reading.at for reading in by_point["chiller-1.supply_temperature"] if reading.value > 12]
    assert now - hot[0] == 9 * MINUTE + 30 * SECOND
    assert hot == list(range(hot[0], now + 1, 30 * SECOND))


def test_somebody_read_the_kitchen_meter(site, start, by_point):
    days = [iso(reading.at, site.calendar.zone) for reading in by_point["E-KITCHEN"]]
    assert days == [iso(start, site.calendar.zone), "2026-11-01T00:00:00+08:00", "2026-11-23T08:00:00+08:00"]
    figures = [reading.value for reading in by_point["E-KITCHEN"]]
    assert figures == sorted(figures)


def test_before_the_morning_round_the_kitchen_was_read_the_day_before(site, hospital, start, tmp_path):
    now = parse("2026-11-20T07:00:00+08:00")
    parts = history.write(tmp_path, site, hospital, Past(start, now, {}))
    assert parts[0].path.read_text(encoding="utf-8").splitlines()[-1].startswith("E-KITCHEN,2026-11-19T08:00:00+08:00,")


def test_history_and_live_traffic_are_one_curve(site, now, hospital, by_point):
    for meter in site.meters.values():
        if meter.reads is None or meter.manual:
            continue
        last = by_point[meter.reads][-1]
        hours = 0.1
        step = float(hospital.dial(meter, np.array([last.at + int(hours * HOUR)]))[0]) - last.value
        assert 0 <= step * float(meter.multiplier.at(now)) <= float(meter.max_rate) * hours, meter.id


def test_nothing_is_written_twice(site, now, start, hospital, by_point, tmp_path):
    known = {point: found[-1].at for point, found in by_point.items()}
    assert history.write(tmp_path, site, hospital, Past(start, now, known)) == []


def test_a_second_start_fills_what_was_missed_and_no_more(site, now, start, by_point, tmp_path):
    again = now + 3 * HOUR
    tale = story.resume(story.begin(now, MINUTE, site.calendar), now, again, MINUTE, site.calendar)
    known = {point: found[-1].at for point, found in by_point.items()}
    parts = history.write(tmp_path, site, Hospital(site, SEED, start, tale), Past(start, again, known))
    found = [row for part in parts for row in rows(part.path, site, None, None, again)]
    assert all(now - 3 * MINUTE < row.at <= again for row in found)
    spoken = [row.at for row in found if row.point == "b1-ct.active_energy_import"]
    assert now < spoken[0] < now + 3 * MINUTE
    assert again - spoken[-1] == 150 * SECOND
    supply = [row for row in found if row.point == "chiller-1.supply_temperature"]
    hot = [row.at for row in supply if row.value > 12]
    assert next(at for at in hot if at > now + 10 * MINUTE) == again - story.HOT_FOR
    registers = [row.value for row in found if row.point == "main.active_energy_import"]
    assert by_point["main.active_energy_import"][-1].value <= registers[0]
    assert registers == sorted(registers)

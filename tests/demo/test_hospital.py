"""The simulated hospital obeys physics: what flows in flows out, counters count, and nobody changes it by asking."""

from itertools import pairwise

import numpy as np
import pytest

from meterbook.demo import story
from meterbook.demo.history import window_start
from meterbook.demo.hospital import LEAK, LINE_LOSSES, PIPE_LOSSES, Hospital, NoSuchPoint
from meterbook.demo.story import Span, Story
from meterbook.domain.device import PointSpec
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, parse

SEED = 7
EXCHANGE = parse("2026-10-12T10:30:00+08:00")


@pytest.fixture(scope="module")
def hospital(site, now):
    tale = story.begin(now, MINUTE, site.calendar)
    return Hospital(site, SEED, window_start(now, 60, site.calendar), tale)


@pytest.fixture(scope="module")
def quarters(site, now):
    return np.arange(window_start(now, 60, site.calendar), now, 15 * MINUTE)


def physical(site):
    return [meter for meter in site.meters.values() if meter.physical]


def test_registers_never_fall_but_at_the_exchange(site, hospital, quarters):
    for meter in physical(site):
        steps = np.diff(hospital.dial(meter, quarters))
        falls = [int(quarters[place + 1]) for place in np.flatnonzero(steps < 0)]
        assert falls == ([EXCHANGE] if meter.id == "E-B1" else []), meter.id


def test_registers_show_their_least_digit_and_no_more(site, hospital, quarters):
    for meter in physical(site):
        digits = hospital.dial(meter, quarters[:200]) / float(meter.register.digit)
        assert np.allclose(digits, np.rint(digits), atol=1e-6), meter.id


def test_the_old_meter_ends_where_the_exchange_says_and_the_new_one_begins_there(site, hospital):
    around = np.array([EXCHANGE - 1, EXCHANGE, EXCHANGE + 1])
    assert hospital.dial(site.meters["E-B1"], around).tolist() == [9987.31, 12.40, 12.40]


def test_a_register_counts_what_the_rate_delivers(site, hospital, quarters):
    day = np.arange(int(quarters[0]), int(quarters[0]) + DAY, 10 * SECOND)
    for meter in physical(site):
        by_rate = float(np.trapezoid(hospital.rate(meter.id, day), dx=10 / 3600))
        by_total = float(hospital.total(meter.id, day[-1:], int(day[0]))[0])
        assert by_total == pytest.approx(by_rate, rel=1e-4), meter.id


def test_no_rate_is_higher_than_its_meter_allows(site, hospital, quarters):
    for meter in physical(site):
        rates = hospital.rate(meter.id, quarters)
        assert rates.min() > 0, meter.id
        assert rates.max() < float(meter.max_rate) * 0.9, meter.id


def test_what_the_main_meter_sees_is_what_is_used_below_it_and_lost(hospital, quarters):
    def used(meter):
        return np.diff(hospital.total(meter, quarters, int(quarters[0])))

    below = used("E-B1") + used("E-B2")
    unseen = used("E-MAIN") / (1 + LINE_LOSSES) - below
    assert unseen.min() > 0
    shares = 1 - below / used("E-MAIN")
    assert shares.min() > 0.02
    assert shares.max() < 0.06
    assert (used("E-B1") > used("E-B1-CT")).all()
    assert (used("E-B2") > used("E-KITCHEN")).all()
    assert np.allclose(used("W-MAIN"), (used("W-B1") + used("W-B2")) * (1 + PIPE_LOSSES), rtol=1e-3)


def test_working_days_are_busier_than_rest_days_by_the_calendar(hospital):
    # The Saturday is a make-up working day (trap 47); Friday the 2nd is a public holiday.
    noon = {name: parse(f"2026-10-{day}T10:00:00+08:00") for name, day in {"holiday": "02", "made_up": "10"}.items()}
    kilowatts = {name: hospital.rate("E-B1", np.arange(at, at + 2 * HOUR, MINUTE)).mean() for name, at in noon.items()}
    assert kilowatts["made_up"] > 1.3 * kilowatts["holiday"]


def test_neither_start_nor_company_changes_a_value(site, now, hospital):
    at = np.arange(now - DAY, now, 7 * MINUTE)
    other = Hospital(site, SEED, now - 40 * DAY, story.begin(now, MINUTE, site.calendar))
    for device in site.devices.values():
        for spec in device.specs.values():
            together = hospital.state(device, spec, at)
            assert together.tolist() == other.state(device, spec, at).tolist(), spec.name
            assert together[3:4].tolist() == other.state(device, spec, at[3:4]).tolist(), spec.name


def test_another_seed_is_another_hospital(site, now, hospital):
    at = np.arange(now - DAY, now, 7 * MINUTE)
    other = Hospital(site, SEED + 1, now - 2 * DAY, Story())
    assert other.rate("E-B1", at).tolist() != hospital.rate("E-B1", at).tolist()


def test_time_runs_on_past_what_was_computed_at_first(site, now, hospital):
    later = np.arange(now, now + 5 * DAY, HOUR)
    assert (np.diff(hospital.dial(site.meters["E-MAIN"], later)) > 0).all()


def nightly(hospital, meter, now, nights):
    last = now // DAY * DAY - 6 * HOUR  # 02:00 in China
    starts = [last - back * DAY for back in range(nights, -1, -1)]
    return [float(hospital.total(meter, np.array([start + 2 * HOUR]), start)[0]) for start in starts]


def test_the_leak_stands_out_at_its_own_meter_only(hospital, now):
    for meter in ("W-B1", "W-B2", "W-MAIN"):
        nights = nightly(hospital, meter, now, 20)
        limit = 1.3 * float(np.percentile(nights[:-3], 20)) + 0.05 * 2
        assert max(nights[:-3]) < limit
        assert all((night > limit) == (meter == "W-B2") for night in nights[-3:]), meter


def test_the_leak_joins_the_flow_at_once_and_the_sum_slowly(site, now):
    leak = (Span(now - 3 * HOUR, now - HOUR),)
    leaking, sound = (Hospital(site, SEED, now - DAY, Story(leak=spans)) for spans in (leak, ()))
    at = np.array([now - 4 * HOUR, now - 3 * HOUR, now - 2 * HOUR, now - HOUR, now])
    assert (leaking.rate("W-B2", at) - sound.rate("W-B2", at)).round(9).tolist() == [0, LEAK, LEAK, 0, 0]
    more = leaking.total("W-B2", at, now - 5 * HOUR) - sound.total("W-B2", at, now - 5 * HOUR)
    assert more.round(9).tolist() == [0, 0, LEAK, 2 * LEAK, 2 * LEAK]


def test_the_chiller_passes_its_limit_when_the_story_says(site, now, hospital):
    chiller = site.devices["chiller-1"]
    at = np.arange(now - HOUR, now + HOUR, 30 * SECOND)
    supply = hospital.state(chiller, chiller.specs["supply_temperature"], at)
    hot_from = now - story.HOT_FOR
    assert (supply[at < hot_from] < 11.9).all()
    assert (supply[at >= hot_from] > 12.1).all()
    assert supply[at < hot_from - 6 * MINUTE].mean() == pytest.approx(7, abs=0.5)
    assert supply[at > now].mean() == pytest.approx(13.5, abs=0.5)


def test_the_chiller_cools_down_when_mended(site, now):
    tale = Story(hot=(Span(now - HOUR, now),))
    chiller = site.devices["chiller-1"]
    at = np.array([now - MINUTE, now + 10 * MINUTE])
    before, after = Hospital(site, SEED, now, tale).state(chiller, chiller.specs["supply_temperature"], at)
    assert before > 13
    assert after < 8


def test_every_point_of_the_site_has_a_value(site, now, hospital):
    at = np.array([now - HOUR, now])
    for device in site.devices.values():
        for spec in device.specs.values():
            values = hospital.state(device, spec, at)
            assert np.isfinite(values).all(), f"{device.id}.{spec.name}"
            low, high = spec.plausible or (-np.inf, np.inf)
            assert ((values >= float(low)) & (values <= float(high))).all(), f"{device.id}.{spec.name}"


def test_what_a_device_does_not_measure_is_no_zero(site, now, hospital):
    with pytest.raises(NoSuchPoint, match="b1-water has no humidity"):
        hospital.state(site.devices["b1-water"], PointSpec("humidity", "humidity", "gauge", "%"), np.array([now]))


def test_phases_add_up_to_the_whole(site, now, hospital):
    at = np.array([now])
    main = site.devices["main"]
    phases = [PointSpec(f"active_power_{phase}", "active_power", "gauge", "kW") for phase in ("l1", "l2", "l3")]
    whole = hospital.state(main, PointSpec("active_power_total", "active_power", "gauge", "kW"), at)
    assert sum(hospital.state(main, spec, at) for spec in phases) == pytest.approx(whole)
    assert whole * 200 == pytest.approx(hospital.rate("E-MAIN", at))


def test_power_changes_scale_with_the_current_transformer(site, hospital):
    around = np.array([EXCHANGE - 1, EXCHANGE])
    spec = PointSpec("active_power_total", "active_power", "gauge", "kW")
    before, after = hospital.state(site.devices["b1-main"], spec, around)
    assert before * 40 == pytest.approx(after * 60, rel=1e-3)


def test_instants_are_read_once_for_each_local_day(site):
    from meterbook.demo.demand import Moments

    at = np.array([parse("2026-10-10T23:59:00+08:00"), parse("2026-10-11T00:00:00+08:00")])
    moments = Moments.of(at, site.calendar)
    assert moments.hour.round(3).tolist() == [23.983, 0.0]
    assert moments.workday.tolist() == [True, False]
    assert [later - earlier for earlier, later in pairwise(moments.day.tolist())] == [1]

"""The demo's faults begin so that they are found within a minute, and go on or come again at the next start."""

import numpy as np
import pytest

from meterbook.demo import story
from meterbook.demo.story import Span, Story
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, parse


@pytest.fixture
def tale(site, now):
    return story.begin(now, MINUTE, site.calendar)


def test_each_fault_is_half_a_minute_from_being_one(now, tale):
    assert now + 30 * SECOND - tale.hot[0].start == 10 * MINUTE
    last_word = tale.silent[0].start - 1
    assert now + 30 * SECOND - last_word == 3 * MINUTE


@pytest.mark.parametrize("hour", ["00:10", "03:00", "05:00", "12:00", "23:59"])
def test_three_whole_nights_have_leaked_at_any_hour_of_the_day(site, hour):
    now = parse(f"2026-11-23T{hour}:00+08:00")
    begun = story.begin(now, MINUTE, site.calendar).leak[0].start
    windows = [parse(f"2026-11-{day}T02:00:00+08:00") for day in range(15, 24)]
    whole = [start for start in windows if begun <= start and start + 2 * HOUR <= now]
    assert len(whole) == 3
    assert story.begin(now, MINUTE, site.calendar).leak[0].end is None


def test_a_short_break_changes_nothing(site, now, tale):
    assert story.resume(tale, now + HOUR, now + HOUR + 14 * MINUTE, MINUTE, site.calendar) == tale


def test_after_a_long_break_the_faults_were_mended_and_come_again(site, now, tale):
    last, again = now + HOUR, now + 9 * HOUR
    resumed = story.resume(tale, last, again, MINUTE, site.calendar)
    fresh = story.begin(again, MINUTE, site.calendar)
    assert resumed.hot == (Span(tale.hot[0].start, last + MINUTE), *fresh.hot)
    assert resumed.silent == (Span(tale.silent[0].start, last + MINUTE), *fresh.silent)
    assert resumed.leak == tale.leak


def test_after_weeks_even_the_leak_is_another_one(site, now, tale):
    resumed = story.resume(tale, now, now + 20 * DAY, MINUTE, site.calendar)
    assert [span.end for span in resumed.leak] == [now + MINUTE, None]


def test_a_story_survives_its_file(tale, site, now):
    resumed = story.resume(tale, now, now + 20 * DAY, MINUTE, site.calendar)
    assert Story.decoded(resumed.encoded()) == resumed


def test_a_span_covers_and_counts_its_own_time_only():
    span = Span(2 * HOUR, 5 * HOUR)
    at = np.array([0, 2, 4, 5, 9]) * HOUR
    assert span.covers(at).tolist() == [False, True, True, False, False]
    assert span.elapsed(at).tolist() == [0, 0, 2, 3, 3]
    assert Span(2 * HOUR).elapsed(at).tolist() == [0, 0, 2, 3, 7]

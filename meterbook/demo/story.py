"""The demo's faults, as spans of time, so that history and live traffic tell the same story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import orjson

from meterbook.demo.noise import Instants, Values
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant

LEAKING = "W-B2"
"""The meter behind which a pipe leaks."""
HOT = "chiller-1"
"""The device whose supply runs hot."""
SILENT = "b1-ct"
"""The device that does not answer."""

HOT_FOR = 9 * MINUTE + 30 * SECOND
"""How long the chiller has been above its limit when the demo starts: half a minute before that is a fault."""
SILENT_PERIODS = 2.5
"""How many of its periods the meter has been silent when the demo starts: three are a fault."""
LEAK_NIGHTS = 3
"""Whole nights in which it has leaked when the demo starts."""

SAME_VISIT = 15 * MINUTE
"""A shorter break between two starts changes nothing."""
REPAIR_TIME = 7 * DAY
"""After a longer break the leak was mended and a new one came."""


@dataclass(frozen=True, slots=True)
class Span:
    """A fault from `start` until `end`; without an end it goes on."""

    start: Instant
    end: Instant | None = None

    def covers(self, at: Instants) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Which instants lie in it."""
        return (at >= self.start) & (at < self.end) if self.end is not None else at >= self.start

    def elapsed(self, at: Instants) -> Values:
        """Hours of it that have passed at each instant."""
        last = at if self.end is None else np.minimum(at, self.end)
        return np.maximum(last - self.start, 0) / HOUR


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """When the leak ran, the chiller was hot and the meter silent."""

    leak: Spans = ()
    hot: Spans = ()
    silent: Spans = ()

    def encoded(self) -> bytes:
        """The story as JSON."""
        return orjson.dumps(self)

    @classmethod
    def decoded(cls, text: bytes) -> Story:
        """A story read back from `encoded`; raises ValueError, KeyError or TypeError for anything else."""
        spans = orjson.loads(text)
        return cls(*(tuple(Span(**span) for span in spans[fault]) for fault in ("leak", "hot", "silent")))


def begin(now: Instant, silent_period: Instant, calendar: Calendar) -> Story:
    """The story of a demo that starts at `now`; `silent_period` is how often the silent device would speak."""
    return Story(
        leak=(Span(_leak_start(now, calendar)),),
        hot=(Span(now - HOT_FOR),),
        silent=(Span(_silence(now, silent_period)),),
    )


def resume(story: Story, last: Instant, now: Instant, silent_period: Instant, calendar: Calendar) -> Story:
    """The story of a demo that stopped after `last` and starts again at `now`.

    After a short break everything goes on as it was; after a longer one the crew has mended what was broken soon
    after the stop, and it breaks again now.
    """
    if now - last < SAME_VISIT:
        return story
    fresh = begin(now, silent_period, calendar)
    mended = last + MINUTE
    return Story(
        leak=_again(story.leak, mended, fresh.leak) if now - last > REPAIR_TIME else story.leak,
        hot=_again(story.hot, mended, fresh.hot),
        silent=_again(story.silent, mended, fresh.silent),
    )


def _silence(now: Instant, period: Instant) -> Instant:
    """Just after the last reading, which the device sent two and a half periods ago."""
    return now - round(SILENT_PERIODS * period) + 1


def _leak_start(now: Instant, calendar: Calendar) -> Instant:
    """01:00 of the night that makes the last full nights (until 05:00) leak."""
    today = calendar.day_of(now)
    if now < calendar.midnight(today) + 5 * HOUR:
        today -= timedelta(days=1)
    return calendar.midnight(today - timedelta(days=LEAK_NIGHTS - 1)) + HOUR


def _again(spans: Spans, mended: Instant, fresh: Spans) -> Spans:
    ended = tuple(Span(span.start, mended) if span.end is None else span for span in spans)
    return (*ended, *fresh)

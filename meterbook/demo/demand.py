"""What a hospital asks for through day and night: electric power and water flow as functions of time alone.

Every function takes moments and answers kW or m3/h, one for each; `meterbook.demo.hospital` adds up the feeders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from meterbook.demo.noise import Instants, Values, draw, drift
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import DAY, HOUR, MINUTE

SCAN = 6 * MINUTE
"""One patient on the CT scanner's table."""

_YEAR = 365.2425 * DAY
_COLDEST = 20 * DAY
"""Late January, counted from the start of 1970."""


@dataclass(frozen=True)
class Moments:
    """Instants with what the hospital's people see on the wall: local hour, day, and whether it is a working day."""

    at: Instants
    hour: Values
    day: Instants
    workday: NDArray[np.bool_]

    @classmethod
    def of(cls, at: Instants, calendar: Calendar) -> Moments:
        """Read the calendar once for each day that ascending instants touch; at least one instant."""
        first, last = calendar.day_of(int(at[0])), calendar.day_of(int(at[-1]))
        days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        midnights = np.array([calendar.midnight(day) for day in days], np.int64)
        index = np.searchsorted(midnights, at, side="right") - 1
        ordinals = np.array([day.toordinal() for day in days], np.int64)
        workdays = np.array([calendar.is_workday(day) for day in days])
        return cls(at, (at - midnights[index]) / HOUR, ordinals[index], workdays[index])

    def busy(self, working: float, resting: float) -> Values:
        """`working` on working days, `resting` on the others."""
        return np.where(self.workday, working, resting)

    def lively(self, seed: int, channel: str, spread: float) -> Values:
        """A factor around 1 that tells one day from the next."""
        return 1.0 + spread * (2.0 * draw(seed, channel, self.day) - 1.0)


def bell(hour: Values, centre: float, width: float) -> Values:
    """A peak of height 1 around a local hour; `width` hours are one standard deviation."""
    return np.exp(-0.5 * ((hour - centre) / width) ** 2)


def shift(hour: Values, start: float, end: float) -> Values:
    """1 between two local hours and 0 outside, with an hour of people coming and going."""
    rise = np.clip(hour - start + 0.5, 0.0, 1.0)
    fall = np.clip(end - hour + 0.5, 0.0, 1.0)
    return np.minimum(rise, fall)


def outdoor(moments: Moments, seed: int) -> Values:
    """Outdoor temperature in degC: a subtropical year, a day that is warmest at 15:00, and weather."""
    year = -12.5 * np.cos(2.0 * np.pi * (moments.at - _COLDEST) / _YEAR)
    day = 3.5 * np.cos(2.0 * np.pi * (moments.hour - 15.0) / 24.0)
    temperature: Values = 17.0 + year + day + 3.0 * drift(seed, "weather", moments.at, 2 * DAY)
    return temperature


def ct_scanner(moments: Moments, seed: int) -> Values:
    """The CT scanner in kW: idle cooling, and a burst for each patient; few patients outside working hours."""
    chance = 0.03 + shift(moments.hour, 7.8, 17.5) * moments.busy(0.62, 0.15)
    patient = moments.at // SCAN
    scanning = draw(seed, "patient", patient) < chance
    return 6.0 + scanning * (45.0 + 45.0 * draw(seed, "dose", patient))


def outpatient_building(moments: Moments, seed: int) -> Values:
    """The outpatient building in kW, without the CT scanner: laboratories all night, clinics by day."""
    comfort = 3.0 * np.clip(np.abs(outdoor(moments, seed) - 20.0) - 3.0, 0.0, 12.0)
    clinics = shift(moments.hour, 6.8, 17.8) * moments.busy(1.0, 0.3) * moments.lively(seed, "clinics", 0.05)
    return (72.0 + clinics * (150.0 + comfort)) * (1.0 + 0.03 * drift(seed, "b1", moments.at, 20 * MINUTE))


def kitchen(moments: Moments, seed: int) -> Values:
    """The kitchen in kW: three meals a day, whatever day it is."""
    meals = 0.7 * bell(moments.hour, 5.8, 0.7) + bell(moments.hour, 10.6, 0.9) + 0.9 * bell(moments.hour, 16.4, 0.8)
    return 7.0 + 58.0 * meals * moments.lively(seed, "kitchen", 0.08)


def chiller(moments: Moments, seed: int) -> Values:
    """The chiller in kW: follows the outdoor temperature; theatres are cooled even in winter."""
    load = np.clip(outdoor(moments, seed) - 10.0, 0.0, 24.0)
    return (32.0 + 8.5 * load) * (1.0 + 0.02 * drift(seed, "chiller", moments.at, 10 * MINUTE))


def wards(moments: Moments, seed: int) -> Values:
    """The ward building in kW, without kitchen and chiller: people live here."""
    awake = shift(moments.hour, 6.0, 21.5) * moments.busy(1.0, 0.9) * moments.lively(seed, "wards", 0.04)
    return (165.0 + 115.0 * awake) * (1.0 + 0.03 * drift(seed, "b2", moments.at, 25 * MINUTE))


def energy_centre(moments: Moments, seed: int) -> Values:
    """What no sub-meter sees, in kW: pumps and light of the energy centre."""
    return 6.0 + 3.0 * shift(moments.hour, 5.5, 22.0) + 0.4 * drift(seed, "plant", moments.at, HOUR)


def outpatient_water(moments: Moments, seed: int) -> Values:
    """The outpatient building in m3/h: the boiler house and the laboratories draw all night, clinics by day."""
    visits = 3.2 * shift(moments.hour, 6.8, 17.8) + 1.8 * bell(moments.hour, 9.5, 1.0) + bell(moments.hour, 14.5, 1.0)
    by_day = visits * moments.busy(1.0, 0.3) * (1.0 + 0.12 * drift(seed, "w1", moments.at, 15 * MINUTE))
    return 1.6 + 0.05 * drift(seed, "w1-night", moments.at, 30 * MINUTE) + by_day * moments.lively(seed, "w1", 0.06)


def ward_water(moments: Moments, seed: int) -> Values:
    """The ward building in m3/h: peaks in the morning, at noon and in the evening; wards never sleep entirely."""
    hour = moments.hour
    peaks = 6.0 * bell(hour, 7.2, 0.9) + 4.0 * bell(hour, 12.0, 1.0) + 6.5 * bell(hour, 19.5, 1.5)
    by_day = (peaks + 2.0 * shift(hour, 6.0, 22.5)) * (1.0 + 0.1 * drift(seed, "w2", moments.at, 15 * MINUTE))
    return 1.5 + 0.06 * drift(seed, "w2-night", moments.at, 30 * MINUTE) + by_day * moments.lively(seed, "w2", 0.06)

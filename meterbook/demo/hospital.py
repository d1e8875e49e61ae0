"""The simulated hospital: the true state of every device at any instant, a function of seed, story and time alone.

Energy flows down the tree of `config/sites/demo/meters.yaml`: E-MAIN carries E-B1, E-B2, the energy centre and the
losses; E-B1 carries the CT scanner, E-B2 the kitchen and the chiller. W-MAIN carries W-B1, W-B2 and what pipes lose.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from meterbook.demo import demand, gauges
from meterbook.demo.curve import Curve, node_before, node_instants, thousandths
from meterbook.demo.demand import Moments
from meterbook.demo.dial import segments
from meterbook.demo.noise import Instants, Values
from meterbook.demo.story import HOT, LEAKING, SILENT, Story
from meterbook.domain.device import Device, PointSpec
from meterbook.domain.instant import DAY, HOUR, Instant, parse
from meterbook.domain.meter import Meter
from meterbook.domain.site import Site

ORIGIN: Instant = parse("2026-10-12T10:30:00+08:00")
"""Counting begins here: dials show their first figure, and lower ones before it."""

LINE_LOSSES = 0.022
"""Of the energy below the main meter: transformer and lines."""
PIPE_LOSSES = 0.03
"""Of the water below the main meter."""
LEAK = 0.8
"""m3/h that the leak takes."""
CHILLER = "chiller"
"""The curve of the chiller's electric power; it has no meter of its own."""

_LEAK_SEEN = {LEAKING: LEAK, "W-MAIN": LEAK * (1.0 + PIPE_LOSSES)}
_RUN_SHARE = 0.7
"""Of all hours the chiller's compressor runs this part, in runs of five hours."""


class NoSuchPoint(KeyError):
    """The simulated device does not measure this."""


class Hospital:
    """One hospital from the instant `start` on; `story` says what breaks when. Threads may share it."""

    def __init__(self, site: Site, seed: int, start: Instant, story: Story) -> None:
        self._calendar = site.calendar
        self._seed = seed
        self._story = story
        self._meters = {
            site.points[meter.reads].device: meter for meter in site.meters.values() if meter.reads is not None
        }
        marks = [ORIGIN, start, *(entry.at for meter in site.meters.values() for entry in meter.installations)]
        self._first = node_before(min(marks))
        self._curves = self._integrate(max(marks) + DAY)

    def state(self, device: Device, spec: PointSpec, at: Instants) -> Values:
        """The canonical value of a device's point at ascending instants from `start` on; raises NoSuchPoint.

        Counters are cut to the least digit, as a meter shows them. Everything is secondary: before the multiplier.
        """
        if device.id == HOT:
            found = self._chiller(spec, at)
        elif (meter := self._meters.get(device.id)) is None:
            found = None
        elif meter.utility == "water":
            found = self._water(meter, spec, at)
        else:
            found = self._electric(meter, spec, at)
        if found is None:
            raise NoSuchPoint(f"the simulated {device.id} has no {spec.name}")
        return found

    def silences(self, device: str, at: Instants) -> NDArray[np.bool_]:
        """At which instants a device says nothing."""
        silent = np.zeros(len(at), np.bool_)
        if device == SILENT:
            for span in self._story.silent:
                silent |= span.covers(at)
        return silent

    def last_word(self, device: str, now: Instant) -> Instant:
        """The last instant up to `now` at which a device spoke: `now`, unless it has fallen silent before."""
        if device != SILENT:
            return now
        return next((span.start - 1 for span in self._story.silent if span.end is None and span.start <= now), now)

    def dial(self, meter: Meter, at: Instants, scale: float = 1.0) -> Values:
        """What the register of a physical meter shows at ascending instants, exchanges and rollovers included.

        `scale` is for registers that run in proportion to the meter's own, such as that of reactive energy.
        """
        first_figure = 5_000 + crc32(f"{self._seed}/{meter.id}".encode()) % 40_000
        shown = np.empty(len(at), np.float64)
        for segment in segments(meter, ORIGIN, first_figure):
            low, high = np.searchsorted(at, (segment.start, segment.end))
            energy = self.total(meter.id, at[low:high], segment.reference) * scale
            shown[low:high] = segment.figures(energy)
        return shown

    def rate(self, curve: str, at: Instants) -> Values:
        """Primary kW or m3/h of a meter."""
        rate = self._curve(curve, at).rate(at)
        if curve in _LEAK_SEEN:
            rate = rate + _LEAK_SEEN[curve] * sum(span.covers(at).astype(np.float64) for span in self._story.leak)
        return rate

    def total(self, curve: str, at: Instants, since: Instant) -> Values:
        """Primary kWh or m3 of a meter from `since` to each instant; negative before it."""
        total = self._curve(curve, at).total(at, since)
        if curve in _LEAK_SEEN:
            since_then = np.array([since], np.int64)
            leaked = sum((span.elapsed(at) - span.elapsed(since_then) for span in self._story.leak), np.zeros(len(at)))
            total = total + _LEAK_SEEN[curve] * leaked
        return total

    def _water(self, meter: Meter, spec: PointSpec, at: Instants) -> Values | None:
        if spec.quantity == "volume":
            return self.dial(meter, at)
        return self.rate(meter.id, at) if spec.quantity == "volume_flow" else None

    def _electric(self, meter: Meter, spec: PointSpec, at: Instants) -> Values | None:
        scale = gauges.energy_scale(spec)
        if scale is not None:
            return self.dial(meter, at, scale)
        ratios = np.array([float(value) for value in meter.multiplier.values])
        ratio = ratios[np.searchsorted(np.array(meter.multiplier.starts, np.int64), at, side="right") - 1]
        return gauges.electric(spec, self.rate(meter.id, at) / ratio, at, self._seed)

    def _chiller(self, spec: PointSpec, at: Instants) -> Values | None:
        power, scale = self.rate(CHILLER, at), gauges.energy_scale(spec)
        if scale is not None:
            return np.floor((80_000.0 + self.total(CHILLER, at, ORIGIN)) * scale * 10.0) / 10.0
        hours = (at - ORIGIN) / HOUR
        supply = gauges.supply_temperature(self._story.hot, at, self._seed)
        match spec.quantity:
            case "temperature":
                return gauges.chiller_temperature(spec, supply)
            case "run_time":
                return np.floor(12_400.0 + hours * _RUN_SHARE)
            case "starts":
                return np.floor(2_480.0 + hours * _RUN_SHARE / 5.0)
            case "state":
                return np.full(len(at), 0.0 if "fault" in spec.name else 1.0)
            case _:
                return gauges.electric(spec, power, at, self._seed)

    def _curve(self, name: str, at: Instants) -> Curve:
        curve = self._curves[name]
        if len(at) and int(at[-1]) >= curve.end:
            # Whole curves replace whole curves: another thread sees the former or the latter, which agree.
            self._curves = self._integrate(int(at[-1]) + DAY)
            curve = self._curves[name]
        return curve

    def _integrate(self, until: Instant) -> dict[str, Curve]:
        at = node_instants(self._first, node_before(until) + 1)
        rates = flows(Moments.of(at, self._calendar), self._seed)
        return {name: Curve.through(self._first, nodes) for name, nodes in rates.items()}


def flows(moments: Moments, seed: int) -> dict[str, Instants]:
    """W or litres per hour through every meter, and the chiller, without the leak; parents add up to the last digit."""
    ct = thousandths(demand.ct_scanner(moments, seed))
    kitchen = thousandths(demand.kitchen(moments, seed))
    chiller = thousandths(demand.chiller(moments, seed))
    b1 = ct + thousandths(demand.outpatient_building(moments, seed))
    b2 = kitchen + chiller + thousandths(demand.wards(moments, seed))
    below_main = b1 + b2 + thousandths(demand.energy_centre(moments, seed))
    w1, w2 = thousandths(demand.outpatient_water(moments, seed)), thousandths(demand.ward_water(moments, seed))
    return {
        "E-MAIN": _with_losses(below_main, LINE_LOSSES),
        "E-B1": b1,
        "E-B1-CT": ct,
        "E-B2": b2,
        "E-KITCHEN": kitchen,
        CHILLER: chiller,
        "W-MAIN": _with_losses(w1 + w2, PIPE_LOSSES),
        "W-B1": w1,
        "W-B2": w2,
    }


def _with_losses(delivered: Instants, losses: float) -> Instants:
    supplied: Instants = delivered + np.rint(delivered * losses).astype(np.int64)
    return supplied

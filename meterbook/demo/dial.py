"""The register of a physical meter: which meter hangs on the wall when, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from meterbook.demo.noise import Values
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter, Register
from meterbook.domain.timeline import BEGINNING

_END: Instant = -BEGINNING


@dataclass(frozen=True, slots=True)
class Segment:
    """One physical meter on the wall during [start, end). At the instant `reference` it shows `figure` digits."""

    start: Instant
    end: Instant
    reference: Instant
    figure: int
    multiplier: float
    register: Register

    def figures(self, primary: Values) -> Values:
        """What it shows after so much primary energy or volume since `reference`, cut to its least digit."""
        digit = self.register.digit
        digits = np.floor(primary / (self.multiplier * float(digit))).astype(np.int64) + self.figure
        if self.register.span is not None:
            digits = np.mod(digits, self.register.span)
        return np.asarray(digits / float(1 / digit), np.float64)


def segments(meter: Meter, origin: Instant, first_figure: int) -> list[Segment]:
    """The physical meters of an accounting meter, in order of time.

    Each is bound to the exchange that brought it, the first to the one that took it away; a meter that was never
    exchanged shows `first_figure` (canonical unit) at `origin`.
    """
    entries = meter.installations
    if not entries:
        ratio = float(meter.multiplier.at(origin) or 1)
        figure = round(first_figure / meter.register.digit)
        return [Segment(BEGINNING, _END, origin, figure, ratio, meter.register)]
    first = entries[0]
    ratio = float(meter.multiplier.at(first.at - 1) or 1)
    figure = round(first.old_final / meter.register.digit)
    found = [Segment(BEGINNING, first.at, first.at, figure, ratio, meter.register)]
    ends = [*(later.at for _, later in pairwise(entries)), _END]
    for entry, end in zip(entries, ends, strict=True):
        ratio, figure = float(meter.multiplier.at(entry.at) or 1), round(entry.new_initial / entry.register.digit)
        found.append(Segment(entry.at, end, entry.at, figure, ratio, entry.register))
    return found

"""Looks at a site's meters: their intervals between common edges, by the corrections in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.computation import Register
from meterbook.accounting.consumption import combined
from meterbook.accounting.corrected import as_declared
from meterbook.accounting.grid import Grid
from meterbook.accounting.upkeep import Upkeep
from meterbook.domain.correction import Correction, Exchange
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Intervals
from meterbook.domain.meter import Meter
from meterbook.domain.site import Site


class Scene:
    """A site's registers as a question sees them: by the corrections that are in force when it is asked."""

    def __init__(
        self, site: Site, grid: Grid, upkeep: Upkeep, corrections: Mapping[str, tuple[Correction, ...]]
    ) -> None:
        self.site, self.upkeep, self.corrections = site, upkeep, corrections
        self._grid = grid

    def look(self, start: Instant, end: Instant, edges: Sequence[Instant] = ()) -> Look:
        """A look at [start, end), cut wherever something changes and at `edges`."""
        return Look(self, self._grid.within(start, end, edges))

    def register(self, meter: Meter) -> Register:
        """The register of a physical meter."""
        entries = self.corrections.get(meter.id, ())
        return Register(as_declared(meter, entries), entries)

    def reactive(self, meter: Meter, point: str) -> Register:
        """A reactive register of a meter, with its ratio, span and exchanges.

        An exchange notes the figures of the active register only, and corrections are of that one.
        """
        entries = [one for one in self.corrections.get(meter.id, ()) if isinstance(one.what, Exchange)]
        declared = as_declared(meter, entries)
        return Register(replace(declared, id=f"{meter.id} {point}", reads=point, max_rate=None), noted=False)

    @cached_property
    def registers(self) -> list[Register]:
        """Every register of the site."""
        physical = [meter for meter in self.site.meters.values() if meter.physical]
        reactive = [self.reactive(meter, point) for meter in physical for point in meter.reactive]
        return [*(self.register(meter) for meter in physical), *reactive]

    @cached_property
    def bases(self) -> Mapping[str, str]:
        """What the intervals of each register follow from, besides readings and cuts."""
        return {register.id: self.upkeep.bases.of(register) for register in self.registers}

    @cached_property
    def _basis(self) -> str:
        return sha256(repr(self.bases).encode()).hexdigest()

    def evidence(self, first: str, last: str) -> str | None:
        """What the intervals of the months `first` to `last` stand on: as long as it is the same, so are they.

        None where nobody keeps them, and nobody can tell.
        """
        changes = self.upkeep.changes(self.registers, first, last)
        return None if changes is None else f"{changes} {self._basis}"


class Look:
    """One look at the meters: their intervals between common edges, each computed once."""

    def __init__(self, scene: Scene, edges: NDArray[np.int64]) -> None:
        self._scene, self._edges = scene, edges
        self._known: dict[str, Intervals] = {}

    def utility(self, utility: str) -> dict[str, Intervals]:
        """The intervals of all meters of a utility."""
        meters = [meter for meter in self._scene.site.meters.values() if meter.utility == utility]
        self.gather(meters)
        return {meter.id: self.intervals(meter) for meter in meters}

    def gather(self, meters: Iterable[Meter]) -> None:
        """Look at many meters at once, which is quicker than one after the other."""
        unknown = [meter for meter in meters if meter.physical and meter.id not in self._known]
        registers = [self._scene.register(meter) for meter in unknown]
        for meter, found in zip(unknown, self._scene.upkeep.several(registers, self._edges), strict=True):
            self._known[meter.id] = found.joined(self._edges)

    def intervals(self, meter: Meter) -> Intervals:
        """The intervals of a meter, physical or by formula."""
        if meter.id not in self._known:
            self._known[meter.id] = self._computed(meter)
        return self._known[meter.id]

    def reactive(self, meter: Meter, point: str) -> Intervals:
        """The intervals of a reactive register of a meter."""
        return self._of(self._scene.reactive(meter, point))

    def _computed(self, meter: Meter) -> Intervals:
        if not meter.physical:
            operands = {other: self.intervals(self._scene.site.meters[other]) for other in meter.factors}
            return combined(meter.factors, operands)
        return self._of(self._scene.register(meter))

    def _of(self, register: Register) -> Intervals:
        return self._scene.upkeep.between(register, self._edges).joined(self._edges)

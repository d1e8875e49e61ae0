"""Rates that are known at evenly spaced nodes, run straight between them, and add up exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meterbook.demo.noise import Instants, Values
from meterbook.domain.instant import HOUR, MINUTE, Instant

NODE = 2 * MINUTE
"""Distance between two nodes, which lie at whole multiples of it."""


def node_before(at: Instant) -> int:
    """The number of the last node at or before an instant."""
    return at // NODE


def node_instants(first: int, last: int) -> Instants:
    """The instants of the nodes numbered `first` to `last`, both included."""
    return np.arange(first, last + 1, dtype=np.int64) * NODE


def thousandths(rate: Values) -> Instants:
    """Rates per hour (kW, m3/h) in whole thousandths."""
    return np.rint(rate * 1000.0).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Curve:
    """A rate in thousandths at the nodes from number `first` on.

    Whole numbers make sums exact: two curves over different spans agree to the last bit where they overlap.
    """

    first: int
    nodes: Instants
    doubled: Instants
    """Twice the sum of the trapezoids before each node, in thousandths x nodes."""

    @classmethod
    def through(cls, first: int, nodes: Instants) -> Curve:
        """The curve through rates (thousandths) at consecutive nodes; at least two."""
        return cls(first, nodes, np.concatenate(([0], np.cumsum(nodes[:-1] + nodes[1:]))))

    @property
    def end(self) -> Instant:
        """The instant before which it can be asked."""
        return (self.first + len(self.nodes) - 1) * NODE

    def rate(self, at: Instants) -> Values:
        """The rate at instants between the first and the last node."""
        index, part = self._place(at)
        return self._between(index, part) / 1000.0

    def total(self, at: Instants, origin: Instant) -> Values:
        """What has run up from `origin` to each instant (negative before it), in kWh or m3."""
        return self._since_first(at, origin) * (NODE / HOUR / 2000.0)

    def _since_first(self, at: Instants, origin: Instant) -> Values:
        index, part = self._place(at)
        start, start_part = self._place(np.array([origin], np.int64))
        whole = (self.doubled[index] - self.doubled[start]).astype(np.float64)
        return whole + self._inside(index, part) - self._inside(start, start_part)

    def _place(self, at: Instants) -> tuple[Instants, Values]:
        index, rest = np.divmod(at, NODE)
        index = index - self.first
        if len(index) and (index.min() < 0 or index.max() > len(self.nodes) - 2):
            raise IndexError("instant outside the curve")
        return index, rest / NODE

    def _between(self, index: Instants, part: Values) -> Values:
        before = self.nodes[index]
        return before + (self.nodes[index + 1] - before) * part

    def _inside(self, index: Instants, part: Values) -> Values:
        """Twice the area from a node to a part of the way to the next."""
        return (self.nodes[index] + self._between(index, part)) * part

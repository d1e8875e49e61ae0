"""What a department carries over time: its pieces in windows, with shares of time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.allocate import Piece
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Consumption, Shares


def carried(own: Sequence[Piece], edges: Sequence[Instant]) -> list[Consumption]:
    """The quantity of all pieces in the windows between `edges`, which must be edges of their cells.

    A share of time counts every meter that stands behind a window alike; a window of which no meter says anything has
    no value.
    """
    values = [Decimal(0)] * (len(edges) - 1)
    time, estimated, missing = (np.zeros(len(edges) - 1) for _ in range(3))
    for piece in own:
        for window, quantity in enumerate(piece.quantities(edges)):
            values[window] += quantity
        length = piece.cells.length.astype(np.float64)
        time += _summed(piece, length, edges)
        estimated += _summed(piece, length * piece.cells.estimated * ~piece.cells.missing, edges)
        missing += _summed(piece, length * piece.cells.missing, edges)
    found = []
    for window, (start, end) in enumerate(pairwise(edges)):
        known = time[window] > missing[window]
        whole = time[window] or 1.0
        shares = (
            Shares.of_time(estimated[window] / whole, missing[window] / whole) if time[window] else Shares.nothing()
        )
        found.append(Consumption(start, end, values[window] if known else None, shares))
    return found


def _summed(piece: Piece, values: NDArray[np.float64], edges: Sequence[Instant]) -> NDArray[np.float64]:
    """The values of a piece's cells added up within each window."""
    counted = np.concatenate(([0.0], np.cumsum(values)))
    return np.diff(counted[np.searchsorted(piece.cells.start, edges)])

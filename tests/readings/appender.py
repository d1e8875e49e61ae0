"""A process that appends to a store in batches and says so after each: `appender.py FILE FIRST BATCHES`.

Batch n holds SIZE readings of the value n, at instants that only it uses.
"""

from __future__ import annotations

import sys

from meterbook.domain.reading import Reading
from meterbook.readings.sqlite import SqliteStore

SIZE = 50


def batch(number: int) -> list[Reading]:
    return [Reading(f"point-{row % 5}", number * SIZE + row, float(number)) for row in range(SIZE)]


if __name__ == "__main__":
    path, first, batches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = SqliteStore(path)
    for number in range(first, first + batches):
        store.append(batch(number), number)
        print(number, flush=True)
    store.close()

"""A process that collects amounts from a broker into DATA, and says how much: `collecting.py PORT DATA [DELIVERIES]`.

With DELIVERIES it is killed when that many are on disk, before the last of them is acknowledged.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from peers.small import small_site

from collectors.port import Delivery
from collectors.registry import build
from meterbook import telemetry
from meterbook.books.database import Books
from meterbook.domain.device import Device, MqttConnection, MqttPoint, MqttTopic, PointSpec
from meterbook.domain.instant import SECOND, Instant
from meterbook.domain.reading import Receipt
from meterbook.pipeline import Pipeline
from meterbook.readings.sqlite import SqliteStore

TOPIC = "hospital/b1/water/pulse"
POINT = "pulse.volume"


def now() -> Instant:
    return time.time_ns() // 1000


class Mortal:
    """An intake behind which the process ends."""

    def __init__(self, pipeline: Pipeline, deliveries: int) -> None:
        self._pipeline = pipeline
        self._left = deliveries

    def offer(self, delivery: Delivery, timeout: float = 0.0) -> bool:
        return self._pipeline.offer(replace(delivery, done=lambda receipt: self._done(delivery, receipt)), timeout)

    def _done(self, delivery: Delivery, receipt: Receipt) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        assert delivery.done is not None
        delivery.done(receipt)


if __name__ == "__main__":
    telemetry.configure(json=False, level="error")  # what it says is not for the log
    port, place, deliveries = int(sys.argv[1]), Path(sys.argv[2]), int((*sys.argv, "0")[3])
    spec = PointSpec("volume", "volume", "delta", "m3")
    device = Device("pulse", "broker", 60 * SECOND, mqtt=MqttTopic(TOPIC, (MqttPoint(spec, "$"),), "plain"))
    connection = MqttConnection("broker", "127.0.0.1", port, "meterbook", "env:PASSWORD")
    site = small_site([device], connections=[connection])
    with (
        closing(Books(f"sqlite:///{place / 'books.db'}")) as books,
        closing(SqliteStore(place / "readings.db")) as store,
    ):
        books.migrate()
        pipeline = Pipeline(site, store, books, now, 1_000)
        pipeline.start()
        intake = Mortal(pipeline, deliveries)
        (collector,) = build(site, intake, now, lambda _name: "a secret of this test", place / "collectors")
        collector.start()
        for _line in sys.stdin:
            print(int(store.read(POINT, 0, 2**62).value.sum()), collector.status().state, flush=True)
        collector.stop()
        pipeline.stop()

"""An intake that keeps what it is given; the pipeline's stands on disk."""

from __future__ import annotations

import threading

from collectors.port import Delivery
from meterbook.domain.reading import Reading, Receipt, Refusal, Sample


class HeldIntake:
    """Collects deliveries. `auto` calls `done` at once; without it the test does, through `commit`."""

    def __init__(self, *, auto: bool = True) -> None:
        self.auto = auto
        self.full = False
        self.broken = False
        self.deliveries: list[Delivery] = []
        self._lock = threading.Lock()

    def offer(self, delivery: Delivery, timeout: float = 0.0) -> bool:
        if self.broken:
            raise RuntimeError("an intake never raises; this one does")
        if self.full:
            return False
        with self._lock:
            self.deliveries.append(delivery)
        if self.auto and delivery.done:
            delivery.done(Receipt(len(delivery.samples), 0, 0))
        return True

    def commit(self) -> None:
        """Tells every delivery so far that it is on disk."""
        for delivery in list(self.deliveries):
            if delivery.done:
                delivery.done(Receipt(len(delivery.samples), 0, 0))

    @property
    def samples(self) -> list[Sample | Reading]:
        return [sample for delivery in list(self.deliveries) for sample in delivery.samples]

    @property
    def refusals(self) -> list[Refusal]:
        return [refusal for delivery in list(self.deliveries) for refusal in delivery.refusals]

    def values(self, point: str) -> list[float | int | str]:
        return [sample.value for sample in self.samples if sample.point == point]

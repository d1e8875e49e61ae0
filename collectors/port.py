"""What collectors hand over and what they ask of the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from meterbook.domain.instant import Instant
from meterbook.domain.reading import Reading, Receipt, Refusal, Sample


@dataclass(frozen=True, slots=True)
class Delivery:
    """What arrived in one piece (a message, a poll, a request, a part of a file).

    `done` is called once, on the writer's thread, after samples and refusals are on disk: acknowledge there. When
    `failed` is called instead, nothing was kept, and the sender must be left to send again. Samples are still to be
    normalised; rows of files and requests come as readings, normalised already.
    """

    source: str
    samples: Sequence[Sample | Reading]
    refusals: Sequence[Refusal] = ()
    done: Callable[[Receipt], None] | None = None
    failed: Callable[[Exception], None] | None = None


class Intake(Protocol):
    """The bounded way in. Implemented by `meterbook.pipeline`."""

    def offer(self, delivery: Delivery, timeout: float = 0.0) -> bool:
        """Queue a delivery; False when there was no room within `timeout` seconds (counted as refused)."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a source is: `state`, since when, and the reason a person can act on."""

    source: str
    state: Literal["starting", "up", "down"]
    since: Instant
    reason: str | None = None
    silent_devices: tuple[str, ...] = field(default=())


class Collector(Protocol):
    """One connection and its devices. Never raises to its caller; what is wrong is in `status`."""

    def start(self) -> None:
        """Begin to collect, in threads of its own."""

    def stop(self) -> None:
        """Stop collecting and return when its threads have ended (a few seconds at most)."""

    def status(self) -> Status:
        """How it is now."""

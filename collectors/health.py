"""How a source is, told once: one log line when it goes and one when it returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collectors.port import Status
from meterbook.domain.instant import Clock
from meterbook.telemetry import SOURCE_UP, log

_log = log("collectors")


class Health:
    """The status of one source. Its collector's thread writes, any thread reads."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._clock = clock
        self._status = Status(source, "starting", clock())
        SOURCE_UP.labels(source).set(0)

    def status(self) -> Status:
        """How it is now."""
        return self._status

    def up(self) -> None:
        """It delivers."""
        if self._status.state == "up":
            return
        self._status = replace(self._status, state="up", since=self._clock(), reason=None)
        SOURCE_UP.labels(self._status.source).set(1)
        _log.info("source up", source=self._status.source)

    def down(self, reason: str) -> None:
        """It does not deliver, for a reason a person can act on; the latest reason is kept."""
        if self._status.state == "down":
            self._status = replace(self._status, reason=reason)
            return
        self._status = replace(self._status, state="down", since=self._clock(), reason=reason)
        SOURCE_UP.labels(self._status.source).set(0)
        _log.warning("source down", source=self._status.source, reason=reason)

    def silent(self, devices: Iterable[str]) -> None:
        """Names the devices that do not answer."""
        self._status = replace(self._status, silent_devices=tuple(sorted(devices)))

"""What a service is told by signals, from its first moment on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import Event
from types import FrameType

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Ctrl-C and SIGTERM end the wait, SIGHUP asks for a reload; what comes before the wait is remembered.

    Made in the main thread, before anything starts.
    """

    def __init__(self) -> None:
        self._done, self._again = Event(), Event()
        for number in HEARD:
            signal.signal(number, self._told)

    def wait(self, reload: Callable[[], object] | None = None) -> None:
        """Wait for Ctrl-C or SIGTERM; SIGHUP calls `reload`."""
        while not self._done.wait(0.2):
            if self._again.is_set() and reload is not None:
                self._again.clear()
                reload()

    def _told(self, number: int, _frame: FrameType | None) -> None:
        (self._again if number == signal.SIGHUP else self._done).set()


def until_told() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    Signals().wait()

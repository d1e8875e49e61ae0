"""Waiting for a connection, until it can be read or written or another thread rings."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress


class Doorbell:
    """Waits on one thread; any thread rings. No descriptor is too high for it."""

    def __init__(self) -> None:
        self._inside, self._outside = socket.socketpair()
        self._outside.setblocking(False)
        self._lock = threading.Lock()
        self._closed = False
        self._connection = -1
        self._interest = selectors.EVENT_READ
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inside, selectors.EVENT_READ)

    def watch(self, connection: int) -> None:
        """From here on waits for the connection with this descriptor, too."""
        self._connection = connection
        self._selector.register(connection, self._interest)

    def wait(self, seconds: float, *, to_write: bool) -> None:
        """Returns when there is something to read, room `to_write`, a ring, or `seconds` have passed."""
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if to_write else 0)
        if interest != self._interest:
            self._selector.modify(self._connection, interest)
            self._interest = interest
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._inside:
                self._inside.recv(4096)

    def ring(self) -> None:
        """Ends the wait at hand, or the next; nothing happens once it is closed."""
        with self._lock:
            # Behind the lock, since another connection could have been given the descriptor of a closed pair.
            if not self._closed:
                with suppress(BlockingIOError):  # so many rings wait that one more changes nothing
                    self._outside.send(b"\0")

    def close(self) -> None:
        """Before the connection that is watched is closed."""
        self._selector.close()
        with self._lock:
            self._closed = True
            self._inside.close()
            self._outside.close()

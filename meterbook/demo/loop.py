"""An asyncio loop in a thread of its own, for the simulated field beside a service that knows nothing of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds that running tasks get to end."""


class LoopThread:
    """Runs coroutines for callers in other threads. Use it as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo-field", daemon=True)

    def __enter__(self) -> LoopThread:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._settle(), timeout=5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T], timeout: float = 10.0) -> T:
        """What `work` returns or raises; TimeoutError after `timeout` seconds."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def _settle(self) -> None:
        """Let conversations end by themselves, so that they close their sockets; what then still runs is cancelled."""
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if others:
            _, stubborn = await asyncio.wait(others, timeout=_PATIENCE)
            for task in stubborn:
                task.cancel()
            await asyncio.gather(*stubborn, return_exceptions=True)
        # amqtt leaves the sockets of clients it has dropped to the garbage collector; asyncio names them only here.
        for transport in list(getattr(asyncio.get_running_loop(), "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0)

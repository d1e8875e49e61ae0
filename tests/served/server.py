"""The world behind an address: uvicorn in a thread, on a free port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from peers.waiting import eventually
from playwright.sync_api import Page
from served.world import PASSWORD, World, app_of, served


class Served:
    """The world behind an address."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url

    def sign_in(self, page: Page, name: str) -> None:
        """Log in through the form."""
        page.goto(f"{self.url}/login")
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)


@contextmanager
def listening(directory: Path) -> Iterator[Served]:
    """A served hospital."""
    with served(directory) as world:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app_of(world.rooms), log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        eventually(lambda: server.started)
        try:
            yield Served(world, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(10)
            listener.close()

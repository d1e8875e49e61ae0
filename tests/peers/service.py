"""A Meterbook of its own process: `meterbook run` on a site directory, asked through its API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from peers.commands import typed
from peers.ports import free_port
from peers.waiting import eventually


class MeterbookProcess:
    """`meterbook run SITE` with its data in `data`; it can be killed and started again."""

    def __init__(self, site: Path, data: Path, secrets: Mapping[str, str]) -> None:
        self.site, self.data, self.port = site, data, free_port()
        self._environment = {**os.environ, **secrets}
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    def __enter__(self) -> MeterbookProcess:
        self.command("user", "add", "boss", "--role", "admin")
        self.token = self.command("user", "token", "boss").strip()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(signal.SIGTERM)

    def command(self, *arguments: str) -> str:
        """Run another command on the same data, beside the service; what it wrote on stdout."""
        done = typed(*arguments, "--data", self.data)
        assert done.code == 0, done.told
        return done.out

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, return when it answers."""
        with (self.data / "service.log").open("ab") as log:
            arguments = ["run", str(self.site), "--data", str(self.data), "--port", str(self.port)]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "meterbook.cli", *arguments], env=self._environment, stdout=log, stderr=log
            )
        if wait:
            eventually(self._answers, 60)

    def end(self, number: signal.Signals) -> int | None:
        """Send a signal and wait for the end; its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.process = None
        return code

    def get(self, path: str) -> Any:
        """The JSON answer to GET /api/v1`path`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return orjson.loads(answer.read())

    def log(self) -> str:
        """What it has logged so far."""
        return (self.data / "service.log").read_text()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).close()
        except (OSError, urllib.error.URLError):
            return False
        return True

"""A real VictoriaMetrics (Debian's package), which takes lines at `/api/v2/write` as InfluxDB 2 does."""

from __future__ import annotations

import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from peers.ports import free_port
from peers.waiting import eventually

MISSING = None if shutil.which("victoria-metrics") else "victoria-metrics is not installed"
"""Why there can be no VictoriaMetrics, or None."""


class VictoriaMetrics:
    """A server on a free port."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._directory = directory
        self._command = [
            "victoria-metrics",
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={directory}",
            "-retentionPeriod=100y",
            "-memory.allowedBytes=64MB",
        ]

    def __enter__(self) -> VictoriaMetrics:
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "victoria.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        eventually(self._answers, 30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(60)

    def series(self, match: str) -> list[dict[str, Any]]:
        """Everything stored of the series that match: labels in `metric`, `values`, `timestamps` in milliseconds."""
        self._get("/internal/force_flush")
        asked = urllib.parse.urlencode({"match[]": match})
        return [orjson.loads(line) for line in self._get(f"/api/v1/export?{asked}").splitlines()]

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return bytes(answer.read())

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._directory / "victoria.log").read_text()
        try:
            return self._get("/health") == b"OK"
        except (OSError, urllib.error.URLError):
            return False

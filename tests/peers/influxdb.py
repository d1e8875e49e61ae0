"""A real InfluxDB 1 (Debian's package) on a free port, as a process that can be ended and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
from itertools import count
from pathlib import Path
from types import TracebackType

from peers.ports import free_port
from peers.waiting import eventually

from meterbook.readings.fault import Away
from meterbook.readings.influx import Address, Server

MISSING = None if shutil.which("influxd") else "influxdb is not installed"
"""Why there can be no InfluxDB, or None."""

_CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{inner}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  auth-enabled = {auth}
"""


class InfluxDB:
    """An InfluxDB whose databases outlive `stop` and `start` in its directory."""

    def __init__(self, directory: Path, *, auth: bool = False) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._auth = auth
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> InfluxDB:
        self._directory.mkdir(parents=True, exist_ok=True)
        settings = _CONFIGURATION.format(
            inner=free_port(), directory=self._directory, port=self.port, auth=str(self._auth).lower()
        )
        (self._directory / "influxdb.conf").write_text(settings)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen."""
        with (self._directory / "influxdb.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["influxd", "-config", str(self._directory / "influxdb.conf")], stdout=log, stderr=log
            )
        eventually(self._answers, 30)

    def stop(self, *, kill: bool = False) -> None:
        """End it, in good order or as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def address(self, database: str, token: str = "") -> Address:
        """Where a database of it is."""
        return Address(self.url, database, token=token)

    def new_database(self) -> Address:
        """A database of its own, one shard long, so that readings of a century do not make thousands."""
        name = f"test_{next(self._numbers)}"
        self.query(f'CREATE DATABASE "{name}" WITH DURATION INF SHARD DURATION 5200w')
        return self.address(name)

    def query(self, text: str, database: str = "") -> list[dict[str, object]]:
        """The rows of an InfluxQL query."""
        server = Server(self.address(database))
        try:
            return [{**row.tags, **row.columns} for row in server.rows(text)]
        finally:
            server.close()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "influxdb.log").read_text()
        server = Server(self.address(""), timeout=1)
        try:
            return server.version().startswith("1.")
        except Away:
            return False
        finally:
            server.close()

"""A real Mosquitto broker with the settings Meterbook ships, on a free port, for one authenticated user."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType

from peers.ports import free_port
from peers.waiting import eventually

MISSING = next((f"{name} is not installed" for name in ("mosquitto", "mosquitto_pub") if not shutil.which(name)), None)
"""Why there can be no broker, or None."""


class Mosquitto:
    """A broker whose sessions and queues outlive `stop` and `start` in its directory."""

    def __init__(
        self,
        directory: Path,
        user: str = "meterbook",
        password: str = "a secret of this test",
        encryption: str = "",
        more: str = "",
    ) -> None:
        """`encryption` are the lines of a second listener, on `secure_port`; `more` are lines that outdo the others."""
        self.port = free_port()
        self.secure_port = free_port()
        self._encryption = f"listener {self.secure_port} 127.0.0.1\n{encryption}" if encryption else ""
        self._more = more
        self.user = user
        self.password = password
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mosquitto:
        self._directory.mkdir(parents=True, exist_ok=True)
        passwords = self._directory / "passwords"
        subprocess.run(
            ["mosquitto_passwd", "-b", "-c", str(passwords), self.user, self.password], check=True, capture_output=True
        )
        (self._directory / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous false\n"
            f"password_file {passwords}\n"
            "persistence true\n"
            f"persistence_location {self._directory}/\n"
            "autosave_interval 1\n"
            "max_queued_messages 0\n"
            "max_queued_bytes 268435456\n"
            "max_inflight_messages 2000\n"
            f"user {getpass.getuser()}\n" + self._more + self._encryption
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen."""
        log = (self._directory / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                ["mosquitto", "-c", str(self._directory / "mosquitto.conf")], stdout=log, stderr=log
            )
        eventually(self._listens)

    def stop(self, *, kill: bool = False) -> None:
        """End it, in good order or as a power cut would."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def publish(self, topic: str, *payloads: str, retain: bool = False, qos: int = 1) -> None:
        """Publish through mosquitto_pub, one message per payload (no line breaks), and wait for the broker's word."""
        subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-u", self.user, "-P", self.password]
            + ["-t", topic, "-q", str(qos), "-l"]
            + (["-r"] if retain else []),
            input="".join(f"{payload}\n" for payload in payloads).encode(),
            check=True,
            timeout=60,
        )

    def publish_file(self, topic: str, path: Path) -> None:
        """Publish the content of a file as one message, and wait for the broker's word."""
        login = ["-h", "127.0.0.1", "-p", str(self.port), "-u", self.user, "-P", self.password]
        subprocess.run(["mosquitto_pub", *login, "-t", topic, "-q", "1", "-f", str(path)], check=True, timeout=60)

    def log(self) -> str:
        """What it has logged so far."""
        return (self._directory / "mosquitto.log").read_text()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "mosquitto.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

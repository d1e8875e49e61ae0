"""A real PostgreSQL on a socket and a free port of its own; each test gets a fresh database of it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from peers.ports import free_port
from peers.waiting import eventually

VERSION = "15"
_BIN = f"/usr/lib/postgresql/{VERSION}/bin"  # Debian keeps server programs off the PATH
_PATH = f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

MISSING = next(
    (
        f"{name} of PostgreSQL is not installed (Debian: postgresql-{VERSION})"
        for name in ("initdb", "postgres")
        if not shutil.which(name, path=_PATH)
    ),
    None,
)
"""Why there can be no server, or None."""

USER = "meterbook"
PASSWORD = "a secret of: this/test"
_IN_URL = "a%20secret%20of%3A%20this%2Ftest"


class Postgres:
    """A server with one ordinary user, who logs in by password."""

    def __init__(self) -> None:
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="meterbook-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def __enter__(self) -> Postgres:
        # The server refuses to run as root; the directory above pytest's own is closed to everybody else.
        if os.getuid() == 0:
            owner = _somebody()
            os.chown(self._directory, owner.pw_uid, owner.pw_gid)
        try:
            self._initialise()
            self.start()
            with self._administrator() as server:
                server.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def start(self) -> None:
        """Begin to listen."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self._directory}
        settings |= {"fsync": "off"}  # no test cuts this server's power
        command = ["postgres", "-D", str(self._directory / "cluster")]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
                executable=shutil.which("postgres", path=_PATH),
                stdout=log,
                stderr=log,
                **_unprivileged(),
            )
        eventually(self._answers, 30)

    def stop(self) -> None:
        """End every connection and the server."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    @contextmanager
    def database(self, options: str = "ENCODING 'UTF8'") -> Iterator[str]:
        """The URL of a new database that belongs to the user; dropped at the end."""
        self._made += 1
        name = f"books_{self._made}"
        with self._administrator() as server:
            server.execute(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE template0 {options}")
        try:
            yield f"postgresql://{USER}:{_IN_URL}@127.0.0.1:{self.port}/{name}"
        finally:
            with self._administrator() as server:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def _administrator(self) -> Iterator[psycopg.Connection]:
        where = f"host={self._directory} port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            yield connection

    def _initialise(self) -> None:
        command = ["initdb", "-D", str(self._directory / "cluster"), "-U", "postgres", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256"]
        done = subprocess.run(
            command, executable=shutil.which("initdb", path=_PATH), capture_output=True, text=True, **_unprivileged()
        )
        assert done.returncode == 0, done.stderr

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "log").read_text()
        try:
            with self._administrator():
                return True
        except psycopg.OperationalError:
            return False


def _somebody() -> pwd.struct_passwd:
    """An unprivileged user of this machine."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _unprivileged() -> dict[str, Any]:
    """Arguments of subprocess that lay down root's rights."""
    if os.getuid() != 0:
        return {"cwd": "/"}
    somebody = _somebody()
    return {"cwd": "/", "user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}

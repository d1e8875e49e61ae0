"""config/mosquitto/mosquitto.conf in a real Mosquitto: nobody without a name, nothing dropped while we are away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house.sources import ROOT
from peers.ports import free_port
from peers.waiting import eventually

if not shutil.which("mosquitto") or not shutil.which("mosquitto_pub"):
    pytest.skip("mosquitto and mosquitto-clients are not installed", allow_module_level=True)

DEFAULT_QUEUE = 1_000
"""What Mosquitto keeps for an absent subscriber when nobody tells it otherwise."""


@pytest.fixture
def settings(tmp_path: Path) -> tuple[Path, int]:
    """The shipped file with this test's port and paths, and the port."""
    port, passwords, kept = free_port(), tmp_path / "passwords", tmp_path / "kept"
    kept.mkdir()
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "meterbook", "a secret"], check=True)
    text = (ROOT / "config/mosquitto/mosquitto.conf").read_text(encoding="utf-8")
    changes = {
        "listener 1883": f"listener {port} 127.0.0.1",
        "/run/secrets/mosquitto_passwords": str(passwords),
        "/mosquitto/data/": f"{kept}/",
    }
    for before, after in changes.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    if os.geteuid() == 0:
        text += "\nuser root\n"  # else it becomes `mosquitto`, who may not look into this test's folder
    path = tmp_path / "mosquitto.conf"
    path.write_text(text, encoding="utf-8")
    return path, port


def listens(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "mosquitto refused the shipped settings"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def broker(path: Path, port: int) -> Iterator[None]:
    """A broker on these settings; ended in order, so that it writes down what waits."""
    process = subprocess.Popen(["mosquitto", "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(process, port))
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def client(program: str, port: int, *options: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [program, "-h", "127.0.0.1", "-p", str(port), "-t", "meters/one", "-q", "1", *options]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


KNOWN = ("-u", "meterbook", "-P", "a secret")


def test_nobody_gets_in_without_a_name(settings: tuple[Path, int]) -> None:
    path, port = settings
    with broker(path, port):
        assert client("mosquitto_pub", port, "-m", "1").returncode != 0
        assert client("mosquitto_pub", port, "-m", "1", "-u", "meterbook", "-P", "a guess").returncode != 0
        assert client("mosquitto_pub", port, "-m", "1", *KNOWN).returncode == 0


def test_everything_waits_for_an_absent_subscriber_even_over_a_restart(settings: tuple[Path, int]) -> None:
    path, port = settings
    sent = [f'{{"volume_m3": {number}}}' for number in range(DEFAULT_QUEUE + 1_500)]
    session = ("-c", "-i", "meterbook", *KNOWN)
    with broker(path, port):
        assert client("mosquitto_sub", port, "-E", *session).returncode == 0
        assert client("mosquitto_pub", port, "-l", *KNOWN, text="\n".join(sent)).returncode == 0
    with broker(path, port):
        kept = client("mosquitto_sub", port, "-C", str(len(sent)), "-W", "20", *session)
    assert kept.stdout.splitlines() == sent

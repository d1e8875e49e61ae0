"""Signals that come before the service waits for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers.waiting import eventually

from meterbook.wiring.signals import HEARD, Signals

SITE = "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\nspaces: [{id: campus, name: C}]\n"
METERS = "meters: [{id: W, utility: water, entry: manual}]\n"
EARLY = """
import os, signal, sys
from meterbook.wiring import service

class Struck(service.Service):
    def start(self):
        for number in {numbers}:
            os.kill(os.getpid(), number)
        super().start()
        print("started", flush=True)

    def reload(self):
        print("reloaded", flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

service.Service = Struck
from meterbook.cli import app
app(sys.argv[1:])
"""


@pytest.fixture
def restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HEARD}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_told_before_the_wait_counts(number: signal.Signals) -> None:
    signals = Signals()
    reloads: list[int] = []
    os.kill(os.getpid(), signal.SIGHUP)
    signals.wait(lambda: (reloads.append(1), os.kill(os.getpid(), number)))
    assert reloads == [1]
    again = Signals()
    os.kill(os.getpid(), number)
    again.wait(lambda: reloads.append(2))
    assert reloads == [1]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [("[signal.SIGHUP]", ["started", "reloaded"]), ("[signal.SIGTERM]", ["started"])],
    ids=["SIGHUP", "SIGTERM"],
)
def test_a_signal_during_the_start_is_remembered(tmp_path: Path, numbers: str, said: list[str]) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.yaml").write_text(SITE, encoding="utf-8")
    (site / "meters.yaml").write_text(METERS, encoding="utf-8")
    command = ["run", str(site), "--data", str(tmp_path / "data"), "--only", "alerts"]
    process = subprocess.Popen(
        [sys.executable, "-c", EARLY.format(numbers=numbers), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: process.poll() is not None, 60)
    finally:
        process.kill()
        out, errors = process.communicate()
    assert (process.returncode, out.split()) == (0, said), errors

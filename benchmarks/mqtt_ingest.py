"""How fast messages become durable and queryable, as a ratio to a program that only receives them.

Both drain the same backlog: 20,000 QoS 1 messages that wait in a local Mosquitto for a persistent session. One is a
bare paho client that counts; the other is Meterbook's collector, pipeline and SQLite store in one process, and its
time ends when the last reading can be read back. They take turns, so that a busy machine slows both. The budget is a
ratio of at least 0.8. A third run drains messages of ten readings each: 50,000 readings/s. Everything stays on
127.0.0.1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from collectors import registry
from meterbook import telemetry
from meterbook.books.database import Books
from meterbook.domain.instant import SECOND, Instant, iso
from meterbook.domain.site import Site
from meterbook.pipeline import Pipeline
from meterbook.readings.sqlite import SqliteStore
from meterbook.site.load import load

MESSAGES = 20_000
DEVICES = 20
ROUNDS = 5
BUDGET = 0.8
TEN = 10
BUDGET_TENS = 50_000
PATIENCE = 120.0
BEGIN: Instant = 1_780_000_000 * SECOND

SITE = """site: {id: bench, name: {zh: 测速, en: Bench}, timezone: Asia/Shanghai, currency: CNY}
spaces: [{id: campus, name: {zh: 院区, en: Campus}}]
"""
DEVICE = """  - id: meter-{number}
    connection: broker
    space: campus
    every: 60s
    mqtt:
      topic: bench/meter-{number}
      points:
        volume: {{value: "{value}", at: "{at}", kind: counter, quantity: volume, unit: m3}}
"""
PATHS = {1: ("$.volume_m3", "$.ts"), TEN: ("$.log[*].volume_m3", "$.log[*].ts")}
"""Where value and instant stand in a message, by the readings in it."""
METER = "  - {{id: water-{number}, utility: water, reads: meter-{number}.volume, space: campus}}\n"


def now() -> Instant:
    """The machine's clock: a benchmark is a composition root of its own."""
    return time.time_ns() // 1_000


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A Mosquitto on a free port of this machine, with the limits Meterbook ships; yields the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_queued_messages 0\nmax_queued_bytes 1000000000\nmax_inflight_messages 2000\nlog_type none\n"
        + ("user root\n" if os.geteuid() == 0 else "")
    )
    process = subprocess.Popen(["mosquitto", "-c", settings], stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), "mosquitto listens")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def listens(port: int) -> bool:
    """Whether anybody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; exits with what was waited for when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"bench: waited {PATIENCE:.0f} s in vain until {what}")
        time.sleep(0.02)


def payload(number: int, size: int) -> str:
    """A message of `size` readings; those of a device follow each other by the second."""
    first = number // DEVICES * size
    readings = [
        f'{{"volume_m3": {(first + offset) / 100}, "ts": "{iso(BEGIN + (first + offset) * SECOND)}"}}'
        for offset in range(size)
    ]
    return readings[0] if size == 1 else f'{{"log": [{", ".join(readings)}]}}'


def publish(port: int, size: int) -> None:
    """Publish the backlog and return when the broker has all of it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="publisher")
    client.max_inflight_messages_set(2_000)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [
        client.publish(f"bench/meter-{number % DEVICES}", payload(number, size), qos=1) for number in range(MESSAGES)
    ]
    for message in sent:
        message.wait_for_publish(PATIENCE)
    client.disconnect()
    client.loop_stop()


class Bare:
    """A paho client that counts messages and keeps nothing."""

    def __init__(self, port: int) -> None:
        self._subscribed, self._complete = threading.Event(), threading.Event()
        self._left = MESSAGES
        self._port = port
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bare", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe("bench/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._count

    def _count(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._complete.set()

    def open_session(self) -> None:
        """Subscribe and go away, so that the broker keeps what comes."""
        self._run(self._subscribed)

    def drain(self) -> None:
        """Receive the backlog."""
        self._run(self._complete)

    def _run(self, event: threading.Event) -> None:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        if not event.wait(PATIENCE):
            sys.exit(f"bench: the bare receiver still waits for {self._left} messages")
        self._client.disconnect()
        self._client.loop_stop()


class Whole:
    """Meterbook from the socket to the file, in this process."""

    def __init__(self, port: int, folder: Path, size: int) -> None:
        """`size` is how many readings a message holds."""
        self._size = size
        self._site = site(port, folder / "site", size)
        self._store = SqliteStore(folder / "readings.db")
        self._books = Books(f"sqlite:///{folder / 'books.db'}")
        self._books.migrate()
        self._pipeline = Pipeline(self._site, self._store, self._books, now, 10_000)
        self._last = BEGIN + (MESSAGES // DEVICES * size - 1) * SECOND

    def open_session(self) -> None:
        """Subscribe and go away, so that the broker keeps what comes."""
        with self._collecting() as is_up:
            until(is_up, "the collector is up")

    def drain(self) -> None:
        """Receive, store and be able to read back the backlog."""
        self._pipeline.start()
        with self._collecting():
            until(self._queryable, "every message is stored")

    @contextmanager
    def _collecting(self) -> Iterator[Callable[[], bool]]:
        collectors = registry.build(self._site, self._pipeline, now, lambda _: "")
        for collector in collectors:
            collector.start()
        try:
            yield lambda: all(collector.status().state == "up" for collector in collectors)
        finally:
            for collector in collectors:
                collector.stop()

    def _queryable(self) -> bool:
        # Asked often, so it asks for the last message alone before it counts them all.
        points = [f"meter-{number}.volume" for number in range(DEVICES)]
        latest = self._store.latest(points[-1:])
        if not latest or latest[points[-1]].at < self._last:
            return False
        return sum(len(self._store.read(point, BEGIN, self._last + 1)) for point in points) == MESSAGES * self._size

    def close(self) -> None:
        """End the writer and let go of the files."""
        self._pipeline.stop()
        self._store.close()
        self._books.close()


def site(port: int, directory: Path, size: int) -> Site:
    """A site of water meters behind this broker."""
    directory.mkdir()
    (directory / "site.yaml").write_text(SITE, encoding="utf-8")
    connection = f"connections: [{{id: broker, mqtt: {{host: 127.0.0.1, port: {port}}}}}]\n"
    value, at = PATHS[size]
    devices = "".join(DEVICE.format(number=number, value=value, at=at) for number in range(DEVICES))
    (directory / "devices.yaml").write_text(f"{connection}devices:\n{devices}")
    meters = "".join(METER.format(number=number) for number in range(DEVICES))
    (directory / "meters.yaml").write_text(f"meters:\n{meters}")
    loaded = load(directory)
    if loaded.site is None:
        sys.exit(f"bench: its own site is broken: {loaded.problems}")
    return loaded.site


def timed(contender: Bare | Whole, port: int, size: int = 1) -> float:
    """Messages per second at which a contender drains the backlog."""
    contender.open_session()
    publish(port, size)
    begin = time.monotonic()
    contender.drain()
    return MESSAGES / (time.monotonic() - begin)


def measure(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Rates round by round: messages/s of the bare receiver and of Meterbook, and readings/s in messages of ten."""
    bare, whole, tens = [], [], []
    for turn in range(ROUNDS):
        here = folder / str(turn)
        here.mkdir()
        with broker(here) as port:
            bare.append(timed(Bare(port), port))
        whole.append(durable(here / "one", 1))
        tens.append(TEN * durable(here / "ten", TEN))
    return bare, whole, tens


def durable(folder: Path, size: int) -> float:
    """Messages per second that Meterbook has on disk and can be asked for."""
    folder.mkdir()
    with broker(folder) as port:
        contender = Whole(port, folder, size)
        try:
            return timed(contender, port, size)
        finally:
            contender.close()


def main() -> int:
    """Measure, print the table, and answer 1 when the budget is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not shutil.which("mosquitto"):
        sys.exit("bench: mosquitto is not installed; mqtt_ingest cannot be measured")
    telemetry.configure(json=False, level="warning")
    with tempfile.TemporaryDirectory() as folder:
        bare, whole, tens = measure(Path(folder))
    ratios = [after / before for before, after in zip(bare, whole, strict=True)]
    table = Table("what", *(f"round {turn + 1}" for turn in range(ROUNDS)), "median", title="MQTT QoS 1, messages/s")
    rows = (("bare paho receiver", bare), ("durable and queryable", whole), ("readings/s, ten a message", tens))
    for what, rates in rows:
        table.add_row(what, *(f"{rate:,.0f}" for rate in [*rates, statistics.median(rates)]))
    table.add_row("ratio", *(f"{ratio:.2f}" for ratio in [*ratios, statistics.median(ratios)]))
    kept = statistics.median(ratios) >= BUDGET and statistics.median(tens) >= BUDGET_TENS
    console = Console(width=110)
    console.print(table)
    budget = f"a ratio of {BUDGET:.2f} and {BUDGET_TENS:,} readings/s in messages of ten"
    console.print(f"budget: {budget}, {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

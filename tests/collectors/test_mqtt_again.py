"""What a broker sends again after the collector has ended is the same amount, not another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from peers import collecting, mosquitto
from peers.mosquitto import Mosquitto
from peers.waiting import eventually

from collectors.mqtt.arrivals import BEFORE_THE_END, SPARE, UNDER_WAY, Arrivals
from collectors.mqtt.journal import Journal
from collectors.mqtt.packets import Publish
from meterbook.domain.instant import DAY, SECOND

NOW = 20_000 * DAY


def came(mid: int, payload: bytes = b"1", *, again: bool = False) -> Publish:
    return Publish(b"t", payload, mid, False, again, len(payload))


def arrivals_of(path: Path) -> Arrivals:
    arrivals = Arrivals(Journal(path))
    arrivals.load()
    return arrivals


class Collecting:
    """The process of `peers.collecting`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def asked(self) -> list[str]:
        """How much it has in all, and how its connection is."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()


@contextmanager
def collecting_process(*arguments: object) -> Iterator[Collecting]:
    command = [sys.executable, collecting.__file__, *map(str, arguments)]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=path) as process:
        yield Collecting(process)


@pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")
def test_an_amount_that_was_stored_and_not_acknowledged_counts_once(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        with collecting_process(broker.port, tmp_path, 1) as first:
            eventually(lambda: first.asked()[1] == "up")
            broker.publish(collecting.TOPIC, "1")
            assert first.process.wait(30) == -signal.SIGKILL
        with collecting_process(broker.port, tmp_path) as second:
            eventually(lambda: second.asked()[1] == "up")
            broker.publish(collecting.TOPIC, "2")
            eventually(lambda: int(second.asked()[0]) > 2)
            total = second.asked()[0]
            second.process.communicate(timeout=30)
        assert second.process.returncode == 0
    assert total == "3", "1 before the end, and 2 after it"


def test_arrivals_that_were_kept_are_known_after_the_end(tmp_path: Path) -> None:
    first = arrivals_of(tmp_path / "j")
    instants = [first.at(came(mid), NOW) for mid in (1, 2, 3)]
    first.keep([1, 3])
    second = arrivals_of(tmp_path / "j")
    later = [second.at(came(mid, again=True), NOW + SECOND) for mid in (1, 2, 3)]
    assert (later[0], later[2]) == (instants[0], instants[2])
    assert later[1] >= NOW + SECOND


@pytest.mark.parametrize("cut", range(1, 18))
def test_an_addition_that_was_cut_short_was_never_made(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j"
    arrivals = arrivals_of(path)
    kept, _ = (arrivals.at(came(mid), NOW) for mid in (1, 2))
    arrivals.keep([1])
    arrivals.keep([2])
    path.write_bytes(path.read_bytes()[:-cut])
    after = arrivals_of(path)
    after.at(came(3), NOW + SECOND)
    after.keep([3])
    assert [one.mid for one in Journal(path).read()] == [1, 3]
    assert after.at(came(1, again=True), NOW + 2 * SECOND) == kept


def test_an_id_whose_acknowledgement_arrived_may_mean_an_equal_message(tmp_path: Path) -> None:
    arrivals = arrivals_of(tmp_path / "j")
    instants = [arrivals.at(came(mid), NOW) for mid in (1, 2, 3)]
    arrivals.keep([1, 2, 3])
    arrivals.acknowledged([1], 0.0)
    arrivals.acknowledged([2], 1.0)
    arrivals.ended(UNDER_WAY + 0.5)
    for one in (arrivals, arrivals_of(tmp_path / "j")):
        later = [one.at(came(mid, again=True), NOW + SECOND) for mid in (1, 2, 3)]
        assert later[0] > instants[2], "acknowledged long before the connection ended"
        assert later[1:] == instants[1:]


def test_what_nobody_acknowledged_stays_known_over_connections_that_fail(tmp_path: Path) -> None:
    arrivals = arrivals_of(tmp_path / "j")
    arrived = arrivals.at(came(1), NOW)
    arrivals.acknowledged([1], 0.0)
    for seconds in (1.0, 1_000.0, 2_000.0):
        arrivals.ended(seconds)
    assert arrivals.at(came(1, again=True), NOW + DAY) == arrived


def test_what_arrived_long_before_a_kill_is_not_known_after_it(tmp_path: Path) -> None:
    arrivals = arrivals_of(tmp_path / "j")
    arrivals.at(came(1), NOW)
    latest = arrivals.at(came(2), NOW + BEFORE_THE_END)
    arrivals.keep([1, 2])
    again = arrivals_of(tmp_path / "j")
    assert again.at(came(2, again=True), latest + SECOND) == latest
    assert again.at(came(1, again=True), latest + SECOND) == latest + SECOND


def test_the_journal_does_not_grow_with_the_messages(tmp_path: Path) -> None:
    path = tmp_path / "j"
    arrivals = arrivals_of(path)
    for burst in range(3 * SPARE // 500):
        mids = range(500)
        for mid in mids:
            arrivals.at(came(mid + 1), NOW + burst * SECOND)
        arrivals.keep([mid + 1 for mid in mids])
    found = Journal(path).read()
    assert len(found) <= SPARE + 1_000
    assert {one.mid: one.at for one in found} == {mid + 1: NOW + burst * SECOND + mid for mid in range(500)}


def test_without_a_directory_nothing_is_kept(tmp_path: Path) -> None:
    arrivals = Arrivals(Journal())
    arrivals.load()
    arrivals.at(came(1), NOW)
    arrivals.keep([1])
    arrivals.ended(1.0)
    assert not list(tmp_path.iterdir())

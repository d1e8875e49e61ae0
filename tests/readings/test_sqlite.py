"""What only a store in a file can get wrong: crashes, other processes, files that are not what they should be."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from readings import appender

from meterbook.domain.reading import Outcome, Reading
from meterbook.readings import schema
from meterbook.readings.fault import StoreError
from meterbook.readings.sqlite import SqliteStore

FOR_EVER = 2**62


def child(path: Path, first: int, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, appender.__file__, str(path), str(first), str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def everything(store: SqliteStore) -> dict[int, int]:
    """How many readings there are of each batch, by its number."""
    found: dict[int, int] = {}
    for point in store.points():
        for value in store.read(point, 0, FOR_EVER).value.tolist():
            found[int(value)] = found.get(int(value), 0) + 1
    return found


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "readings.db")
    first.append([Reading("a", 1, 1.0), Reading("b", 2, 2.0)], 9)
    first.append([Reading("a", 1, 3.0)], 10)
    first.close()
    again = SqliteStore(tmp_path / "readings.db")
    assert again.latest() == {"a": Reading("a", 1, 3.0), "b": Reading("b", 2, 2.0)}
    assert len(again.conflicts("a", 0, FOR_EVER)) == 1
    assert again.append([Reading("b", 2, 2.0), Reading("c", 1, 1.0)], 11) == [Outcome.REPEATED, Outcome.ACCEPTED]
    again.close()


def test_a_killed_process_loses_no_batch_it_reported(tmp_path: Path, counts: Callable[[int], int]) -> None:
    path, reported = tmp_path / "readings.db", -1
    for _ in range(counts(300) + 2):
        process = child(path, reported + 1, 10_000)
        assert process.stdout is not None
        for _ in range(random.randint(1, 60)):
            reported = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        reported = int(rest[-1]) if rest else reported
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        store = SqliteStore(path)
        found = everything(store)
        assert set(found.values()) == {appender.SIZE}, "a batch is there whole or not at all"
        assert set(range(reported + 1)) <= set(found), "a reported batch is lost"
        # A batch that was committed and not reported comes again, as a sender would send it again.
        assert set(found) <= set(range(reported + 2))
        store.close()


def test_two_processes_read_while_one_writes(tmp_path: Path) -> None:
    path, batches = tmp_path / "readings.db", 300
    SqliteStore(path).close()
    command = [sys.executable, "-c", READER, str(path), str(batches), str(appender.SIZE)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    writer = child(path, 0, batches)
    written, _ = writer.communicate(timeout=60)
    assert len(written.splitlines()) == batches
    for reader in readers:
        states, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0
        assert int(states) > 2, "the reader saw nothing but the beginning and the end"


READER = """
import sys
from meterbook.readings.sqlite import SqliteStore
store, batches, size = SqliteStore(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
states = set()
while True:
    count = len(store.read("point-0", 0, 2**62))
    assert count % (size // 5) == 0, f"half a batch: {count}"
    states.add(count)
    if count == batches * size // 5:
        break
print(len(states))
"""


def test_threads_read_while_one_writes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "readings.db")
    wrong: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            count = len(store.read("point-1", 0, FOR_EVER))
            if count % (appender.SIZE // 5):
                wrong.append(f"half a batch: {count}")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(100):
        store.append(appender.batch(number), number)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    store.close()


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    for turn in range(10):
        wrong: list[StoreError] = []
        together = threading.Barrier(4)

        def begin(turn: int = turn, wrong: list[StoreError] = wrong, together: threading.Barrier = together) -> None:
            together.wait()
            try:
                SqliteStore(tmp_path / f"{turn}.db").close()
            except StoreError as error:
                wrong.append(error)

        threads = [threading.Thread(target=begin) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_a_locked_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    store = SqliteStore(path, patience=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"readings\.db: database is locked; another process holds the file"):
        store.append([Reading("a", 1, 1.0)], 9)
    other.execute("COMMIT")
    other.close()
    assert store.append([Reading("a", 1, 1.0)], 10) == [Outcome.ACCEPTED]
    store.close()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_half_written_file_is_named_with_the_next_step(tmp_path: Path, share: float) -> None:
    whole, half = tmp_path / "whole.db", tmp_path / "half.db"
    store = SqliteStore(whole)
    store.append([Reading(f"p{number}", number, 1.0) for number in range(2_000)], 9)
    store.close()
    shutil.copy(whole, half)
    os.truncate(half, int(whole.stat().st_size * share))
    with pytest.raises(StoreError, match=r"half\.db: .*(damaged or half-written)"):
        SqliteStore(half).append([Reading("a", 1, 1.0)], 9)


def test_something_else_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.db"
    text.write_text("to do: read the meters\n" * 100)
    with pytest.raises(StoreError, match="damaged or half-written"):
        SqliteStore(text)
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("CREATE TABLE recipes (name)")
    foreign.commit()
    foreign.close()
    with pytest.raises(StoreError, match=r"foreign\.db is a database of something else"):
        SqliteStore(tmp_path / "foreign.db")


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    SqliteStore(path).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"readings\.db was written by a newer Meterbook.*upgrade"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/readings\.db: unable to open.*check that the directory exists"):
        SqliteStore(tmp_path / "nowhere" / "readings.db")


def test_an_instant_out_of_range_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "readings.db")
    with pytest.raises(StoreError):
        store.append([Reading("a", 2**70, 1.0)], 9)
    assert store.points() == []
    store.close()


def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    store = SqliteStore(path)
    store.append([Reading("a", 1, 1.0)], 9)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as older:
        older.execute("DROP TABLE rollups")
        older.execute("PRAGMA user_version = 1")
    for _ in range(2):
        again = SqliteStore(path)
        assert again.latest() == {"a": Reading("a", 1, 1.0)}
        assert len(again.rolled("a", 0, FOR_EVER)) == 0
        again.close()


def test_only_what_is_as_it_was_judged_is_removed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "readings.db")
    store.append([Reading("a", at, float(at)) for at in range(5)], 9)
    judged = store.read("a", 1, 4)
    store.append([Reading("a", 2, 7.0)], 10)
    assert store.remove("a", judged) == 2
    assert store.read("a", 0, FOR_EVER).at.tolist() == [0, 2, 4]
    assert len(store.conflicts("a", 0, FOR_EVER)) == 1
    store.close()

"""From a delivery to readings on disk, an entry in the arrival log and an answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from peers.waiting import eventually
from pipeline.plant import HOT, NOW, VOLUME, litres, plant, temperature, without_rules
from sqlalchemy import text

from collectors.port import Delivery
from meterbook import pipeline as module
from meterbook import telemetry
from meterbook.books import arrivals, quarantine
from meterbook.books.arrivals import Arrival, LatePoint
from meterbook.books.database import Books
from meterbook.domain.instant import DAY, MINUTE, SECOND
from meterbook.domain.reading import IntakeFull, Reading, Receipt, Refusal, Sample
from meterbook.pipeline import NotKept, Pipeline
from meterbook.readings.sqlite import SqliteStore

FOR_EVER = 2**62


@pytest.fixture
def intake(store: SqliteStore, books: Books) -> Iterator[Pipeline]:
    running = Pipeline(plant(), store, books, lambda: NOW, 100)
    running.start()
    yield running
    running.stop()


def logged(books: Books) -> list[Arrival]:
    with books.read() as connection:
        return arrivals.since(connection, 0, 1_000)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the file, as a backup tool may."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


class Sender:
    """Somebody who sends a delivery and hears what became of it, on the writer's thread."""

    def __init__(self, *samples: Sample | Reading, refusals: tuple[Refusal, ...] = ()) -> None:
        self.receipts: list[Receipt] = []
        self.errors: list[Exception] = []
        self.delivery = Delivery("broker", samples, refusals, self.receipts.append, self.errors.append)

    @property
    def answers(self) -> int:
        return len(self.receipts) + len(self.errors)


def test_samples_are_normalised_stored_and_logged(intake: Pipeline, store: SqliteStore, books: Books) -> None:
    receipt = intake.deliver("broker", [litres(-20, 1500), litres(-10, "1501"), temperature(0, 7.5)])
    assert receipt == Receipt(3, 0, 0, [])
    assert store.read(VOLUME, 0, FOR_EVER).value.tolist() == [1.5, 1.501]
    assert logged(books) == [Arrival(1, NOW - 20 * SECOND, NOW, (), NOW)]


def test_an_answer_means_that_it_is_on_disk(tmp_path: Path, intake: Pipeline) -> None:
    seen: list[int] = []

    def look(_: Receipt) -> None:
        other = SqliteStore(tmp_path / "readings.db")
        seen.append(len(other.read(HOT, 0, FOR_EVER)))
        other.close()

    assert intake.offer(Delivery("broker", [temperature(0, 1.0)], done=look))
    eventually(lambda: seen)
    assert seen == [1]


def test_what_came_late_is_named_with_its_range(intake: Pipeline, books: Books) -> None:
    intake.deliver("broker", [temperature(0, 1.0)])
    intake.deliver("broker", [temperature(-3, 1.0), temperature(-1, 1.0), litres(0, 1)])
    intake.deliver("broker", [temperature(-2, 1.0)])
    first, second, third = logged(books)
    assert (first.start, first.end, first.late) == (NOW, NOW, ())
    assert (second.start, second.end) == (NOW, NOW)
    assert second.late == (LatePoint(HOT, NOW - 3 * MINUTE, NOW - MINUTE),)
    assert third[1:4] == (None, None, (LatePoint(HOT, NOW - 2 * MINUTE, NOW - 2 * MINUTE),))


def test_what_is_old_on_arrival_is_late_too(intake: Pipeline, books: Books) -> None:
    # Otherwise one slow clock would stretch the range of every batch over all points.
    intake.deliver("broker", [Reading(HOT, NOW - DAY, 1.0), litres(0, 1)])
    (only,) = logged(books)
    assert only[1:4] == (NOW, NOW, (LatePoint(HOT, NOW - DAY, NOW - DAY),))


def test_lateness_outlives_a_restart(intake: Pipeline, store: SqliteStore, books: Books) -> None:
    intake.deliver("broker", [temperature(0, 1.0)])
    intake.stop()
    again = Pipeline(plant(), store, books, lambda: NOW, 100)
    again.start()
    again.deliver("broker", [temperature(-1, 1.0)])
    again.stop()
    assert logged(books)[-1].late == (LatePoint(HOT, NOW - MINUTE, NOW - MINUTE),)


def test_what_is_sent_again_is_logged_again(intake: Pipeline, store: SqliteStore, books: Books) -> None:
    # The first time may have ended between the store and the log: nobody would ever judge those readings.
    store.append([temperature(-1, 1.0), temperature(0, 1.0)], NOW)
    receipt = intake.deliver("broker", [temperature(-1, 1.0), temperature(0, 1.0)])
    assert receipt == Receipt(0, 2, 0, [])
    (only,) = logged(books)
    covered = [(late.start, late.end) for late in only.late] or [(only.start, only.end)]
    assert covered == [(NOW - MINUTE, NOW)]


def test_a_conflict_is_counted_and_logged_where_it_lies(intake: Pipeline, books: Books) -> None:
    intake.deliver("broker", [temperature(-1, 1.0), temperature(0, 1.0)])
    assert intake.deliver("broker", [temperature(-1, 2.0)]) == Receipt(0, 0, 1, [])
    assert logged(books)[-1].late == (LatePoint(HOT, NOW - MINUTE, NOW - MINUTE),)


def test_more_late_points_than_can_be_named_widen_the_range() -> None:
    extent = module._Extent()
    extent.add(500)
    for number in range(module.LATE_POINTS):
        extent.add_late(f"p{number}", number - 10)
        extent.add_late(f"p{number}", number)
    assert extent.bounded() is extent
    extent.add_late("one more", 1_000)
    assert extent.bounded() == module._Extent(-10, 1_000)


def test_refusals_go_to_quarantine_with_the_reason(intake: Pipeline, store: SqliteStore, books: Books) -> None:
    before = telemetry.QUARANTINED.labels("broker")._value.get()
    unreadable = Refusal("broker", "plant/water", "not JSON", "}{", NOW)
    receipt = intake.deliver("broker", [litres(0, "warm"), litres(1, 7)], [unreadable])
    assert receipt.accepted == 1
    assert [refusal.subject for refusal in receipt.refused] == ["plant/water", VOLUME]
    with books.read() as connection:
        assert quarantine.counts(connection) == {"broker": 2}
        assert [refusal.content for refusal in quarantine.latest(connection, 10)] == ["warm", "}{"]
    assert telemetry.QUARANTINED.labels("broker")._value.get() == before + 2


def test_refusals_alone_are_answered_and_log_no_arrival(intake: Pipeline, books: Books) -> None:
    receipt = intake.deliver("broker", [], [Refusal("broker", "plant/water", "not JSON", "}{", NOW)])
    assert (receipt.accepted, len(receipt.refused)) == (0, 1)
    assert logged(books) == []
    assert intake.deliver("broker", []) == Receipt(0, 0, 0, [])


@pytest.mark.parametrize(
    "poison",
    [
        Reading(HOT, NOW, float("nan")),
        Reading(HOT, NOW, float("inf")),
        Sample("plant-water", "volume", 1.0, "yesterday", NOW),  # type: ignore[arg-type]
        Sample("plant-water", "volume", {}, NOW, NOW),  # type: ignore[arg-type]
    ],
)
def test_poison_costs_nobody_else_anything(
    intake: Pipeline, store: SqliteStore, books: Books, poison: Sample | Reading
) -> None:
    receipt = intake.deliver("push", [temperature(-2, 1.0), poison, temperature(-1, 2.0)])
    assert receipt.accepted == 2
    assert len(receipt.refused) == 1
    assert len(store.read(HOT, 0, FOR_EVER)) == 2
    assert intake.trouble is None


def test_a_collector_that_fails_in_done_stops_nothing(intake: Pipeline, store: SqliteStore) -> None:
    def fail(_: Receipt) -> None:
        raise RuntimeError("the socket is gone")

    assert intake.offer(Delivery("broker", [temperature(-1, 1.0)], done=fail))
    assert intake.deliver("broker", [temperature(0, 2.0)]).accepted == 1
    assert len(store.read(HOT, 0, FOR_EVER)) == 2


def test_deliveries_that_wait_are_committed_together(store: SqliteStore, books: Books) -> None:
    intake = Pipeline(plant(), store, books, lambda: NOW, 100)
    senders = [Sender(temperature(-number / 60, 1.0)) for number in range(50)]
    assert all(intake.offer(sender.delivery) for sender in senders)
    intake.start()
    intake.stop()
    assert [sender.receipts for sender in senders] == [[Receipt(1, 0, 0, [])]] * 50
    assert len(logged(books)) == 1


def test_few_large_deliveries_fill_the_intake_as_many_small_ones_do(store: SqliteStore, books: Books) -> None:
    intake = Pipeline(plant(), store, books, lambda: NOW, 100)
    large = Delivery("broker", [temperature(-1, 1.0)] * (100 * module.SAMPLES_EACH))
    assert intake.offer(large)
    assert not intake.offer(Delivery("broker", [temperature(0, 1.0)]))
    intake.start()
    intake.stop()
    assert intake._samples == 0


def test_a_full_intake_refuses_aloud(store: SqliteStore, books: Books) -> None:
    intake = Pipeline(plant(), store, books, lambda: NOW, 3)
    before = telemetry.REFUSED.labels("broker")._value.get()
    senders = [Sender(temperature(number, 1.0)) for number in range(4)]
    assert [intake.offer(sender.delivery) for sender in senders] == [True, True, True, False]
    assert not intake.offer(senders[3].delivery, timeout=0.02)
    with pytest.raises(IntakeFull, match="3 deliveries wait"):
        intake.deliver("push", [temperature(9, 1.0)])
    assert telemetry.REFUSED.labels("broker")._value.get() == before + 2
    waiting = threading.Timer(0.05, intake.start)
    waiting.start()
    assert intake.offer(senders[3].delivery, timeout=10), "room came while it waited"
    waiting.join()
    intake.stop()
    assert [sender.answers for sender in senders] == [1] * 4


def test_stop_writes_what_waits_and_takes_nothing_more(intake: Pipeline, store: SqliteStore) -> None:
    senders = [Sender(temperature(-number / 60, 1.0)) for number in range(30)]
    assert all(intake.offer(sender.delivery) for sender in senders)
    intake.stop()
    assert [sender.answers for sender in senders] == [1] * 30
    assert len(store.read(HOT, 0, FOR_EVER)) == 30
    late = Sender(temperature(0, 1.0))
    assert not intake.offer(late.delivery)
    assert late.answers == 0


def test_a_store_that_cannot_write_leaves_everything_to_the_sender(
    tmp_path: Path, intake: Pipeline, books: Books
) -> None:
    with locked(tmp_path / "readings.db"):
        sender = Sender(temperature(0, 1.0))
        assert intake.offer(sender.delivery)
        eventually(lambda: sender.answers)
        assert "locked" in str(sender.errors[0])
        assert "readings cannot be stored" in str(eventually(lambda: intake.trouble))
        assert logged(books) == []
        with pytest.raises(NotKept, match="send it again"):
            intake.deliver("push", [temperature(1, 1.0)])
    assert intake.deliver("broker", [temperature(0, 1.0)]).accepted == 1
    eventually(lambda: intake.trouble is None)


def test_books_that_cannot_write_lose_no_arrival(intake: Pipeline, store: SqliteStore, books: Books) -> None:
    rename(books, "arrivals", "away")
    # A sender such as a poll never sends again: what the log owes is written with the next delivery.
    sender = Sender(temperature(-5, 1.0))
    assert intake.offer(sender.delivery)
    eventually(lambda: sender.errors)
    assert len(store.read(HOT, 0, FOR_EVER)) == 1
    rename(books, "away", "arrivals")
    intake.deliver("broker", [temperature(0, 1.0)])
    (only,) = logged(books)
    assert (only.start, only.end) == (NOW - 5 * MINUTE, NOW)


def rename(books: Books, old: str, new: str) -> None:
    with books.write() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_it_is_slow_to_try_again_but_quick_to_stop(tmp_path: Path, intake: Pipeline) -> None:
    with locked(tmp_path / "readings.db"):
        senders = [Sender(temperature(number, 1.0)) for number in range(3)]
        for sender in senders:
            assert intake.offer(sender.delivery)
        eventually(lambda: senders[0].errors)
        intake.stop()
    assert [len(sender.errors) for sender in senders] == [1] * 3


def test_a_reloaded_site_is_taken(intake: Pipeline) -> None:
    site = plant()
    fewer = without_rules(site)
    points = {name: point for name, point in site.points.items() if name != VOLUME}
    intake.swap(type(site)(**{**vars(fewer), "points": points}))
    receipt = intake.deliver("broker", [litres(0, 1)])
    assert receipt.accepted == 0
    assert "has no point volume" in receipt.refused[0].reason


def test_many_threads_lose_and_double_nothing(
    intake: Pipeline, store: SqliteStore, counts: Callable[[int], int]
) -> None:
    each = counts(50_000)

    def send(thread: int) -> None:
        for number in range(each):
            reading = Reading(f"thread-{thread}", NOW + number, 1.0)
            while not intake.offer(Delivery("broker", [reading]), timeout=1.0):
                pass

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    intake.stop()
    assert [len(store.read(f"thread-{thread}", 0, FOR_EVER)) for thread in range(4)] == [each] * 4

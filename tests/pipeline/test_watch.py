"""From the arrival log to incidents and messages, once each, whatever stops in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from peers.waiting import eventually
from pipeline.plant import HOT, NOW, VOLUME, plant, temperature, without_rules

from alerts.decision import Decision
from alerts.engine import Engine
from meterbook.books import arrivals, engine, incidents, outbox
from meterbook.books.arrivals import LatePoint
from meterbook.books.database import Books
from meterbook.domain.incident import Deed, Event, Evidence, Incident, State
from meterbook.domain.instant import DAY, MINUTE, SECOND, Instant
from meterbook.domain.message import Message
from meterbook.domain.reading import Reading, Series
from meterbook.domain.site import Site
from meterbook.readings.sqlite import SqliteStore
from meterbook.watch import BY, Watch


def arrive(store: SqliteStore, books: Books, *readings: Reading) -> None:
    """What the pipeline does with readings that are on time."""
    store.append(readings, NOW)
    with books.write() as connection:
        arrivals.add(connection, min(r.at for r in readings), max(r.at for r in readings), (), NOW)


def hot(store: SqliteStore, books: Books, start: float = 0, value: float = 13.0) -> Instant:
    """Three minutes of temperatures, and volumes so that nothing is silent; returns the instant of the last."""
    for minute in range(4):
        at = temperature(start + minute, value).at
        arrive(store, books, Reading(HOT, at, value), Reading(VOLUME, at, float(minute)))
    return at


def kept(books: Books) -> tuple[list[Incident], list[Message]]:
    with books.read() as connection:
        found = incidents.find(connection, limit=100)[::-1]
        return found, [message for one in found for message in outbox.of_incident(connection, one.id)]


class Scripted:
    """An engine that wants one point, remembers how often it was asked, and says what it is told to."""

    points = frozenset({HOT})

    def __init__(self, *script: Sequence[Decision]) -> None:
        self.script = list(script)
        self.news: list[dict[str, list[float]]] = []
        self.broken = False

    def step(
        self, state: dict[str, Any], news: Mapping[str, Series], now: Instant
    ) -> tuple[dict[str, Any], list[Decision]]:
        if self.broken:
            raise RuntimeError("a fault of the engine")
        self.news.append({point: series.value.tolist() for point, series in news.items()})
        decisions = list(self.script.pop(0)) if self.script else []
        return ({"asked": state.get("asked", 0) + 1} if news or decisions else state), decisions

    def of(self, _: Site) -> Scripted:
        return self


def decision(deed: Deed, late: bool = False, minute: int = 0) -> Decision:
    at = NOW + minute * MINUTE
    assert deed in (Deed.RAISE, Deed.CLEAR)
    return Decision(deed, "chiller-hot", HOT, at, NOW, Evidence(HOT, 13.0, 12.0, "degC"), late)


def test_a_fault_is_raised_told_cleared_and_told_again(store: SqliteStore, books: Books) -> None:
    watch = Watch(plant(), store, books, lambda: NOW, public_url="https://meterbook.example/")
    now = hot(store, books)
    assert watch.turn(now + SECOND) == 1
    ((incident,), (message,)) = kept(books)
    assert (incident.rule, incident.subject, incident.state) == ("chiller-hot", HOT, State.RAISED)
    assert (incident.since, incident.raised) == (NOW, NOW + 2 * MINUTE)
    assert (message.channel, message.address, message.state) == ("log", "log:", "waiting")
    assert "冷机出水温度过高" in message.text
    assert f"https://meterbook.example/incidents/{incident.id}" in message.text
    now = hot(store, books, 4, 9.0)
    assert watch.turn(now + SECOND) == 1
    ((incident,), (_, recovery)) = kept(books)
    assert (incident.state, incident.cleared) == (State.CLEARED, NOW + 4 * MINUTE)
    assert recovery.text.startswith("【恢复】")
    with books.read() as connection:
        assert [(event.deed, event.by) for event in incidents.history(connection, incident.id)] == [
            (Deed.RAISE, BY),
            (Deed.CLEAR, BY),
        ]


def test_silence_is_noticed_without_any_arrival(store: SqliteStore, books: Books) -> None:
    watch = Watch(plant(), store, books, lambda: NOW)
    now = hot(store, books, value=5.0)
    for passed in range(0, 181, 20):
        watch.turn(now + passed * SECOND)
    assert kept(books) == ([], [])
    watch.turn(now + 181 * SECOND)
    ((incident,), (message,)) = kept(books)
    assert (incident.rule, incident.device) == ("meters-silent", "plant-water")
    assert "设备无数据" in message.text


def test_a_restart_tells_nobody_anything_again(tmp_path: Path) -> None:
    for turn in range(3):
        store, books = SqliteStore(tmp_path / "readings.db"), Books(f"sqlite:///{tmp_path}/books.db")
        books.migrate()
        if turn == 0:
            last = hot(store, books)
        now = last + (turn + 1) * SECOND
        watch = Watch(plant(), store, books, lambda now=now: now)
        watch.start()
        (found, messages) = eventually(lambda books=books: all(had := kept(books)) and had)
        if turn:
            watch.turn(now)
        watch.stop()
        assert len(found) == len(messages) == 1
        assert kept(books) == (found, messages)
        books.close()
        store.close()


def test_a_turn_that_cannot_be_written_is_done_again_whole(store: SqliteStore, books: Books, tmp_path: Path) -> None:
    watch = Watch(plant(), store, books, lambda: NOW)
    now = hot(store, books)
    other = sqlite3.connect(tmp_path / "books.db")
    other.execute("CREATE TRIGGER obstacle BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'no post today'); END")
    other.commit()
    with pytest.raises(Exception, match="no post today"):
        watch.turn(now)
    assert kept(books) == ([], [])
    with books.read() as connection:
        assert engine.load(connection) == ({}, 0)
    other.execute("DROP TRIGGER obstacle")
    other.commit()
    other.close()
    assert watch.turn(now) == 1
    assert [len(rows) for rows in kept(books)] == [1, 1]


def test_everything_that_waits_is_judged_in_one_turn(store: SqliteStore, books: Books) -> None:
    # In parts, the water meter whose newer readings still wait in the log would look silent.
    for minute in range(60):
        at = NOW + minute * MINUTE
        arrive(store, books, Reading(HOT, at, 5.0), Reading(VOLUME, at, float(minute)))
    watch = Watch(plant(), store, books, lambda: NOW)
    watch.turn(at + SECOND)
    assert kept(books) == ([], [])


def test_news_are_the_logged_ranges_and_nothing_twice(store: SqliteStore, books: Books) -> None:
    judge = Scripted()
    watch = Watch(plant(), store, books, lambda: NOW, judge.of)
    store.append([temperature(minute, float(minute)) for minute in range(10)], NOW)
    store.append([Reading(VOLUME, NOW, 1.0)], NOW)
    minute = [NOW + number * MINUTE for number in range(10)]
    with books.write() as connection:
        arrivals.add(connection, minute[7], minute[8], (LatePoint(HOT, minute[1], minute[2]),), NOW)
        arrivals.add(connection, None, None, (LatePoint(HOT, minute[2], minute[3]), LatePoint(VOLUME, 0, 1)), NOW)
    watch.turn(NOW)
    with books.write() as connection:
        arrivals.add(connection, minute[5], minute[9], (LatePoint(HOT, minute[4], minute[6]),), NOW)
    watch.turn(NOW)
    watch.turn(NOW)
    assert judge.news == [{HOT: [1.0, 2.0, 3.0, 7.0, 8.0]}, {HOT: [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]}, {}]


def test_many_arrivals_are_followed_to_the_end(store: SqliteStore, books: Books) -> None:
    with books.write() as connection:
        for number in range(2_500):
            last = arrivals.add(connection, NOW + number, NOW + number, (), NOW)
    watch = Watch(plant(), store, books, lambda: NOW, Scripted().of)
    watch.turn(NOW)
    with books.read() as connection:
        assert engine.load(connection) == ({}, last)


def test_one_incident_at_a_time_of_a_rule_and_subject(store: SqliteStore, books: Books) -> None:
    raise_, clear = decision(Deed.RAISE), decision(Deed.CLEAR)
    judge = Scripted([clear], [raise_], [raise_], [clear, raise_], [clear, clear])
    watch = Watch(plant(), store, books, lambda: NOW, judge.of)
    assert [watch.turn(NOW) for _ in range(6)] == [1, 1, 1, 2, 2, 0]
    found, messages = kept(books)
    assert [incident.state for incident in found] == [State.CLEARED, State.CLEARED]
    assert len(messages) == 4


def test_what_is_late_pages_nobody(store: SqliteStore, books: Books) -> None:
    judge = Scripted([decision(Deed.RAISE, late=True)], [decision(Deed.CLEAR, late=True)])
    watch = Watch(plant(), store, books, lambda: NOW, judge.of)
    watch.turn(NOW + DAY)
    watch.turn(NOW + DAY)
    ((incident,), messages) = kept(books)
    assert (incident.late, incident.state, messages) == (True, State.CLEARED, [])


def test_a_recovery_goes_to_those_who_were_told(store: SqliteStore, books: Books) -> None:
    judge = Scripted([decision(Deed.RAISE)], [decision(Deed.CLEAR, minute=3)])
    watch = Watch(plant(("log:", "wecom:crew")), store, books, lambda: NOW, judge.of)
    watch.turn(NOW)
    _, (first, second) = kept(books)
    with books.write() as connection:
        outbox.sent(connection, first.id, NOW)
        outbox.failed(connection, second.id, NOW, "channel wecom is not available yet", None)
    watch.turn(NOW)
    _, messages = kept(books)
    assert [message.address for message in messages] == ["log:", "wecom:crew", "log:"]


def test_what_people_did_meanwhile_stands(store: SqliteStore, books: Books) -> None:
    judge = Scripted([decision(Deed.RAISE)], [decision(Deed.CLEAR)])
    watch = Watch(plant(), store, books, lambda: NOW, judge.of)
    watch.turn(NOW)
    with books.write() as connection:
        incidents.record(connection, 1, Event(Deed.ACK, NOW, NOW, "wang"), 1)
    watch.turn(NOW)
    ((incident,), _) = kept(books)
    assert (incident.state, incident.acknowledged_by) == (State.CLOSED, "wang")


def test_a_reloaded_site_is_judged_by(store: SqliteStore, books: Books) -> None:
    watch = Watch(plant(), store, books, lambda: NOW, Engine)
    now = hot(store, books)
    watch.swap(without_rules(plant()))
    assert watch.turn(now) == 0
    assert kept(books) == ([], [])


def test_what_a_removed_rule_raised_is_cleared(store: SqliteStore, books: Books) -> None:
    watch = Watch(plant(), store, books, lambda: NOW)
    now = hot(store, books)
    watch.turn(now)
    watch.swap(without_rules(plant()))
    watch.turn(now + SECOND)
    ((incident,), _) = kept(books)
    assert (incident.state, incident.cleared) == (State.CLEARED, now + SECOND)
    with books.read() as connection:
        assert incidents.history(connection, incident.id)[-1].note == "the rule is no longer in force"


def test_the_thread_outlives_faults_and_says_so(store: SqliteStore, books: Books) -> None:
    judge = Scripted([decision(Deed.RAISE)])
    judge.broken = True
    watch = Watch(plant(), store, books, lambda: NOW, judge.of)
    watch.start()
    assert "a fault of the engine" in str(eventually(lambda: watch.trouble))
    judge.broken = False
    eventually(lambda: kept(books)[0])
    eventually(lambda: watch.trouble is None)
    watch.stop()

"""Incidents and messages in the books."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from meterbook.books import incidents, outbox
from meterbook.books.database import Books
from meterbook.domain.incident import Deed, Event, Evidence, Incident, NotPossible, Outdated, State
from meterbook.domain.rule import Severity
from meterbook.domain.text import Text

HOT = Incident(
    id=0,
    rule="chiller-hot",
    subject="chiller-1.supply_temperature",
    name=Text("冷机过热", "Chiller hot"),
    severity=Severity.HIGH,
    team="electricians",
    state=State.RAISED,
    since=100,
    raised=700,
    cleared=None,
    acknowledged_by=None,
    space="plant",
    department="logistics",
    device="chiller-1",
    meter=None,
    evidence=Evidence("chiller-1.supply_temperature", 12.7, 12.0, "degC"),
    cause=Text("冷却水不足", "Too little cooling water"),
    action=None,
    late=False,
    revision=1,
)
RAISE = Event(Deed.RAISE, 700, 701, "meterbook")


def ack(by: str) -> Event:
    return Event(Deed.ACK, 800, 801, by, "on my way")


def test_an_incident_comes_back_as_it_was(books: Books) -> None:
    bare = replace(HOT, space=None, department=None, device=None, cause=None, evidence=Evidence(None, None, None, "1"))
    with books.write() as connection:
        full = incidents.add(connection, HOT, RAISE)
        empty = incidents.add(connection, bare, RAISE)
    with books.read() as connection:
        assert incidents.get(connection, full.id) == full == replace(HOT, id=full.id)
        assert incidents.get(connection, empty.id) == empty == replace(bare, id=empty.id)
        assert incidents.get(connection, 99) is None
        assert incidents.history(connection, full.id) == [RAISE]
        assert incidents.history(connection, 99) == []


def test_events_change_it_and_are_kept(books: Books) -> None:
    clear = Event(Deed.CLEAR, 900, 901, "meterbook")
    with books.write() as connection:
        id = incidents.add(connection, HOT, RAISE).id
        acknowledged = incidents.record(connection, id, ack("wang"), 1)
        closed = incidents.record(connection, id, clear, None)
    assert acknowledged == replace(HOT, id=id, state=State.ACKNOWLEDGED, acknowledged_by="wang", revision=2)
    assert closed == replace(acknowledged, state=State.CLOSED, cleared=900, revision=3)
    with books.read() as connection:
        assert incidents.get(connection, id) == closed
        assert incidents.history(connection, id) == [RAISE, ack("wang"), clear]


def test_what_cannot_be_is_not_written(books: Books) -> None:
    with books.write() as connection:
        id = incidents.add(connection, HOT, RAISE).id
        with pytest.raises(Outdated):
            incidents.record(connection, id, ack("wang"), 2)
        with pytest.raises(NotPossible):
            incidents.record(connection, id, Event(Deed.RESOLVE, 1, 1, "wang"), 1)
        with pytest.raises(KeyError):
            incidents.record(connection, 99, ack("wang"), 1)
        assert incidents.history(connection, id) == [RAISE]


@pytest.fixture
def other(url: str, books: Books) -> Iterator[Books]:
    """The same books, opened by somebody else."""
    opened = Books(url)
    yield opened
    opened.close()


def test_of_two_at_once_one_wins(books: Books, other: Books) -> None:
    for _ in range(10):
        with books.write() as connection:
            id = incidents.add(connection, HOT, RAISE).id
        won: list[str] = []
        outdated: list[str] = []
        together = threading.Barrier(2)

        def decide(
            name: str,
            own: Books,
            id: int = id,
            together: threading.Barrier = together,
            won: list[str] = won,
            outdated: list[str] = outdated,
        ) -> None:
            together.wait()
            try:
                with own.write() as connection:
                    incidents.record(connection, id, ack(name), 1)
            except Outdated:
                outdated.append(name)
            else:
                won.append(name)

        threads = [threading.Thread(target=decide, args=pair) for pair in (("wang", books), ("li", other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == len(outdated) == 1
        with books.read() as connection:
            kept = incidents.get(connection, id)
            assert kept is not None
            assert kept.acknowledged_by == won[0]
            assert [event.by for event in incidents.history(connection, id)] == ["meterbook", won[0]]


def test_standing_are_those_whose_condition_holds(books: Books) -> None:
    with books.write() as connection:
        ids = {state: incidents.add(connection, replace(HOT, state=state), RAISE).id for state in State}
        standing = {incident.state: incident.id for incident in incidents.standing(connection)}
    holds = [State.RAISED, State.ACKNOWLEDGED, State.SHELVED, State.SUPPRESSED]
    assert standing == {state: ids[state] for state in holds}


def test_find_narrows_and_pages(books: Books) -> None:
    with books.write() as connection:
        for number in range(6):
            department = ("radiology", "wards", None)[number % 3]
            state = State.RAISED if number < 4 else State.CLOSED
            incidents.add(
                connection, replace(HOT, department=department, state=state, team=f"team-{number % 2}"), RAISE
            )

        def ids(**narrowed: object) -> list[int]:
            wanted = {"states": None, "departments": None, "team": None, "before": None, "limit": 10} | narrowed
            return [incident.id for incident in incidents.find(connection, **wanted)]  # type: ignore[arg-type]

        assert ids() == [6, 5, 4, 3, 2, 1]
        assert ids(limit=2) == [6, 5]
        assert ids(limit=2, before=5) == [4, 3]
        assert ids(states={State.CLOSED}) == [6, 5]
        assert ids(departments={"radiology"}) == [4, 1]
        assert ids(departments=frozenset()) == ids(states=[]) == []
        assert ids(team="team-1", states=[State.RAISED]) == [4, 2]


def test_a_message_waits_is_retried_and_settled(books: Books) -> None:
    with books.write() as connection:
        incident = incidents.add(connection, HOT, RAISE).id
        first = outbox.add(connection, incident, "log", "log:", "zh", "冷机过热", 1_000)
        second = outbox.add(connection, incident, "mailto", "mailto:a@b", "en", "Chiller hot", 1_000)
        assert outbox.due(connection, 999, 10) == []
        assert [message.id for message in outbox.due(connection, 1_000, 10)] == [first, second]
        assert [message.id for message in outbox.due(connection, 1_000, 1)] == [first]
        outbox.sent(connection, first, 1_001)
        outbox.failed(connection, second, 1_001, "busy", 2_000)
        assert outbox.due(connection, 1_999, 10) == []
        (again,) = outbox.due(connection, 2_000, 10)
        assert (again.id, again.tries, again.reason, again.text) == (second, 1, "busy", "Chiller hot")
        outbox.failed(connection, second, 2_001, "gone", None)
        assert outbox.due(connection, 10**18, 10) == []
        told = outbox.of_incident(connection, incident)
    assert [(message.state, message.tries, message.reason) for message in told] == [
        ("sent", 1, None),
        ("failed", 2, "gone"),
    ]


def test_a_message_needs_an_incident(books: Books) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), books.write() as connection:
        outbox.add(connection, 99, "log", "log:", "zh", "…", 1)

"""From the outbox to a channel, until each message is sent or given up: on real books."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from notify.faults import HOT
from peers.waiting import eventually

from meterbook import telemetry
from meterbook.books import incidents, outbox
from meterbook.books.database import Books
from meterbook.books.outbox import Outbox
from meterbook.domain.incident import Deed, Event
from meterbook.domain.instant import MINUTE, SECOND, Instant
from meterbook.domain.message import Message
from meterbook.notify.channels.log import LogChannel
from meterbook.notify.courier import FIRST_WAIT, LONGEST_WAIT, TRIES, Courier
from meterbook.notify.port import Channel, Refused, Sent
from meterbook.notify.recorder import Recorder

NOW: Instant = 1_760_000_000 * SECOND


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(f"sqlite:///{tmp_path}/books.db")
    opened.migrate()
    yield opened
    opened.close()


def write(books: Books, *addresses: str) -> None:
    """Queue a message to each address."""
    with books.write() as connection:
        incident = incidents.add(connection, HOT, Event(Deed.RAISE, NOW, NOW, "meterbook"))
        for address in addresses:
            outbox.add(connection, incident.id, address.partition(":")[0], address, "zh", f"to {address}", NOW)


def kept(books: Books) -> list[Message]:
    with books.read() as connection:
        return outbox.of_incident(connection, 1)


def courier(books: Books, **channels: Channel) -> Courier:
    return Courier(Outbox(books), lambda: NOW, channels)


def outcomes(channel: str) -> dict[str, float]:
    return {
        outcome: telemetry.MESSAGES.labels(channel, outcome)._value.get() for outcome in ("sent", "retried", "failed")
    }


def test_what_is_due_is_sent_once(books: Books) -> None:
    write(books, "log:a", "log:b")
    recorder, before = Recorder(), outcomes("log")
    messenger = courier(books, log=recorder)
    assert messenger.turn(NOW - 1) == 0
    assert messenger.turn(NOW) == 2
    assert messenger.turn(NOW) == 0
    assert [message.text for message in recorder.messages] == ["to log:a", "to log:b"]
    assert [message.state for message in kept(books)] == ["sent", "sent"]
    assert outcomes("log") == before | {"sent": before["sent"] + 2}


def test_a_refused_message_is_tried_again_later_and_later(books: Books) -> None:
    write(books, "log:")
    recorder = Recorder([Refused("busy", retry=True)] * 3)
    messenger, now, waits = courier(books, log=recorder), NOW, []
    while kept(books)[0].state == "waiting":
        assert messenger.turn(now) == 1
        due = kept(books)[0].due
        if due > now:
            assert kept(books)[0].reason == "busy"
            assert messenger.turn(due - 1) == 0
            waits.append(due - now)
            now = due
    assert waits == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    (message,) = kept(books)
    assert (message.state, message.tries, message.reason) == ("sent", 4, None)


def test_tries_are_bounded_and_the_reason_stays(books: Books) -> None:
    write(books, "log:")
    messenger, now, tries = courier(books, log=Recorder([Refused("errcode 93000", retry=True)] * 100)), NOW, 0
    while kept(books)[0].state == "waiting":
        now = max(now, kept(books)[0].due)
        tries += messenger.turn(now)
    assert tries == TRIES
    (message,) = kept(books)
    assert (message.state, message.reason) == ("failed", "errcode 93000")
    assert now - NOW < TRIES * LONGEST_WAIT


def test_what_cannot_help_is_not_tried_again(books: Books) -> None:
    write(books, "log:")
    messenger = courier(books, log=Recorder([Refused("no such group", retry=False)]))
    messenger.turn(NOW)
    (message,) = kept(books)
    assert (message.state, message.tries, message.reason) == ("failed", 1, "no such group")


def test_a_channel_that_is_not_there_is_visible_as_undelivered(books: Books) -> None:
    write(books, "mailto:crew@example.org", "log:")
    recorder, before = Recorder(), outcomes("mailto")
    courier(books, log=recorder).turn(NOW)
    unsent, sent = kept(books)
    assert (unsent.state, unsent.reason) == ("failed", "channel mailto is not available yet")
    assert sent.state == "sent"
    assert outcomes("mailto") == before | {"failed": before["failed"] + 1}


class Broken:
    def send(self, message: Message) -> Sent | Refused:
        raise ConnectionError("no route")


def test_a_channel_that_raises_does_not_silence_the_others(books: Books) -> None:
    write(books, "broken:", "log:")
    recorder = Recorder()
    courier(books, broken=Broken(), log=recorder).turn(NOW)
    waiting, sent = kept(books)
    assert (waiting.state, waiting.due) == ("waiting", NOW + FIRST_WAIT)
    assert "no route" in str(waiting.reason)
    assert sent.state == "sent"


def test_the_log_channel_writes_the_whole_text(books: Books) -> None:
    write(books, "log:")
    with structlog.testing.capture_logs() as lines:
        courier(books, log=LogChannel()).turn(NOW)
    (line,) = [line for line in lines if line["event"] == "message"]
    assert (line["to"], line["text"], line["incident"]) == ("log:", "to log:", 1)


def test_the_thread_sends_and_stops(books: Books) -> None:
    write(books, "log:")
    recorder = Recorder()
    messenger = courier(books, log=recorder)
    messenger.start()
    eventually(lambda: recorder.messages)
    messenger.stop()
    assert messenger.trouble is None
    assert [message.state for message in kept(books)] == ["sent"]


def test_a_restart_sends_nothing_twice(books: Books) -> None:
    write(books, "log:")
    recorder = Recorder()
    courier(books, log=recorder).turn(NOW)
    courier(books, log=recorder).turn(NOW + MINUTE)
    assert len(recorder.messages) == 1

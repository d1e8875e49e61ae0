"""The outbox: messages written in the same transaction as what they tell of, sent afterwards."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, insert, select, update

from meterbook.books.database import Books
from meterbook.books.tables import outbox
from meterbook.domain.instant import Instant
from meterbook.domain.message import Message
from meterbook.domain.text import Language

_FIELDS = [column for column in outbox.c if column.name != "settled"]


def add(
    connection: Connection, incident: int, channel: str, address: str, language: Language, text: str, now: Instant
) -> int:
    """Queue a message that is due at once; returns its id."""
    row: dict[str, object] = {
        "incident": incident,
        "channel": channel,
        "address": address,
        "language": language,
        "text": text,
    }
    row |= {"created": now, "due": now, "tries": 0, "state": "waiting"}
    key: int = connection.execute(insert(outbox).values(row).returning(outbox.c.id)).scalar_one()
    return key


def due(connection: Connection, now: Instant, limit: int) -> list[Message]:
    """Messages to be sent at `now`, those that wait longest first, at most `limit`."""
    query = select(*_FIELDS).where(outbox.c.state == "waiting", outbox.c.due <= now)
    return [
        _message(row) for row in connection.execute(query.order_by(outbox.c.due, outbox.c.id).limit(limit)).mappings()
    ]


def sent(connection: Connection, id: int, now: Instant) -> None:
    """A message has reached its channel."""
    row = {"state": "sent", "reason": None, "settled": now, "tries": outbox.c.tries + 1}
    connection.execute(update(outbox).where(outbox.c.id == id).values(row))


def failed(connection: Connection, id: int, now: Instant, reason: str, retry_at: Instant | None) -> None:
    """A try was refused: wait until `retry_at`, or give the message up where that is None."""
    row: dict[str, object] = {"reason": reason, "tries": outbox.c.tries + 1}
    row |= {"state": "failed", "settled": now} if retry_at is None else {"due": retry_at}
    connection.execute(update(outbox).where(outbox.c.id == id).values(row))


def of_incident(connection: Connection, id: int) -> list[Message]:
    """The messages about an incident, oldest first."""
    query = select(*_FIELDS).where(outbox.c.incident == id).order_by(outbox.c.id)
    return [_message(row) for row in connection.execute(query).mappings()]


def _message(row: RowMapping) -> Message:
    return Message(**row)


class Outbox:
    """The outbox of some books with a transaction for each call, as a courier needs it."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def due(self, now: Instant, limit: int) -> list[Message]:
        """Messages to be sent at `now`, those that wait longest first, at most `limit`."""
        with self._books.read() as connection:
            return due(connection, now, limit)

    def sent(self, id: int, now: Instant) -> None:
        """A message has reached its channel."""
        with self._books.write() as connection:
            sent(connection, id, now)

    def failed(self, id: int, now: Instant, reason: str, retry_at: Instant | None) -> None:
        """A try was refused: wait until `retry_at`, or give the message up where that is None."""
        with self._books.write() as connection:
            failed(connection, id, now, reason, retry_at)

"""Several processes write at once: each stands for itself, with books of its own on the same database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Barrier, Event

import pytest

from meterbook.books import access, arrivals, quarantine
from meterbook.books.database import Books
from meterbook.domain.reading import Refusal

WRITERS = 4
ROUNDS = 30


@pytest.fixture
def crowd(url: str, books: Books) -> Iterator[list[Books]]:
    """`WRITERS` books of one database."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Books(url))) for _ in range(WRITERS)]


def test_who_follows_the_arrival_log_misses_nothing(books: Books, crowd: list[Books]) -> None:
    together, over = Barrier(WRITERS), Event()

    def write(own: Books) -> None:
        together.wait(10)
        for number in range(ROUNDS):
            with own.write() as connection:
                arrivals.add(connection, number, number, (), 1)
                quarantine.add(connection, [Refusal("broker", "topic", "no number", "…", number)])

    def follow() -> list[int]:
        seen = [0]
        while True:
            last_look = over.is_set()
            with books.read() as connection:
                seen += [arrival.sequence for arrival in arrivals.since(connection, seen[-1], 1_000)]
            if last_look:
                return seen[1:]

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        follower = pool.submit(follow)
        try:
            list(pool.map(write, crowd))
        finally:
            over.set()
        followed = follower.result()
    with books.read() as connection:
        assert followed == [arrival.sequence for arrival in arrivals.since(connection, 0, 1_000)]
        assert len(followed) == WRITERS * ROUNDS
        assert quarantine.counts(connection) == {"broker": WRITERS * ROUNDS}


def test_a_name_is_given_once(books: Books, crowd: list[Books]) -> None:
    together = Barrier(WRITERS)

    def enter(own: Books) -> bool:
        together.wait(10)
        try:
            with own.write() as connection:
                access.add_user(connection, "wang", "crew", None, "hash", 1)
        except access.NameTaken:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sorted(pool.map(enter, crowd)) == [False] * (WRITERS - 1) + [True]
    with books.read() as connection:
        assert len(access.users(connection)) == 1

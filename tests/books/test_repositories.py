"""Each repository keeps what it is given and gives it back."""

from __future__ import annotations

import pytest

from meterbook.books import access, arrivals, audit, engine, quarantine
from meterbook.books.access import NameTaken, User
from meterbook.books.arrivals import Arrival, LatePoint
from meterbook.books.database import Books
from meterbook.domain.instant import DAY
from meterbook.domain.reading import Refusal


def test_arrivals_are_followed_in_order(books: Books) -> None:
    late = (LatePoint("a.volume", -5, 7), LatePoint("表.电量", 1, 1))
    with books.write() as connection:
        assert arrivals.last(connection) == 0
        first = arrivals.add(connection, 10, 20, (), 100)
        second = arrivals.add(connection, None, None, late, 101)
    with books.read() as connection:
        assert arrivals.since(connection, 0, 1) == [Arrival(first, 10, 20, (), 100)]
        assert arrivals.since(connection, first, 10) == [Arrival(second, None, None, late, 101)]
        assert arrivals.last(connection) == second


def test_a_sequence_is_never_used_twice(books: Books) -> None:
    with books.write() as connection:
        arrivals.add(connection, 10, 20, (), 100)
        last = arrivals.add(connection, 10, 20, (), 100)
        arrivals.forget(connection, last)
        assert arrivals.since(connection, 0, 10) == []
        assert arrivals.add(connection, 10, 20, (), 101) == last + 1


def test_quarantine_keeps_the_newest_and_counts_all(books: Books) -> None:
    def refusal(number: int) -> Refusal:
        return Refusal("broker", f"topic/{number}", "no number", "…", number)

    with books.write() as connection:
        quarantine.add(connection, [])
        quarantine.add(connection, [refusal(number) for number in range(quarantine.KEPT + 5)])
        quarantine.add(connection, [refusal(-1), Refusal("push", "row 3", "no point", "{}", 7)])
        assert quarantine.counts(connection) == {"broker": quarantine.KEPT + 6, "push": 1}
        newest = quarantine.latest(connection, 3)
        assert [kept.received for kept in newest] == [7, -1, quarantine.KEPT + 4]
        everything = quarantine.latest(connection, 2 * quarantine.KEPT)
        assert len(everything) == quarantine.KEPT
        assert everything[-1].received == 7


def test_quarantine_takes_anything(books: Books) -> None:
    hostile = Refusal("x", "half \ud800 pair", "NUL \0 in it", "long" * 100_000, 1)
    with books.write() as connection:
        quarantine.add(connection, [hostile])
        (kept,) = quarantine.latest(connection, 1)
    assert kept.subject == "half ? pair"
    assert "\0" not in kept.reason
    assert len(kept.content) == quarantine.LONGEST


def test_the_engine_begins_empty_and_remembers(books: Books) -> None:
    with books.write() as connection:
        assert engine.load(connection) == ({}, 0)
        engine.save(connection, {"limit:热": {"since": 2**60, "value": 0.1}}, 5)
        engine.save(connection, {"limit:热": {"since": None}}, 6)
    with books.read() as connection:
        assert engine.load(connection) == ({"limit:热": {"since": None}}, 6)


def test_users_by_name(books: Books) -> None:
    with books.write() as connection:
        wang = access.add_user(connection, "wang", "crew", None, "hash-1", 1)
        li = access.add_user(connection, "li", "department", "radiology", "hash-2", 2)
    with books.read() as connection:
        assert access.user(connection, "wang") == wang == User(wang.id, "wang", "crew", None, False)
        assert access.users(connection) == [li, wang]
        assert access.password_hash(connection, "li") == "hash-2"
        assert access.user(connection, "nobody") is access.password_hash(connection, "nobody") is None
    with pytest.raises(NameTaken, match="wang"), books.write() as connection:
        access.add_user(connection, "wang", "admin", None, "hash-3", 3)


def test_tokens_and_sessions_end(books: Books) -> None:
    with books.write() as connection:
        wang = access.add_user(connection, "wang", "crew", None, "hash", 1)
        access.add_token(connection, wang.id, "for-ever", "grafana", None, 1)
        access.add_token(connection, wang.id, "short", "script", 100, 1)
        access.open_session(connection, wang.id, "cookie", "csrf", 100, 1)
        assert access.user_of_token(connection, "for-ever", 10**18) == wang
        assert access.user_of_token(connection, "short", 99) == wang
        assert access.user_of_token(connection, "short", 100) is None
        assert access.user_of_token(connection, "guess", 1) is None
        assert access.session(connection, "cookie", 99) == (wang, "csrf")
        assert access.session(connection, "cookie", 100) is None
        access.end_session(connection, "cookie")
        assert access.session(connection, "cookie", 99) is None


def test_a_disabled_user_is_out_at_once(books: Books) -> None:
    with books.write() as connection:
        wang = access.add_user(connection, "wang", "crew", None, "hash", 1)
        access.add_token(connection, wang.id, "token", "grafana", None, 1)
        access.open_session(connection, wang.id, "cookie", "csrf", 100, 1)
        access.disable(connection, "wang")
        assert access.user_of_token(connection, "token", 2) is None
        assert access.session(connection, "cookie", 2) is None
        kept = access.user(connection, "wang")
        assert kept is not None
        assert kept.disabled
        with pytest.raises(KeyError):
            access.disable(connection, "nobody")


def test_login_failures_are_counted_per_name_and_forgotten(books: Books) -> None:
    with books.write() as connection:
        for at in (DAY, DAY + 10, DAY + 20):
            access.note_failure(connection, "wang", at)
        access.note_failure(connection, "li", DAY + 20)
        assert access.failures_since(connection, "wang", DAY + 10) == 2
        access.clear_failures(connection, "wang")
        assert access.failures_since(connection, "wang", 0) == 0
        assert access.failures_since(connection, "li", 0) == 1
        access.note_failure(connection, "wang", 3 * DAY)
        assert access.failures_since(connection, "li", 0) == 0


def test_the_audit_trail_pages_backwards(books: Books) -> None:
    with books.write() as connection:
        for number in range(5):
            audit.add(connection, number, "wang", "ack", f"incident {number}", None if number else "first")
        newest = audit.entries(connection, 2)
        assert [entry.subject for entry in newest] == ["incident 4", "incident 3"]
        rest = audit.entries(connection, 10, newest[-1].id)
        assert [entry.detail for entry in rest] == [None, None, "first"]

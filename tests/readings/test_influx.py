"""The wire to InfluxDB: real servers, and a server that answers as badly as they do on a bad day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import influxdb, victoria
from peers.answering import Answer, Answering
from peers.ports import free_port

from meterbook.domain.instant import DAY, parse
from meterbook.domain.reading import Outcome, Quality, Reading
from meterbook.readings.fault import Away, Rejected, StoreError
from meterbook.readings.influx import LINES, Address, Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.line_protocol import name_of, reading_line, series, tag_of
from meterbook.readings.port import Batch, Conflict

NOW = parse("2026-11-01T08:00:00Z")
FOR_EVER = 2**62


@pytest.fixture
def store(influx: influxdb.InfluxDB) -> Iterator[InfluxStore]:
    with closing(InfluxStore(Server(influx.new_database()))) as opened:
        yield opened


def lines(count: int) -> list[str]:
    return [reading_line(series("a.volume"), Reading("a.volume", NOW + number, 1.0)) for number in range(count)]


NAMES = [
    "表 一.电量",
    "a,b=c d.volume",
    "ends with \\",
    "\\",
    "a\\,b\\ c\\=d",
    "100%5C",
    "\"quoted\" 'name'",
    "line\nbreak\t",
]


@pytest.mark.parametrize("name", NAMES)
def test_awkward_names_survive_the_way_there_and_back(store: InfluxStore, name: str) -> None:
    reading = Reading(name, NOW, 12.5)
    assert store.append([reading, Reading("neighbour", NOW, 1.0)], NOW) == [Outcome.ACCEPTED] * 2
    assert store.append([reading._replace(value=13.0)], NOW) == [Outcome.CONFLICT]
    assert store.points() == sorted([name, "neighbour"])
    assert store.before(name, NOW + 1) == store.latest([name])[name] == reading._replace(value=13.0)
    assert store.conflicts(name, 0, FOR_EVER) == [Conflict(name, NOW, 12.5, 0, NOW)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1), min_size=1))
def test_any_name_survives(influx: influxdb.InfluxDB, names: list[str]) -> None:
    with closing(InfluxStore(Server(influx.new_database()))) as store:
        store.append([Reading(name, NOW, 1.0) for name in names], NOW)
        assert store.points() == sorted(set(names))
        assert all(len(store.read(name, NOW, NOW + 1)) == 1 for name in names)


@given(st.text())
def test_tags_are_undone(name: str) -> None:
    if name:
        assert name_of(tag_of(name)) == name


def test_tags_follow_from_the_point_alone_and_fields_are_floats(store: InfluxStore, influx: influxdb.InfluxDB) -> None:
    store.append([Reading("main.active_energy_import_l1", NOW, 5, Quality.ESTIMATED), Reading("W-1", NOW, 7)], NOW)
    database = store.server.address.database
    rows = influx.query('SELECT * FROM "readings"', database)
    assert {(row["point"], row["device"], row["quantity"]) for row in rows} == {
        ("main.active_energy_import_l1", "main", "active_energy"),
        ("W-1", None, None),
    }
    fields = influx.query('SHOW FIELD KEYS FROM "readings"', database)
    assert {row["fieldKey"]: row["fieldType"] for row in fields} == {"value": "float", "quality": "float"}


def test_landing_again_repeats_and_forges_no_conflict(store: InfluxStore) -> None:
    store.append([Reading("a", 1, 5.0)], 1)
    batches = [Batch([Reading("a", 1, 6.0), Reading("a", 1, 7.0)], 10), Batch([Reading("b", 2, 1.0)], 11)]
    assert list(store.land(batches).outcomes) == [Outcome.CONFLICT, Outcome.CONFLICT, Outcome.ACCEPTED]
    superseded = [Conflict("a", 1, 5.0, 0, 10), Conflict("a", 1, 6.0, 0, 10)]
    assert store.conflicts("a", 0, 9) == superseded
    # The power went before the spool knew of it: the same batches land once more.
    assert store.land(batches).outcomes[2] == Outcome.REPEATED
    assert store.conflicts("a", 0, 9) == superseded
    assert store.latest() == {"a": Reading("a", 1, 7.0), "b": Reading("b", 2, 1.0)}


def test_what_is_stored_is_found_wherever_it_lies(store: InfluxStore) -> None:
    scattered = [Reading(f"p{number % 40}", number * 7 * DAY // 3, float(number)) for number in range(400)]
    one_point = [Reading("p1", number * DAY, float(number)) for number in range(1_000, 1_400)]
    for batch in (scattered, one_point):
        assert store.append(batch, NOW) == [Outcome.ACCEPTED] * len(batch)
        assert store.append(batch[::3], NOW) == [Outcome.REPEATED] * len(batch[::3])


def test_what_the_server_refuses_costs_nobody_else(store: InfluxStore, influx: influxdb.InfluxDB) -> None:
    database = store.server.address.database
    influx.query(f'ALTER RETENTION POLICY "autogen" ON "{database}" DURATION 520w SHARD DURATION 26w')
    readings = [Reading("a", NOW + number, 1.0) for number in range(999)]
    old = Reading("a", parse("1999-01-01T00:00:00Z"), 2.0)
    landing = store.land([Batch([*readings[:500], old, *readings[500:]], NOW)])
    assert list(landing.readings) == readings
    (refusal,) = landing.refused
    assert (refusal.subject, refusal.received) == ("a", NOW)
    assert "beyond retention policy" in refusal.reason
    assert refusal.content == reading_line(series("a"), old)
    assert len(store.read("a", NOW, NOW + 999)) == 999
    with pytest.raises(Rejected, match="beyond retention policy"):
        store.append([old], NOW)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_no_line_can_say_is_refused_alone(store: InfluxStore, value: float) -> None:
    landing = store.land([Batch([Reading("a", NOW, value), Reading("", NOW, 1.0), Reading("a", NOW, 1.0)], NOW)])
    assert list(landing.outcomes) == [Outcome.ACCEPTED]
    assert len(landing.refused) == 2
    with pytest.raises(StoreError, match="cannot keep"):
        store.append([Reading("a", NOW, value)], NOW)


def test_the_server_tells_its_runs_apart(tmp_path: Path) -> None:
    with influxdb.InfluxDB(tmp_path) as own, closing(Server(own.address(""))) as server:
        life = server.life()
        assert life
        assert server.life() == life
        own.stop()
        with pytest.raises(Away, match="cannot be reached"):
            server.life()
        own.start()
        assert server.life() not in {None, life}


@pytest.mark.parametrize(
    ("pages", "life"),
    [
        ({"/ready": b'{"status": "ready", "started": "2026"}', "/ping": b'{"process_id": "4711"}'}, "2026"),
        ({"/ping": b'{"process_id": "4711"}'}, "4711"),
        ({"/debug/vars": b'{"system": null}', "/ready": b"[]", "/ping": b"OK"}, None),
        ({}, None),
    ],
)
def test_versions_2_and_3_tell_it_their_own_way(pages: dict[str, bytes], life: str | None) -> None:
    with Answering() as peer, closing(Server(Address(peer.url, "d"))) as server:
        peer.pages = pages
        assert server.life() == server.life() == life


def test_the_server_says_what_it_is(influx: influxdb.InfluxDB) -> None:
    with closing(Server(influx.address("any"))) as server:
        assert server.version().startswith("1.")


@pytest.mark.parametrize(
    ("told", "version", "path"),
    [
        ("1.6.7~rc0", "1.6.7~rc0", "/write?"),
        ("v2.7.1", "2.7.1", "/api/v2/write?"),
        ("3.0.1", "3.0.1", "/api/v2/write?"),
        ("", "2.7.1", "/api/v2/write?"),
    ],
)
def test_each_version_is_written_its_own_way(told: str, version: str, path: str) -> None:
    with Answering(told) as peer, closing(Server(Address(peer.url, "d", "o", "secret"))) as server:
        assert server.version() == version
        assert server.write(lines(2)) == {}
        assert peer.taken == lines(2)
        where, headers = peer.asked[-1]
        assert where.startswith(path)
        assert headers["Authorization"] == "Token secret"
        assert headers["Content-Encoding"] == "gzip"


def test_user_and_password_are_basic_auth(tmp_path: Path) -> None:
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    with influxdb.InfluxDB(tmp_path, auth=True) as real:
        for statement in ("CREATE USER boss WITH PASSWORD 'pass word' WITH ALL PRIVILEGES", "CREATE DATABASE d"):
            with closing(Server(real.address("", "boss:pass word"))) as server:
                assert list(server.rows(statement)) == []
        with closing(InfluxStore(Server(real.address("d", "boss:pass word")))) as store:
            assert store.append([Reading("a", NOW, 1.0)], NOW) == [Outcome.ACCEPTED]
        with closing(InfluxStore(Server(real.address("d", "boss:guess")))) as store:
            with pytest.raises(Away, match=r"does not let us in \(401: .*\); mend storage\.readings\.influxdb\.token"):
                store.append([Reading("a", NOW, 1.0)], NOW)
            with pytest.raises(Away, match="does not let us in"):
                store.server.write(lines(1))


@pytest.mark.parametrize("version", ["1.8.10", "2.7.1"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(401, b'{"message": "unauthorized access"}'), r"let us in \(401: unauthorized access\); mend .*\.token"),
        (
            Answer(404, b'{"error": "bucket not found"}'),
            r"no database d \(bucket not found\); mend .*\.database, or let",
        ),
        (Answer(503, b"<html>over\nloaded</html>"), r"fails \(503: <html>over loaded</html>\); see its log"),
        (Answer(500), r"fails \(500: no reason given\)"),
        (Answer(204, after=60), r"does not answer within 0\.3 s"),
    ],
)
def test_a_fault_names_what_to_mend(version: str, answer: Answer, told: str) -> None:
    with (
        Answering(version, lambda _: answer) as peer,
        closing(Server(Address(peer.url, "d", "o", "secret"), timeout=0.3)) as server,
    ):
        with pytest.raises(Away, match=told) as caught:
            server.write(lines(3))
        assert "secret" not in str(caught.value)
        peer.answer = lambda _: Answer(204)
        assert server.write(lines(3)) == {}


@pytest.mark.parametrize("version", ["1.8.10", "2.7.1"])
@pytest.mark.parametrize(("retry_after", "wait"), [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), (None, None)])
def test_a_server_may_ask_for_patience(version: str, retry_after: str | None, wait: float | None) -> None:
    headers = (("Retry-After", retry_after),) if retry_after else ()
    with (
        Answering(version, lambda _: Answer(429, b"too fast", headers)) as peer,
        closing(Server(Address(peer.url, "d"))) as server,
    ):
        with pytest.raises(Away, match=r"asks us to wait \(429: too fast\)") as caught:
            server.write(lines(1))
        assert caught.value.wait == wait


def test_nobody_at_home() -> None:
    with closing(InfluxStore(Server(Address(f"http://127.0.0.1:{free_port()}", "d")))) as store:
        for ask in (lambda: store.append([Reading("a", NOW, 1.0)], NOW), store.latest, store.server.version):
            with pytest.raises(Away, match=r"cannot be reached \(.*refused\); start it, or mend .*\.url"):
                ask()


def test_something_else_at_home() -> None:
    nobody = r"is no InfluxDB 1, 2 or 3 \(it calls itself 'nginx'\)"
    with (
        Answering("nginx") as peer,
        closing(Server(Address(peer.url, "d"))) as server,
        pytest.raises(Away, match=nobody),
    ):
        server.write(lines(1))


def test_a_missing_database_is_named(influx: influxdb.InfluxDB) -> None:
    with closing(InfluxStore(Server(influx.address("nowhere")))) as store:
        for ask in (lambda: store.append([Reading("a", NOW, 1.0)], NOW), store.latest, store.points):
            with pytest.raises(Away, match="has no database nowhere"):
                ask()
        with pytest.raises(Away, match="has no database nowhere"):
            store.server.write(lines(1))


@pytest.mark.parametrize("version", ["1.8.10", "2.7.1"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_poison_is_found_among_many(version: str, status: int) -> None:
    sent, poison = lines(2 * LINES), (0, 4_999, 7_000)
    bad = {sent[place] for place in poison}

    def answer(written: list[str]) -> Answer:
        return Answer(status, b'{"error": "bad line"}') if bad & set(written) else Answer(204)

    with Answering(version, answer) as peer, closing(Server(Address(peer.url, "d", "o"))) as server:
        refused = server.write(sent)
        assert set(refused) == set(poison)
        assert all("bad line" in reason for reason in refused.values())
        assert sorted(peer.taken) == sorted(set(sent) - bad)


def test_version_2_writing_reaches_a_real_server(tmp_path: Path) -> None:
    if victoria.MISSING:
        pytest.skip(victoria.MISSING)
    with victoria.VictoriaMetrics(tmp_path) as real, closing(Server(Address(real.url, "d", "o", "t"))) as server:
        readings = [Reading(name, NOW + 1_000 * step, step / 4) for name in NAMES for step in range(500)]
        server.write_2("\n".join(reading_line(series(reading.point), reading) for reading in readings))
        found = {name_of(one["metric"]["point"]): one for one in real.series('{__name__="readings_value"}')}
        assert set(found) == set(NAMES)
        for one in found.values():
            assert one["values"] == [step / 4 for step in range(500)]
            assert one["timestamps"] == [NOW // 1_000 + step for step in range(500)]

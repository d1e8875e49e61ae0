"""`meterbook doctor`: what it finds, what it mends, and what it says to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from peers import influxdb
from peers.commands import typed
from peers.influxdb2 import InfluxDB2
from peers.ports import free_port
from peers.wire import Send, Wire

from meterbook.domain.instant import DAY, parse
from meterbook.domain.reading import Reading
from meterbook.readings.influx import Address, Server
from meterbook.readings.influx_setup import examine
from meterbook.readings.port import Batch
from meterbook.readings.spool import Limits, Spool

NOW = parse("2026-11-01T08:00:00Z")


@pytest.fixture
def broker() -> Iterator[int]:
    """The port of a broker that says welcome, and nothing of itself."""

    def answer(piece: bytes, send: Send) -> None:
        if piece[:1] == b"\x10":
            send(b"\x20\x02\0\0")
        elif piece[:1] == b"\x82":
            send(b"\x90\x04" + piece[2:4] + b"\x80\x80")

    with Wire(answer) as listening:
        yield listening.port


@pytest.fixture
def site(tmp_path: Path, broker: int) -> Path:
    """A small site with one broker."""
    directory = tmp_path / "site"
    directory.mkdir()
    (directory / "site.yaml").write_text(
        "site: {id: small, name: {zh: 小, en: Small}, timezone: Asia/Shanghai, currency: CNY, language: en}\n"
        "spaces: [{id: campus, name: {zh: 院区, en: Campus}}]\n"
    )
    (directory / "meters.yaml").write_text("meters: []\n")
    (directory / "devices.yaml").write_text(
        f"connections: [{{id: hall, mqtt: {{host: 127.0.0.1, port: {broker}}}}}]\ndevices: []\n"
    )
    return directory


def doctor(site: Path, *arguments: str, code: int) -> str:
    done = typed("doctor", site, *arguments, COLUMNS="250")
    assert done.code == code, done.told
    return done.told


def with_influx(site: Path, url: str, **more: str) -> None:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    (site / "service.yaml").write_text(f"storage: {{readings: {{influxdb: {{url: '{url}'{extra}}}}}}}\n")


def test_a_healthy_site(site: Path) -> None:
    told = doctor(site, code=0)
    assert "has no mistakes" in told
    assert "MEND" not in told


def test_an_absent_broker_is_named(site: Path) -> None:
    port = free_port()
    (site / "devices.yaml").write_text(f"connections: [{{id: hall, mqtt: {{host: 127.0.0.1, port: {port}}}}}]\n")
    assert f"nothing answers at 127.0.0.1:{port}: Connection refused; start the broker" in doctor(site, code=1)


def test_a_database_is_made_when_asked_for(site: Path, influx: influxdb.InfluxDB) -> None:
    with_influx(site, influx.url, database="made_by_doctor")
    assert "there is no database made_by_doctor; `meterbook doctor SITE --fix` makes it" in doctor(site, code=1)
    assert "database made_by_doctor is there" in doctor(site, "--fix", code=0)
    doctor(site, code=0)
    influx.query('ALTER RETENTION POLICY "autogen" ON "made_by_doctor" DURATION 52w')
    assert "deletes after 8736h0m0s what statements stand on" in doctor(site, code=1)
    assert "does without an end from now on" in doctor(site, "--fix", code=0)
    doctor(site, code=0)


def test_an_absent_server_and_a_missing_secret_are_named(site: Path) -> None:
    with_influx(site, f"http://127.0.0.1:{free_port()}")
    assert "storage.readings.influxdb.url" in doctor(site, code=1)
    with_influx(site, f"http://127.0.0.1:{free_port()}", token="env:NOT_SET_ANYWHERE")
    assert "NOT_SET_ANYWHERE is not set" in doctor(site, code=1)


def test_readings_left_in_the_spool_are_seen(site: Path, influx: influxdb.InfluxDB) -> None:
    spool = Spool(site / "var" / "spool", Limits(1 << 30, DAY))
    spool.append(Batch([Reading("a.volume", NOW, 1.0)], NOW))
    spool.close()
    assert "set storage.readings back and run" in doctor(site, code=1)
    with_influx(site, influx.url, database=influx.new_database().database)
    assert "of storage.spool.max_bytes" in doctor(site, code=0)
    shutil.copy(next((site / "var" / "spool").glob("*.spool")), site / "var" / "spool" / "1-0.damaged")
    assert "has damaged records (1-0.damaged); see to the disk" in doctor(site, code=1)


def test_version_2_gets_bucket_retention_and_mapping() -> None:
    with InfluxDB2() as peer, closing(Server(Address(peer.url, "meters", "hospital", "secret"))) as server:
        assert [one.subject for one in examine(server) if not one.fine] == ["bucket"]
        assert all(one.fine for one in examine(server, fix=True))
        assert [bucket["name"] for bucket in peer.buckets] == ["meters"]
        assert [(one["database"], one["default"]) for one in peer.dbrps] == [("meters", True)]
        peer.buckets[0]["retentionRules"] = [{"type": "expire", "everySeconds": 86_400}]
        peer.dbrps.clear()
        assert [one.subject for one in examine(server) if not one.fine] == ["retention", "mapping"]
        assert all(one.fine for one in examine(server, fix=True))
        assert all(one.fine for one in examine(server))
        assert peer.buckets[0]["retentionRules"] == []
        assert (len(peer.buckets), len(peer.dbrps)) == (1, 1)


def test_an_organisation_that_is_not_there_is_named() -> None:
    with InfluxDB2() as peer, closing(Server(Address(peer.url, "meters", "clinic", "secret"))) as server:
        assert "storage.readings.influxdb.org" in [one.sentence for one in examine(server, fix=True)][-1]

"""The whole demo, started, stopped and started again on one data directory."""

import io
import socket

import orjson
import pytest
from rich.console import Console

from meterbook.demo.ports import free_port
from meterbook.demo.run import run
from meterbook.domain.instant import HOUR, SECOND
from meterbook.settings import Settings
from meterbook.wiring.opening import clock_from, open_archive

DAYS = 9


@pytest.fixture
def screen():
    return io.StringIO()


def start(directory, now, screen, until):
    port = free_port()
    code = run(port, directory, DAYS, clock_from(now), Console(file=screen, width=120), until)
    return code, f"http://127.0.0.1:{port}"


def stored(directory):
    with open_archive(directory, Settings()) as archive:
        latest = archive.store.latest()
        return {point: archive.store.read(point, 0, latest[point].at + 1) for point in latest}


def test_a_taken_port_is_told_before_anything_is_touched(tmp_path, now, screen):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code = run(port, tmp_path / "demo", DAYS, clock_from(now), Console(file=screen), lambda: None)
    assert code == 2
    assert f"Port {port} is taken" in screen.getvalue()
    assert not (tmp_path / "demo").exists()


def test_a_second_start_goes_on_where_the_first_ended(tmp_path, now, screen, site):
    logins = []

    def look():
        logins.append(orjson.loads((tmp_path / "demo.json").read_bytes()))

    code, url = start(tmp_path, now, screen, look)
    assert code == 0
    assert logins[0]["url"] == url
    assert url in screen.getvalue()
    assert logins[0]["users"]["department"]["password"] in screen.getvalue()
    first = stored(tmp_path)
    assert set(first) == set(site.points)

    code, url = start(tmp_path, now + 2 * HOUR, screen, look)
    assert code == 0
    assert logins[1] == {**logins[0], "url": url}
    second = stored(tmp_path)
    for point, before in first.items():
        after = second[point]
        assert after.at[: len(before)].tolist() == before.at.tolist(), point
        assert after.value[: len(before)].tolist() == before.value.tolist(), point
    meter = second["main.active_energy_import"]
    assert len(first["main.active_energy_import"]) + 110 < len(meter) < len(first["main.active_energy_import"]) + 140
    # History is written in whole digits, the live register is a float32: a hair less is no fall.
    assert (meter.value[1:] >= meter.value[:-1] - 0.01).all()


def test_lost_passwords_end_the_start_with_a_word(tmp_path, now, screen):
    assert start(tmp_path, now, screen, lambda: None)[0] == 0
    (tmp_path / "demo.json").unlink()
    assert start(tmp_path, now + 30 * SECOND, screen, lambda: None)[0] == 2
    assert "to begin anew" in screen.getvalue()

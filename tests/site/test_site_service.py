"""service.yaml: what it names is looked for where the site is, and every mistake is said once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meterbook.domain.instant import DAY
from meterbook.settings import InfluxReadings, Settings, secret
from meterbook.site.load import Loaded, load
from meterbook.site.problem import as_line


def loaded(directory: Path, service: str) -> Loaded:
    (directory / "site.yaml").write_text("site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\n")
    (directory / "meters.yaml").write_text("meters:\n  - {id: W, utility: water, entry: manual}\n")
    (directory / "service.yaml").write_text(service)
    return load(directory)


def influx(fields: str) -> str:
    return f"storage: {{readings: {{influxdb: {fields}}}}}\n"


def test_a_token_in_a_file_is_found_beside_the_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "token").write_text("hush\n")
    monkeypatch.chdir(tmp_path)
    found = loaded(tmp_path / "site", influx("{url: 'http://127.0.0.1:1', token: 'file:token'}"))
    assert found.problems == []
    readings = found.settings.storage.readings
    assert isinstance(readings, InfluxReadings)
    assert readings.influxdb.token is not None
    assert secret(readings.influxdb.token) == "hush"


def test_a_secret_that_is_missing_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_TOKEN", raising=False)
    for token, said in (
        ("env:NO_TOKEN", "NO_TOKEN is not set"),
        ("file:nowhere", f"{tmp_path}/nowhere cannot be read"),
    ):
        found = loaded(tmp_path, influx(f"{{url: 'http://127.0.0.1:1', token: '{token}'}}"))
        assert found.site is not None
        (problem,) = found.problems
        assert (problem.severity, problem.key) == ("warning", "storage.readings.influxdb.token")
        assert said in problem.message


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (
            influx("{url: 'http://x', databas: y}"),
            "readings.influxdb.databas: is no known key; expected one of database",
        ),
        (influx("{}"), "readings.influxdb.url: is missing; expected such as http"),
        ("storage: {readings: {influx: {url: 'http://x'}}}\n", "influx: is no known key; expected influxdb"),
        ("storage: {readings: influx}\n", "storage.readings: influx is not known; expected sqlite"),
        ("retention: {temperatur: 90d}\n", "temperatur is no quantity; expected .*did you mean temperature"),
        ("reports: {accounts: {watr: '5001'}}\n", "watr is nothing that is posted; expected .*did you mean water"),
        ("reports: {accounts: {water.losses: '5001'}}\n", "did you mean water.loss"),
        ("reports: {accounts: {water: ''}}\n", "reports.accounts.water"),
        ("reports: {font: song.pfb}\n", "'song.pfb' is no file of a font; expected one that ends in .ttf"),
        ("retention: {other: 90}\n", "'90' is no age; expected days such as 90d"),
    ],
)
def test_a_mistake_is_named_without_a_second_complaint_about_it(tmp_path: Path, service: str, said: str) -> None:
    lines = [as_line(problem) for problem in loaded(tmp_path, service).problems]
    assert len([line for line in lines if "expected sqlite" in line]) == ("readings: influx}" in service)
    assert any(re.search(said, line) for line in lines), lines


def test_retention_of_an_influxdb_is_a_warning(tmp_path: Path) -> None:
    found = loaded(tmp_path, influx("{url: 'http://x'}") + "retention: {other: 90d}\n")
    assert [(one.key, one.severity) for one in found.problems] == [("retention", "warning")]


def test_how_long_readings_stay() -> None:
    settings = Settings(retention={"temperature": "90d", "other": "400d"})
    assert (settings.kept("temperature"), settings.kept("volume")) == (90 * DAY, 400 * DAY)
    assert Settings(retention={"volume": "1d"}).kept("temperature") is None


def test_a_font_is_looked_for_where_the_site_is(tmp_path: Path) -> None:
    found = loaded(tmp_path, "reports: {font: fonts/song.ttf}\n")
    assert [(one.key, one.severity) for one in found.problems] == [("reports.font", "warning")]
    assert found.settings.reports.font == str(tmp_path / "fonts/song.ttf")
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts/song.ttf").touch()
    assert loaded(tmp_path, "reports: {font: fonts/song.ttf}\n").problems == []


def test_accounts_keep_their_zeros(tmp_path: Path) -> None:
    found = loaded(tmp_path, "reports: {accounts: {water: 0042.10, water.loss: 5001}}\n")
    assert found.problems == []
    assert found.settings.reports.accounts == {"water": "0042.10", "water.loss": "5001"}

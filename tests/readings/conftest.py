"""The real databases that stores are tested with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from peers import influxdb


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influxdb.InfluxDB]:
    """An InfluxDB 1; a test takes databases of its own from it."""
    if influxdb.MISSING:
        pytest.skip(influxdb.MISSING)
    with influxdb.InfluxDB(tmp_path_factory.mktemp("influxdb")) as server:
        yield server

"""Every reading store passes the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from peers import influxdb

pytest.register_assert_rewrite("readings.contract")

from readings.contract import Contract, Opened  # noqa: E402 its asserts are rewritten first

from meterbook.readings.influx import Server  # noqa: E402
from meterbook.readings.influx_store import InfluxStore  # noqa: E402
from meterbook.readings.memory import MemoryStore  # noqa: E402
from meterbook.readings.port import ReadingStore  # noqa: E402
from meterbook.readings.sqlite import SqliteStore  # noqa: E402


class TestStores(Contract):
    @pytest.fixture(params=["memory", "sqlite", "influxdb"])
    def opened(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
        """Opens an empty store of the kind under test; all are closed in the end."""
        stores: list[ReadingStore] = []
        number = count()

        def open_one() -> ReadingStore:
            store: ReadingStore
            if request.param == "memory":
                store = MemoryStore()
            elif request.param == "sqlite":
                store = SqliteStore(tmp_path / f"{next(number)}.db")
            else:
                server: influxdb.InfluxDB = request.getfixturevalue("influx")
                store = InfluxStore(Server(server.new_database()))
            stores.append(store)
            return store

        yield open_one
        for store in stores:
            store.close()

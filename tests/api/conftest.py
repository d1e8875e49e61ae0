"""A world and clients that look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from served.world import World, app_of, served


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A served hospital of the test's own."""
    with served(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One that the tests of a file only read."""
    with served(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def client(world: World) -> TestClient:
    """Somebody who is not signed in."""
    return TestClient(app_of(world.rooms), follow_redirects=False)

"""The demo's own site, and an afternoon on which it starts."""

import pytest

from meterbook.domain.instant import Instant, parse
from meterbook.domain.site import Site
from meterbook.site.config import config_dir
from meterbook.site.load import load


@pytest.fixture(scope="session")
def site() -> Site:
    loaded = load(config_dir() / "sites" / "demo")
    assert loaded.site is not None, loaded.problems
    return loaded.site


@pytest.fixture(scope="session")
def now() -> Instant:
    return parse("2026-11-23T16:20:31+08:00")

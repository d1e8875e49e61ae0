"""The machine's clock and a small site for the collectors."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from peers.small import small_site

from meterbook.domain.instant import Clock
from meterbook.domain.site import Site


@pytest.fixture
def clock() -> Clock:
    return lambda: time.time_ns() // 1000


@pytest.fixture
def make_site() -> Callable[..., Site]:
    return small_site

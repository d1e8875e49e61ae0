"""The font of this machine."""

from __future__ import annotations

import os

import pytest

from meterbook.reports.font import Face, NoFont, find


@pytest.fixture(scope="session")
def face() -> Face:
    """A font with Chinese."""
    try:
        return find(None, os.environ)
    except NoFont as error:
        pytest.skip(f"no PDF was made: {error}")

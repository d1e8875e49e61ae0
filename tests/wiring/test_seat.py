"""A data directory bears one collector and one alert engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterbook.wiring.seat import SeatTaken, seated


def test_a_second_service_is_told_who_was_first(tmp_path: Path) -> None:
    with seated(tmp_path, {"collect", "alerts", "api"}):
        with pytest.raises(SeatTaken, match=r"process \d+ does collect"), seated(tmp_path, {"collect"}):
            pass
        with seated(tmp_path, {"api"}), seated(tmp_path, {"api"}):
            pass
    with seated(tmp_path, {"collect"}):
        pass


def test_parts_may_be_two_processes(tmp_path: Path) -> None:
    with seated(tmp_path, {"collect"}), seated(tmp_path, {"alerts"}):
        pass

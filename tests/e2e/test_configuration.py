"""Bad configuration: a service does not start on it, and one that runs keeps what it has."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from peers.service import MeterbookProcess
from peers.waiting import eventually

SITE = "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\n"
METERS = "meters:\n  - {id: W, utility: water, entry: manual}\n"


def test_a_running_service_keeps_its_configuration(tmp_path: Path) -> None:
    site, data = tmp_path / "site", tmp_path / "data"
    site.mkdir()
    data.mkdir()
    (site / "site.yaml").write_text(SITE)
    (site / "meters.yaml").write_text(METERS)

    def meters() -> list[str]:
        return [meter["id"] for meter in running.get("/meters")["items"]]

    with MeterbookProcess(site, data, {}) as running:
        assert meters() == ["W"]
        (site / "meters.yaml").write_text(METERS + "  - {id: X, utility: watre, entry: manual, colour: red}\n")
        assert running.process is not None
        running.process.send_signal(signal.SIGHUP)
        told = eventually(lambda: running.log() if "configuration refused" in running.log() else "")
        assert "watre" in told
        assert "colour" in told
        assert meters() == ["W"]
        (site / "meters.yaml").write_text(METERS + "  - {id: X, utility: water, entry: manual}\n")
        running.process.send_signal(signal.SIGHUP)
        eventually(lambda: meters() == ["W", "X"])
        assert running.end(signal.SIGTERM) == 0


def test_a_service_does_not_start_on_mistakes(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE.replace("CNY", "yuan"))
    (tmp_path / "meters.yaml").write_text(METERS.replace("water", "watre"))
    done = subprocess.run(
        [sys.executable, "-m", "meterbook.cli", "run", str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "site.yaml:1" in done.stderr
    assert "meters.yaml:2" in done.stderr
    assert "Traceback" not in done.stderr

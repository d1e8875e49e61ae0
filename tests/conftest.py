"""What all tests share: how much a proof repeats, and when a skip is a failure.

A proof is a test that takes its counts from the fixture `counts`: `make test` runs it at a hundredth, `make prove`
(`-m prove`) in full. On a machine that promises every part the integration tests talk to (METERBOOK_REQUIRE=1, as in
CI), a test that skips fails instead: otherwise a broker that was not installed hides a broken collector behind a green
run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator

import pytest

PROVE = os.environ.get("METERBOOK_PROVE") == "1"
REQUIRE = os.environ.get("METERBOOK_REQUIRE") == "1"


@pytest.fixture
def counts() -> Callable[[int], int]:
    """`counts(full)`: `full` under `make prove`, a hundredth of it (at least 1) otherwise."""
    return lambda full: full if PROVE else max(1, full // 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and "counts" in item.fixturenames:
            item.add_marker(pytest.mark.prove)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} may not be skipped here (METERBOOK_REQUIRE=1): {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report

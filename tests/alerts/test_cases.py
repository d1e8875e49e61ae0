"""Every folder of tests/cases/alerts: a site with its rules, readings, and the decisions they must lead to.

`case.yaml` gives `begin` (the instant 0), `readings` (per point `every`, `values` and `from`, or a list of such
stretches) and the `turns` of the engine: `{now, from, to}` is one turn that hands over the readings in [from, to),
by default all up to now; `{tick, from, until}` is a turn every `tick` that hands over what came since the last.
Instants are spans after `begin`. Between turns the state goes through JSON into a new engine, so every case also
restarts. A decision in `expect` names what is checked of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from alerts.decision import Decision
from alerts.engine import Engine
from meterbook.domain.instant import Instant, parse
from meterbook.domain.reading import Series

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "cases/alerts").glob("*/case.yaml"))

Span = Callable[[str], Instant]


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, site_of: Any, series_of: Any, span_of: Span) -> None:
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    begin = parse(case["begin"])
    site = site_of(case, begin)
    readings = {point: _stretches(each, begin, series_of, span_of) for point, each in case.get("readings", {}).items()}
    state: dict[str, Any] = {}
    found: list[Decision] = []
    for now, news in _turns(case["turns"], begin, readings, span_of):
        state, decisions = Engine(site).step(json.loads(json.dumps(state)), news, now)
        found += decisions
    assert [_seen(one, wanted, begin, span_of) for one, wanted in _pairs(found, case["expect"])] == case["expect"]


def test_there_are_cases() -> None:
    assert len(CASES) >= 15


def _stretches(given: Any, begin: Instant, series_of: Any, span_of: Span) -> Series:
    parts = [
        series_of(each["values"], span_of(each["every"]), begin + span_of(each.get("from", "0s")))
        for each in (given if isinstance(given, list) else [given])
    ]
    at, value, quality = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "value", "quality")
    )
    return Series(at, value, quality)


def _turns(
    turns: list[dict[str, str]], begin: Instant, readings: dict[str, Series], span_of: Span
) -> Iterator[tuple[Instant, dict[str, Series]]]:
    for turn in turns:
        start = begin + span_of(turn.get("from", "0s"))
        if "now" in turn:
            now = begin + span_of(turn["now"])
            yield now, _between(readings, start, begin + span_of(turn["to"]) if "to" in turn else now + 1)
        else:
            tick = span_of(turn["tick"])
            for now in range(start, begin + span_of(turn["until"]) + 1, tick):
                yield now, _between(readings, now - tick + 1, now + 1)


def _between(readings: dict[str, Series], start: Instant, end: Instant) -> dict[str, Series]:
    cut = {point: series.between(start, end) for point, series in readings.items()}
    return {point: series for point, series in cut.items() if len(series)}


def _pairs(found: list[Decision], expected: list[Any]) -> Iterator[tuple[Decision, Any]]:
    return (
        (one, expected[index] if index < len(expected) else {"deed": 0, "at": 0}) for index, one in enumerate(found)
    )


def _seen(one: Decision, wanted: dict[str, Any], begin: Instant, span_of: Span) -> dict[str, Any]:
    """What a decision says under the keys that are wanted of it, in the words of the case where they agree."""
    seen: dict[str, Any] = {
        "deed": str(one.deed),
        "rule": one.rule,
        "subject": one.subject,
        "at": one.at - begin,
        "since": one.since - begin,
        "value": one.evidence.value,
        "limit": one.evidence.limit,
        "unit": one.evidence.unit,
        "point": one.evidence.point,
        "late": one.late,
    }
    for key in ("at", "since"):
        if isinstance(wanted.get(key), str) and span_of(wanted[key]) == seen[key]:
            seen[key] = wanted[key]
    return {key: seen[key] for key in wanted}

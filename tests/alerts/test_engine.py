"""What holds for every kind of condition: batches, restarts, repetition, state, speed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.decision import Decision
from alerts.engine import Engine
from meterbook.domain.incident import Deed
from meterbook.domain.instant import HOUR, MINUTE, SECOND, Instant, parse
from meterbook.domain.reading import Series
from meterbook.domain.rule import NotBuilt
from meterbook.domain.site import Site

BEGIN = parse("2026-10-01T00:00+08:00")
HOT = "chiller-1.supply_temperature"
WATER = "b1-water.volume"

GIVEN: dict[str, Any] = {
    "devices": {
        "chiller-1": {"connection": "bus", "every": "30s", "points": {"supply_temperature": "temperature"}},
        "b1-water": {"every": "15m", "points": {"volume": "volume"}},
        "b2-water": {"every": "15m", "points": {"volume": "volume"}},
    },
    "meters": {"W-B1": {"reads": WATER, "pulse": "0.01"}, "W-B2": {"reads": "b2-water.volume"}},
    "rules": [
        {
            "id": "hot",
            "kind": "limit",
            "points": [HOT],
            "above": 12,
            "clear_below": 10,
            "for": "3m",
            "keep_firing_for": "2m",
        },
        {"id": "night", "kind": "night_flow", "meters": ["W-B1"], "nights": 2},
        {"id": "silent", "kind": "no_data", "after": 3},
    ],
}

Rows = list[tuple[Instant, float, int]]


@pytest.fixture(scope="module")
def site(site_of: Callable[..., Site]) -> Site:
    return site_of(GIVEN)


def only(site: Site, rule: str) -> Site:
    return replace(site, rules={rule: site.rules[rule]})


@st.composite
def temperatures(draw: st.DrawFn) -> Rows:
    """Values on all sides of the limits, in stretches, with gaps shorter and longer than three periods."""
    rows: Rows = []
    at = BEGIN
    for _ in range(draw(st.integers(1, 25))):
        value = draw(st.sampled_from([9.0, 10.0, 11.0, 12.0, 12.1, 15.0]))
        quality = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
        at += draw(st.sampled_from([0, 0, 0, 90, 91, 600])) * SECOND
        for _ in range(draw(st.integers(1, 12))):
            at += draw(st.sampled_from([1, 30, 30, 45])) * SECOND
            rows.append((at, value, quality))
    return rows


@st.composite
def registers(draw: st.DrawFn) -> Rows:
    """A register over some weeks: each day one rate and one period, sometimes a gap, a drop or estimates."""
    rows: Rows = []
    figure = 100.0
    for day in range(draw(st.integers(8, 24))):
        rate = draw(st.sampled_from([0.6, 0.6, 0.6, 1.0]))
        period = draw(st.sampled_from([15, 20, 50])) * MINUTE
        silent = draw(st.sampled_from([99, 99, 99, 1, 2, 3]))
        quality = draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
        figure -= draw(st.sampled_from([0, 0, 0, 0, 0, 0.005, 50]))
        for at in range(BEGIN + day * 24 * HOUR, BEGIN + (day + 1) * 24 * HOUR, period):
            figure += rate * period / HOUR
            if (at - BEGIN) // HOUR % 24 != silent:
                rows.append((at, round(figure, 6), quality))
    return rows


def batches(rows: Rows, cuts: Sequence[int]) -> Iterator[Rows]:
    edges = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    return (rows[start:end] for start, end in pairwise(edges))


def run(site: Site, point: str, parts: Iterator[Rows], now: Instant | None = None) -> list[Decision]:
    """Decisions on batches at a fixed `now`, or each at its last instant; the state restarts in between."""
    state: dict[str, Any] = {}
    found: list[Decision] = []
    for rows in parts:
        state, decisions = Engine(site).step(
            json.loads(json.dumps(state)), {point: Series.of(rows)}, rows[-1][0] if now is None else now
        )
        found += decisions
    return found


CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@settings(max_examples=150, deadline=None)
@given(rows=temperatures(), cuts=CUTS)
def test_batches_of_any_size_give_the_same_limit_decisions(site: Site, rows: Rows, cuts: list[int]) -> None:
    alone, now = only(site, "hot"), rows[-1][0] + HOUR
    whole = run(alone, HOT, iter([rows]), now)
    assert run(alone, HOT, batches(rows, cuts), now) == whole
    live = run(alone, HOT, ([row] for row in rows))
    assert [replace(one, late=False) for one in whole] == live


@settings(max_examples=40, deadline=None)
@given(rows=registers(), cuts=CUTS)
def test_batches_of_any_size_give_the_same_nights(site: Site, rows: Rows, cuts: list[int]) -> None:
    alone, now = only(site, "night"), rows[-1][0] + HOUR
    whole = run(alone, WATER, iter([rows]), now)
    assert run(alone, WATER, batches(rows, cuts), now) == whole
    hourly = batches(rows, range(0, len(rows), 3))
    assert run(alone, WATER, hourly) == [replace(one, late=False) for one in whole]


@settings(max_examples=100, deadline=None)
@given(rows=temperatures())
def test_limits_agree_with_their_definition_read_by_read(site: Site, rows: Rows) -> None:
    found = run(only(site, "hot"), HOT, iter([rows]), rows[-1][0])
    assert [(one.deed, one.at, one.since, one.evidence.value) for one in found] == list(by_definition(rows))


def by_definition(rows: Rows) -> Iterator[tuple[Deed, Instant, Instant, float]]:
    """Above 12 for 3 min raises, from 10 down and never above 12 for 2 min clears, a gap of over 90 s starts anew."""
    since = quiet = before = None
    raised = False
    for at, value, quality in rows:
        if quality == 2:
            continue
        if before is not None and at - before > 90 * SECOND:
            since, quiet = (since if raised else None), None
        before = at
        if not raised:
            since = None if value <= 12 else at if since is None else since
            if since is not None and at - since >= 3 * MINUTE:
                raised = True
                yield Deed.RAISE, at, since, value
            continue
        if value > 12:
            quiet = None
        elif quiet is None and value <= 10:
            quiet = at
        if quiet is not None and at - quiet >= 2 * MINUTE:
            assert since is not None
            yield Deed.CLEAR, at, since, value
            raised, since, quiet = False, None, None


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[Instant, list[str]]]:
    """Turns of the engine, some of them after a pause, and which devices spoke since the last one."""
    now, turns = BEGIN, []
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.sampled_from([10 * SECOND, 5 * MINUTE, 5 * MINUTE, 15 * MINUTE, 3 * HOUR]))
        turns.append((now, draw(st.lists(st.sampled_from(["b1-water", "b2-water"]), unique=True))))
    return turns


@settings(max_examples=150, deadline=None)
@given(turns=conversations())
def test_silence_is_raised_and_cleared_in_turn(site: Site, turns: list[tuple[Instant, list[str]]]) -> None:
    kept: dict[str, Any] = {}
    restarted: dict[str, Any] = {}
    standing: dict[str, Decision] = {}
    alone = only(site, "silent")
    engine = Engine(alone)
    for now, spoke in turns:
        news = {f"{device}.volume": Series.of([(now - SECOND, 1.0, 0)]) for device in spoke}
        kept, decisions = engine.step(kept, news, now)
        restarted, again = Engine(alone).step(json.loads(json.dumps(restarted)), news, now)
        assert again == decisions
        for one in decisions:
            before = standing.get(one.subject)
            assert (before is None) == (one.deed is Deed.RAISE)
            assert one.since < one.at <= now
            assert before is None or (one.at >= before.at and one.since == before.since)
            standing[one.subject] = one
            if one.deed is Deed.CLEAR:
                del standing[one.subject]
        assert not any(device in standing for device in spoke)


def test_what_came_before_may_come_again(site: Site) -> None:
    rows = [(BEGIN + count * 30 * SECOND, 13.0 if 10 < count < 40 else 8.0, 0) for count in range(60)]
    engine, news, now = Engine(only(site, "hot")), {HOT: Series.of(rows)}, rows[-1][0]
    state, decisions = engine.step({}, news, now)
    assert [one.deed for one in decisions] == [Deed.RAISE, Deed.CLEAR]
    again, none = engine.step(state, news, now + SECOND)
    assert none == []
    assert again is state


def test_unchanged_parts_are_the_same_objects(site: Site) -> None:
    engine = Engine(site)
    first, _ = engine.step({}, {HOT: Series.of([(BEGIN, 8.0, 0)]), WATER: Series.of([(BEGIN, 1.0, 0)])}, BEGIN)
    frozen = json.dumps(first)
    idle, _ = engine.step(first, {}, BEGIN + SECOND)
    assert idle is first
    later, _ = engine.step(first, {WATER: Series.of([(BEGIN + MINUTE, 1.0, 0)])}, BEGIN + 2 * SECOND)
    assert later["limit:hot"] is first["limit:hot"]
    assert later["night_flow:night"] != first["night_flow:night"]
    assert json.dumps(first) == frozen


def test_the_state_of_what_is_gone_is_dropped(site: Site, site_of: Callable[..., Site]) -> None:
    news = {HOT: Series.of([(BEGIN, 8.0, 0)]), WATER: Series.of([(BEGIN, 1.0, 0)])}
    state, _ = Engine(site).step({}, news, BEGIN)
    assert set(state) == {"limit:hot", "night_flow:night", "no_data:silent"}
    rules = {"hot": site.rules["hot"], "silent": site.rules["silent"]}
    state, _ = Engine(replace(site, rules=rules)).step(state, {}, BEGIN + SECOND)
    assert set(state) == {"limit:hot", "no_data:silent"}
    fewer = site_of({**GIVEN, "rules": [{"id": "silent", "kind": "no_data", "devices": ["b1-water"]}]})
    state, _ = Engine(fewer).step(state, {}, BEGIN + 2 * SECOND)
    assert set(state["no_data:silent"]) == {"broker"}
    assert set(state["no_data:silent"]["broker"]["devices"]) == {"b1-water"}


def test_inactive_rules_watch_nothing(site: Site) -> None:
    rule = site.rules["hot"]
    rules = {"off": replace(rule, enabled=False), "later": replace(rule, condition=NotBuilt())}
    engine = Engine(replace(site, rules=rules))
    assert engine.points == frozenset()
    assert engine.step({}, {HOT: Series.of([(BEGIN, 99.0, 0)])}, BEGIN) == ({}, [])


def test_meters_without_a_counter_on_a_device_have_no_nights(site_of: Callable[..., Site]) -> None:
    by_hand = {"meters": {"W-HAND": {"reads": "W-HAND", "manual": True}}, "rules": [{"kind": "night_flow"}]}
    assert Engine(site_of(by_hand)).points == frozenset()


def test_a_connection_that_is_watched_in_part_is_never_raised_as_a_whole(site_of: Callable[..., Site]) -> None:
    devices = {name: {"connection": "gw", "points": {"volume": "volume"}} for name in ("a", "b", "c")}
    part = site_of({"devices": devices, "rules": [{"id": "silent", "kind": "no_data", "devices": ["a", "b"]}]})
    engine = Engine(part)
    state, _ = engine.step({}, {}, BEGIN)
    for minute in (1, 2, 3):
        state, decisions = engine.step(state, {}, BEGIN + minute * MINUTE)
        assert decisions == []
    _, decisions = engine.step(state, {}, BEGIN + 3 * MINUTE + SECOND)
    assert [one.subject for one in decisions] == ["a", "b"]

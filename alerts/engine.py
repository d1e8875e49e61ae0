"""The alert engine: news in, decisions out, on event time. The same code serves live, replay and tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.conditions import limit, night_flow, no_data, state, stuck
from alerts.conditions.watch import Watch
from alerts.decision import Decision
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Series
from meterbook.domain.rule import FaultState, Limit, NightFlow, NoData, Rule, Stuck
from meterbook.domain.site import Site

State = dict[str, Any]
"""What the engine remembers, as JSON: `kind:rule id` -> key of the watch -> its memory."""


def _watches(site: Site, rule: Rule) -> list[Watch]:
    match rule.condition:
        case Limit() as condition:
            return [*limit.watches(site, condition)]
        case NoData() as condition:
            return [*no_data.watches(site, condition)]
        case NightFlow() as condition:
            return [*night_flow.watches(site, condition)]
        case FaultState() as condition:
            return [*state.watches(site, condition)]
        case Stuck() as condition:
            return [*stuck.watches(site, condition)]
        case _:
            return []


class Engine:
    """Evaluates the active rules of a site. Holds no state of its own: what it remembers goes in and comes out."""

    def __init__(self, site: Site) -> None:
        self._watches = {
            rule.id: (f"{rule.kind}:{rule.id}", _watches(site, rule)) for rule in site.rules.values() if rule.active
        }
        self.points = frozenset(
            point for _, watches in self._watches.values() for watch in watches for point in watch.points
        )

    def step(self, state: State, news: Mapping[str, Series], now: Instant) -> tuple[State, list[Decision]]:
        """What is remembered and decided after `news`, the readings that arrived since the last step.

        The first `state` is `{}`; it is never changed in place, what did not change is passed on as it is (all of it,
        where nothing did), and what belongs to no rule any more is dropped. Each series is in order of time; readings
        that a watch evaluated before may come again and mean nothing. Decisions are in order of `at`.
        """
        after: State = {}
        decisions: list[Decision] = []
        for rule, (name, watches) in self._watches.items():
            before = state.get(name, {})
            memories = {}
            for watch in watches:
                memory = before.get(watch.key, {})
                mine = {point: news[point] for point in watch.points if point in news}
                if mine or watch.ticks:
                    memory, signals = watch.step(memory, mine, now)
                    decisions += [
                        Decision(
                            signal.deed,
                            rule,
                            signal.subject,
                            signal.at,
                            signal.since,
                            signal.evidence,
                            late=signal.at < now - watch.horizon,
                        )
                        for signal in signals
                    ]
                if memory:
                    memories[watch.key] = memory
            after[name] = before if _same(before, memories) else memories
        decisions.sort(key=lambda decision: decision.at)
        return state if _same(state, after) else after, decisions


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both hold the very same parts."""
    return one.keys() == other.keys() and all(one[key] is part for key, part in other.items())

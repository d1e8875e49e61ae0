"""Whose turn it is on a bus: fair to all, and the dead wait for the living. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.modbus.slave import BACK_OFF_MAX, Slave
from meterbook.domain.instant import SECOND, Instant

SEARCH: Instant = 5 * SECOND
"""While no device of a bus answers, one of them is asked at least this often: a gateway that returns is found."""


def next_turn(slaves: Sequence[Slave], now: Instant, patience: Instant) -> tuple[Slave, Instant]:
    """The device whose turn comes next, and the instant it comes.

    Devices that answer take turns in the order in which they fell due. One that fails is asked in the gaps, where
    nobody falls due within `patience` (what a question costs that is not answered), or when it has waited without
    finding such a gap for as many of its periods as it failed.
    """
    answering = [slave for slave in slaves if not slave.failures]
    failing = [slave for slave in slaves if slave.failures]
    if not answering:
        return _search(failing)
    first = min(answering, key=lambda slave: slave.due)
    if failing:
        tried = min(failing, key=lambda slave: slave.due)
        gap = first.due > max(tried.due, now) + patience
        enough = min(tried.failures * tried.device.every, max(tried.device.every, BACK_OFF_MAX))
        if gap or now >= tried.due + enough:
            return tried, tried.due
    return first, first.due


def _search(failing: Sequence[Slave]) -> tuple[Slave, Instant]:
    first = min(failing, key=lambda slave: slave.due)
    latest = max(slave.asked for slave in failing) + SEARCH
    if first.due <= latest:
        return first, first.due
    return min(failing, key=lambda slave: slave.asked), latest


def returned(slaves: Sequence[Slave], one: Slave, now: Instant) -> None:
    """A device that failed answers: where all others fail too, the bus was away, and they are asked at once."""
    if all(slave.failures for slave in slaves):
        for slave in slaves:
            if slave is not one:
                slave.due = min(slave.due, now)


def clock_set(slaves: Sequence[Slave], now: Instant) -> None:
    """Nobody waits longer than period or back-off, or was asked in the future: else the clock was set back."""
    for slave in slaves:
        slave.asked = min(slave.asked, now)
        if slave.due > now + slave.longest_wait:
            slave.due = now

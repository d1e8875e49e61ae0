"""Devices that ought to speak and do not.

Silence is judged on every turn, never inside history: it runs from a device's last reading to now. A device that was
silent already when the engine first listened gets its whole time from then, and so does every device after a pause of
the engine: what nobody listened to was no silence (trap 45). Any reading is a sign of life, a bad one too; readings
stored under an old instant are not (trap 20).

When a whole connection is silent, one signal names the connection and its devices are not raised (trap 44); those
raised before stand. So that a gateway that goes down does not raise its devices one by one in the order of their
periods, a device is raised alone only when another one on its connection was heard after it missed its report, or
after one period more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from alerts.conditions.watch import PATIENCE, Memory
from alerts.decision import Signal, Verdict
from meterbook.domain.device import Device
from meterbook.domain.incident import Deed, Evidence
from meterbook.domain.instant import SECOND, Instant
from meterbook.domain.reading import Series
from meterbook.domain.rule import NoData
from meterbook.domain.site import Site

PAUSE: Instant = 30 * SECOND
"""A turn this long (and a period of the device) after the one before means that nobody listened in between."""

NOTE_EVERY: Instant = 10 * SECOND
"""How often the memory notes that the engine listens; less than PAUSE, and not on every turn, so that a quiet
second leaves the memory as it was."""


@dataclass(frozen=True, slots=True)
class _Ear:
    """What is known of one device: its `last` reading and the `start` from which silence is counted.

    `since` and `raised` are the last word and the instant of raising of a device that is raised.
    """

    start: Instant
    last: Instant | None = None
    since: Instant | None = None
    raised: Instant | None = None

    @property
    def heard(self) -> Instant:
        """Its last word, or when anybody first listened."""
        return self.start if self.last is None else self.last


@dataclass(frozen=True, slots=True)
class _Listener:
    """A device with its points; durations in microseconds, `limit` is the silence allowed."""

    device: str
    points: tuple[str, ...]
    every: Instant
    limit: Instant

    def due(self, ear: _Ear) -> Instant:
        """When its silence reaches the limit."""
        return ear.start + self.limit

    def missed(self, ear: _Ear) -> Instant:
        """When its next report was half a period overdue."""
        return ear.start + 3 * self.every // 2


@dataclass(frozen=True, slots=True)
class _Group:
    """A connection that is raised as a whole."""

    since: Instant
    raised: Instant


@dataclass
class _Turn:
    """One turn: the ears as they are being brought up to date, and what is said."""

    now: Instant
    ears: dict[str, _Ear]
    group: _Group | None
    signals: list[Signal] = field(default_factory=list)

    def say(self, deed: Verdict, subject: str, at: Instant, since: Instant, limit: Instant) -> None:
        """Signal with the silence and its limit in seconds."""
        evidence = Evidence(None, (at - since) / SECOND, limit / SECOND, "s")
        self.signals.append(Signal(deed, subject, at, since, evidence))


@dataclass(frozen=True, slots=True)
class ConnectionWatch:
    """The devices of one connection; `whole` when the rule watches all of them, and there are several."""

    key: str
    listeners: tuple[_Listener, ...]
    whole: bool
    points: frozenset[str]
    horizon: Instant
    ticks: bool = True

    def step(self, memory: Memory, news: Mapping[str, Series], now: Instant) -> tuple[Memory, list[Signal]]:
        """Hear what came in, end what is no longer silent, raise what has been silent for too long."""
        turn = self._recalled(memory, now)
        self._hear(turn, news)
        self._clear(turn)
        self._raise(turn)
        return self._remembered(memory, turn), turn.signals

    def _recalled(self, memory: Memory, now: Instant) -> _Turn:
        kept = memory.get("devices", {})
        pause = now - memory.get("listened", now)
        ears = {}
        for listener in self.listeners:
            ear = _Ear(**kept[listener.device]) if listener.device in kept else _Ear(start=now)
            unheard = ear.raised is None and pause > max(PAUSE, listener.every)
            ears[listener.device] = replace(ear, start=now) if unheard else ear
        group = memory.get("group")
        return _Turn(now, ears, None if group is None else _Group(**group))

    def _hear(self, turn: _Turn, news: Mapping[str, Series]) -> None:
        for listener in self.listeners:
            last = max((int(news[p].at[-1]) for p in listener.points if p in news and len(news[p])), default=None)
            ear = turn.ears[listener.device]
            if last is None or (ear.last is not None and last <= ear.last):
                continue
            # A reading too old to have kept the device from silence does not move the start back.
            start = last if last + listener.limit > ear.start else ear.start
            turn.ears[listener.device] = replace(ear, last=last, start=start)

    def _clear(self, turn: _Turn) -> None:
        alive = []
        for listener in self.listeners:
            ear = turn.ears[listener.device]
            if ear.last is None or ear.last + listener.limit <= turn.now:
                continue
            alive.append(ear.last)
            if ear.raised is not None and ear.since is not None:
                turn.say(Deed.CLEAR, listener.device, max(ear.last, ear.raised), ear.since, listener.limit)
                turn.ears[listener.device] = replace(ear, since=None, raised=None)
        spoken = [last for last in alive if turn.group is not None and last > turn.group.since]
        if turn.group is not None and spoken:
            self._end_group(turn, turn.group, max(min(spoken), turn.group.raised))

    def _end_group(self, turn: _Turn, group: _Group, at: Instant) -> None:
        turn.say(Deed.CLEAR, self.key, at, group.since, max(one.limit for one in self.listeners))
        turn.group = None
        for device, ear in turn.ears.items():
            if ear.raised is None and ear.start < at:  # the others get their whole time to come back too
                turn.ears[device] = replace(ear, start=at)

    def _raise(self, turn: _Turn) -> None:
        if turn.group is not None:
            return
        due = [one for one in self.listeners if self._is_due(turn, one)]
        alone = due if not self.whole else [one for one in due if self._others_speak(turn, one)]
        held = [one for one in due if one not in alone]
        if len(held) >= 2 and (self._all_silent(turn) or any(self._waited(turn, one) for one in held)):
            self._raise_group(turn, held)
        else:
            last_one = self._all_silent(turn)
            alone += [one for one in held if last_one or self._waited(turn, one)]
        for one in alone:
            ear = turn.ears[one.device]
            turn.say(Deed.RAISE, one.device, one.due(ear), ear.heard, one.limit)
            turn.ears[one.device] = replace(ear, since=ear.heard, raised=one.due(ear))

    def _raise_group(self, turn: _Turn, held: list[_Listener]) -> None:
        at = max(one.due(turn.ears[one.device]) for one in held)
        since = max(ear.heard for ear in turn.ears.values())
        turn.say(Deed.RAISE, self.key, at, since, max(one.limit for one in held))
        turn.group = _Group(since, at)

    def _is_due(self, turn: _Turn, one: _Listener) -> bool:
        ear = turn.ears[one.device]
        return ear.raised is None and one.due(ear) < turn.now

    def _waited(self, turn: _Turn, one: _Listener) -> bool:
        return one.due(turn.ears[one.device]) + one.every < turn.now

    def _others_speak(self, turn: _Turn, one: _Listener) -> bool:
        missed = one.missed(turn.ears[one.device])
        return any(ear.last is not None and ear.last > missed for ear in turn.ears.values())

    def _all_silent(self, turn: _Turn) -> bool:
        return all(turn.ears[one.device].raised is not None or self._is_due(turn, one) for one in self.listeners)

    def _remembered(self, memory: Memory, turn: _Turn) -> Memory:
        kept = memory.get("devices", {})
        devices = {device: asdict(ear) for device, ear in turn.ears.items()}
        group = None if turn.group is None else asdict(turn.group)
        listened = memory.get("listened", turn.now)
        if devices == kept and group == memory.get("group") and 0 <= turn.now - listened < NOTE_EVERY:
            return memory
        return {"listened": turn.now, "devices": devices, "group": group}


def _listener(device: Device, condition: NoData) -> _Listener:
    points = tuple(f"{device.id}.{name}" for name in device.specs)
    return _Listener(device.id, points, device.every, int(condition.after * device.every))


def watches(site: Site, condition: NoData) -> list[ConnectionWatch]:
    """One watch per connection of the devices that the rule names."""
    wired: dict[str, list[Device]] = {}
    for name in condition.devices:
        device = site.devices[name]
        wired.setdefault(device.connection, []).append(device)
    made = []
    for connection, devices in wired.items():
        listeners = tuple(_listener(device, condition) for device in devices)
        present = sum(device.connection == connection for device in site.devices.values())
        made.append(
            ConnectionWatch(
                key=connection,
                listeners=listeners,
                whole=len(devices) == present >= 2,
                points=frozenset(point for listener in listeners for point in listener.points),
                horizon=PATIENCE + 2 * max(device.every for device in devices),
            )
        )
    return made

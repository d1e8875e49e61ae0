"""`sparkplug-b`: births say what the metrics are called, data only counts on, deaths are silence.

The topic of a device is `spBv1.0/GROUP/EDGE` or `spBv1.0/GROUP/EDGE/DEVICE`; points name metrics. One sequence runs
through all messages of an edge node, so all of them are heard. After a gap in it an alias may mean something else:
until the next birth, only metrics that carry their name are read, and a rebirth is asked for. What the broker sends
again may be older than the latest birth, and is then read by name only, too. Integers travel without their sign, so one
counts only where it or the birth tells its data type.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collectors.mqtt.message import Decoded, Decoder, Message, Reply, Unreadable
from collectors.mqtt.named import topic_of
from collectors.mqtt.protobuf import Malformed
from collectors.mqtt.sparkplug import Metric, Payload, parse, rebirth_request
from meterbook.domain.device import Device
from meterbook.domain.instant import SECOND, Instant
from meterbook.domain.reading import Sample

NAMESPACE = "spBv1.0"

REBIRTH_PAUSE: Instant = 10 * SECOND
"""Between two requests to the same edge node, at least."""

REMEMBERED = 4_096
"""Messages of an edge node that are known again; more than a broker has under way."""

_SEQUENCE = 256
_MILLISECONDS_TO = 100_000_000_000_000
_BIRTHS, _COUNTED = ("NBIRTH", "DBIRTH"), ("NDATA", "DDATA", "DBIRTH", "DDEATH")

_UNEXPLAINED = "metrics by alias without the birth that explains them; a rebirth is asked for"
_STALE = "sent again, and from before the latest birth: aliases and bare integers cannot be read"

_UNTYPED = "an integer whose data type no birth told; a rebirth is asked for"
_NEVER_TYPED = "an integer without its data type, here and in its birth"
_AMBIGUOUS = "alias {} means several metrics of this edge node; give each its own, or send names"


@dataclass(frozen=True, slots=True)
class _Birth:
    """What a device, or the edge node itself, said of its metrics: data types by name, and names by alias."""

    types: dict[str, int | None] = field(default_factory=dict)
    aliases: dict[int, str] = field(default_factory=dict)
    meanings: frozenset[tuple[int, str]] = frozenset()


class _Lives:
    """Which life of an edge node a message belongs to; a life begins with a birth of the node."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}
        self._latest = 0
        self.current = 0

    def begin(self, message: Message) -> None:
        """A birth: a life that is new, or one that is told again from its beginning."""
        life = self.of(message)
        if life is None:
            self._latest += 1
        self.current = self._latest if life is None else life

    def of(self, message: Message) -> int | None:
        """The life in which a message that is sent again was read, None for any other."""
        return self._of.get(hash((message.topic, message.payload))) if message.again else None

    def remember(self, message: Message) -> None:
        """A message of the current life."""
        key = hash((message.topic, message.payload))
        self._of.pop(key, None)
        self._of[key] = self.current
        if len(self._of) > REMEMBERED:
            del self._of[next(iter(self._of))]


class EdgeNode:
    """An edge node and the devices behind it: what they said at birth, and which message comes next."""

    def __init__(self, group: str, edge: str) -> None:
        self._group, self._edge = group, edge
        self._points: dict[str | None, dict[str, list[tuple[str, str]]]] = {}
        self._births: dict[str | None, _Birth] = {}
        self._meanings: Counter[int] = Counter()
        self._next: int | None = None
        self._asked: Instant | None = None
        self._birth: int | None = None
        self._lives = _Lives()

    def add(self, device: Device, name: str | None) -> None:
        """A device of the site that is called `name` here; None is the edge node itself."""
        points = self._points.setdefault(name, {})
        for point in topic_of(device).points:
            points.setdefault(point.value, []).append((device.id, point.spec.name))

    def read(self, message: Message, out: Decoded) -> None:
        """See Decoder."""
        _, _, kind, _, *device = message.topic.split("/")
        if kind not in (*_BIRTHS, *_COUNTED, "NDEATH"):
            return
        try:
            payload = parse(message.payload)
        except Malformed as error:
            raise Unreadable(f"no Sparkplug payload: {error}") from error
        if payload.uuid == "SPBV1.0_COMPRESSED":
            raise Unreadable("compressed payloads are not read")
        name = device[0] if device else None
        if kind == "NDEATH":
            self._node_dies(payload)
            return
        stale = self._is_stale(kind, payload, message, out)
        if kind == "DDEATH" and not stale:
            self._unlearn(name)
        if kind in _BIRTHS and not stale:
            self._learn(name, payload)
        if kind.endswith(("DATA", "BIRTH")):
            self._collect(name, payload, message, out, stale=stale)

    def _is_stale(self, kind: str, payload: Payload, message: Message, out: Decoded) -> bool:
        """Whether a message is from before the latest birth of the edge node; any other counts from here on."""
        if kind == "NBIRTH":
            self._lives.begin(message)
            self._node_is_born(payload)
        else:
            life = self._lives.of(message)
            if life not in (None, self._lives.current):
                return True
            if not self._in_order(payload) and life is None:
                if message.again and self._next is not None:
                    return True
                self._forget()
                self._ask(message, out)
        self._lives.remember(message)
        return False

    def _node_is_born(self, payload: Payload) -> None:
        self._forget()
        self._birth = _birth_number(payload)
        self._next = 1 if payload.seq is None else (payload.seq + 1) % _SEQUENCE

    def _node_dies(self, payload: Payload) -> None:
        # The will of an earlier session may come after the birth of the next.
        if self._birth is None or _birth_number(payload) in (None, self._birth):
            self._forget()

    def _forget(self) -> None:
        self._births.clear()
        self._meanings.clear()
        self._next = self._birth = None

    def _in_order(self, payload: Payload) -> bool:
        """Whether no message is missing before this one."""
        if self._next is None or payload.seq != self._next:
            return False
        self._next = (payload.seq + 1) % _SEQUENCE
        return True

    def _learn(self, name: str | None, payload: Payload) -> None:
        self._unlearn(name)
        types = {one.name: one.datatype for one in payload.metrics if one.name is not None}
        told = [(one.alias, one.name) for one in payload.metrics if one.alias is not None and one.name]
        meanings = frozenset(told if self._next is not None else ())
        self._births[name] = _Birth(types, dict(meanings), meanings)
        self._meanings.update(alias for alias, _ in meanings)

    def _unlearn(self, name: str | None) -> None:
        birth = self._births.pop(name, None)
        if birth is not None:
            self._meanings.subtract(alias for alias, _ in birth.meanings)

    def _collect(self, name: str | None, payload: Payload, message: Message, out: Decoded, *, stale: bool) -> None:
        points = self._points.get(name, {})
        birth = _Birth() if stale else self._births.get(name, _Birth())
        faults: set[str] = set()
        for metric in payload.metrics if points else ():
            called = metric.name or birth.aliases.get(-1 if metric.alias is None else metric.alias, "")
            targets = points.get(called, ())
            fault = self._fault(metric, called, birth) if targets or not called else None
            if fault is not None:
                faults.add(_STALE if stale else fault)
                continue
            for device, point in targets:
                self._sample(device, point, metric, birth.types.get(called), payload, message, out)
        for fault in sorted(faults):
            out.refuse(message, message.topic, fault)
        if faults & {_UNEXPLAINED, _UNTYPED}:
            self._ask(message, out)

    def _fault(self, metric: Metric, called: str, birth: _Birth) -> str | None:
        """Why a metric cannot be read, None where it can."""
        if metric.name is None and metric.alias is not None and self._meanings[metric.alias] > 1:
            return _AMBIGUOUS.format(metric.alias)
        if not called:
            return _UNEXPLAINED
        if metric.untyped and birth.types.get(called) is None:
            return _NEVER_TYPED if called in birth.types else _UNTYPED
        return None

    @staticmethod
    def _sample(
        device: str, point: str, metric: Metric, datatype: int | None, payload: Payload, message: Message, out: Decoded
    ) -> None:
        value = metric.typed(datatype)
        said = payload.timestamp if metric.timestamp is None else metric.timestamp
        if metric.null:
            return
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            out.refuse(message, f"{device}.{point}", "no number" if value is None else f"{value} is no finite number")
        elif said is not None and said >= _MILLISECONDS_TO:
            out.refuse(message, f"{device}.{point}", f"{said} is no instant in milliseconds")
        elif said is None and message.retained:
            out.refuse(message, f"{device}.{point}", "retained message without an instant of its own")
        else:
            at = None if said is None else said * 1_000
            out.samples.append(Sample(device, point, value, at, message.received))

    def _ask(self, message: Message, out: Decoded) -> None:
        # A clock that was set back tells nothing of how long ago that was.
        if self._asked is None or not 0 <= message.received - self._asked < REBIRTH_PAUSE:
            self._asked = message.received
            topic = f"{NAMESPACE}/{self._group}/NCMD/{self._edge}"
            out.replies.append(Reply(topic, rebirth_request(message.received)))


def _birth_number(payload: Payload) -> int | None:
    """Which session of the edge node a birth or death belongs to."""
    found = next((metric.value for metric in payload.metrics if metric.name == "bdSeq"), None)
    return found if isinstance(found, int) else None


def entries(devices: Sequence[Device]) -> Iterator[tuple[str, Decoder]]:
    """A filter for each edge node, and what reads it; raises ValueError for a topic of another form."""
    nodes: dict[tuple[str, str], EdgeNode] = {}
    for device in devices:
        topic = topic_of(device).topic
        levels = topic.split("/")
        if levels[0] != NAMESPACE or len(levels) not in (3, 4) or {"+", "#", ""} & set(levels):
            raise ValueError(f"{topic!r} is not of the form {NAMESPACE}/GROUP/EDGE or {NAMESPACE}/GROUP/EDGE/DEVICE")
        _, group, edge, *name = levels
        node = nodes.setdefault((group, edge), EdgeNode(group, edge))
        node.add(device, name[0] if name else None)
    for (group, edge), node in nodes.items():
        yield f"{NAMESPACE}/{group}/+/{edge}/#", node

"""What is wired up: connections, devices and the points they offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from meterbook.domain.decoding import CodecWord, DecoderWord
from meterbook.domain.instant import Instant
from meterbook.domain.profile import Profile
from meterbook.domain.quantity import Kind
from meterbook.domain.text import Text


@dataclass(frozen=True, slots=True)
class PointSpec:
    """What a device offers under a name: the quantity, how it counts and the unit it is delivered in.

    `factor` turns the delivered unit into the canonical one; `plausible` bounds the canonical value.
    """

    name: str
    quantity: str
    kind: Kind
    unit: str
    factor: Decimal = Decimal(1)
    plausible: tuple[Decimal, Decimal] | None = None


MqttVersion = Literal["3.1.1", "5"]


@dataclass(frozen=True, slots=True)
class Point:
    """One measured quantity: `device.point`, or the id of a meter that is read by hand (`device` is then None)."""

    id: str
    device: str | None
    spec: PointSpec
    space: str | None


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates of an encrypted connection, as paths of PEM files; without `ca` the machine's own authorities count.

    The peer's certificate and the host in it are always checked.
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class MqttConnection:
    """An MQTT broker, spoken to in `version` 3.1.1 or 5.

    `password` is a reference (`env:NAME`, `file:PATH`), never the secret itself; `client_id` may be one too. Collectors
    of the same `share` split the messages among them.
    """

    id: str
    host: str
    port: int
    username: str | None = None
    password: str | None = None
    client_id: str | None = None
    version: MqttVersion = "3.1.1"
    tls: Tls | None = None
    share: str | None = None


ModbusTransport = Literal["tcp", "rtu-over-tcp", "rtu"]
Parity = Literal["none", "even", "odd"]


@dataclass(frozen=True, slots=True)
class ModbusConnection:
    """A Modbus gateway or bus; durations in microseconds.

    `host` is the serial port (`/dev/ttyUSB0`) where the transport is `rtu`; `port` is then 0. `baud` is the speed of
    the serial line, also of one behind a gateway; None where it is not known or there is none. `turnaround` is the
    silence kept between an answer and the next request.
    """

    id: str
    transport: ModbusTransport
    host: str
    port: int
    turnaround: Instant = 0
    timeout: Instant = 1_000_000
    baud: int | None = None
    parity: Parity = "none"
    stop_bits: int = 1

    @property
    def place(self) -> str:
        """Where it is, for people: host and port, or the serial port."""
        return self.host if self.transport == "rtu" else f"{self.host}:{self.port}"


Connection = MqttConnection | ModbusConnection


@dataclass(frozen=True, slots=True)
class MqttPoint:
    """Where a point's value and instant stand in a message.

    What `value` names is the decoder's to say: a path such as `$.volume_m3`, a control, a metric. An `optional` point
    may be missing from messages.
    """

    spec: PointSpec
    value: str
    at: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MqttTopic:
    """The topic (or filter) of a device, how its messages are read, and the points in them.

    `codec` reads the raw bytes of a LoRaWAN device; instants without an offset are in `zone`, and refused without one.
    """

    topic: str
    points: tuple[MqttPoint, ...]
    decoder: DecoderWord = "json"
    codec: CodecWord | None = None
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """One thing that answers on a connection, described by a Modbus profile or by its MQTT topic.

    `every` is the period, in microseconds, in which it is polled or expected to speak; `pause` the silence it wants
    after an answer, where that differs from its profile's.
    """

    id: str
    connection: str
    every: Instant
    unit: int | None = None
    profile: Profile | None = None
    mqtt: MqttTopic | None = None
    space: str | None = None
    asset: str | None = None
    responsible: str | None = None
    name: Text | None = None
    pause: Instant | None = None

    @property
    def specs(self) -> Mapping[str, PointSpec]:
        """The points it offers, by name."""
        if self.profile is not None:
            return {register.point: register.spec for register in self.profile.registers}
        if self.mqtt is not None:
            return {point.spec.name: point.spec for point in self.mqtt.points}
        return {}

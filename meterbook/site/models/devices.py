"""devices.yaml: what is wired up."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from meterbook.domain.decoding import CodecWord, DecoderWord
from meterbook.domain.device import ModbusTransport, MqttVersion, Parity
from meterbook.domain.quantity import Kind
from meterbook.site.models.entry import Entry
from meterbook.site.models.point import Bounded, Measured
from meterbook.site.models.values import (
    Duration,
    Host,
    Id,
    Line,
    Period,
    PointName,
    SecretRef,
    Whole,
    Words,
    refuse,
    shown,
)


class Tls(Entry):
    """An encrypted connection; the peer's certificate and the host in it are always checked."""

    ca: Line | None = Field(None, description="file of the authorities that are trusted; without it the machine's own")
    certificate: Line | None = Field(None, description="file of the certificate to show the broker")
    key: Line | None = Field(None, description="file of the key of that certificate")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise refuse("a certificate and its key go together", "certificate and key, or neither")
        return self


class Mqtt(Entry):
    """An MQTT broker."""

    host: Host = Field(description="the broker's name or address")
    port: Whole = Field(1883, ge=1, le=65535, description="a port from 1 to 65535")
    version: MqttVersion = Field("3.1.1", description="3.1.1 or 5")
    tls: Tls | None = Field(None, description="certificates, in files relative to the site directory; {} for defaults")
    username: Line | None = Field(None, description="the user to connect as")
    password: SecretRef | None = Field(None, description="env:NAME or file:PATH, never the secret itself")
    client_id: Line | None = Field(
        None, description="the stable client id, or env:NAME; its messages are kept while it is away"
    )
    share: Line | None = Field(None, description="the group of collectors that split the messages among them")

    @model_validator(mode="after")
    def _share_with_a_name(self) -> Self:
        if self.share is not None and set(self.share) & set("/+#"):
            raise refuse(f"{shown(self.share)} is no name of a group", "a name without / + and #", key="share")
        if self.share is not None and self.client_id is None:
            raise refuse(
                "collectors that share need a client_id each", "a client_id such as env:COLLECTOR_ID", key="share"
            )
        return self


class Modbus(Entry):
    """A Modbus gateway, a bus behind one, or a serial line of this machine."""

    transport: ModbusTransport = Field("tcp", description="tcp, rtu-over-tcp, or rtu for a serial line")
    host: Host | None = Field(None, description="the gateway's name or address")
    port: Whole = Field(502, ge=1, le=65535, description="a port from 1 to 65535")
    serial_port: Line | None = Field(None, description="the serial line's port, such as /dev/ttyUSB0")
    baud: Whole | None = Field(
        None, ge=300, le=1_000_000, description="speed of the serial line, also of one behind a gateway, such as 9600"
    )
    parity: Parity = Field("none", description="none, even or odd, on a serial line")
    stop_bits: Whole = Field(1, ge=1, le=2, description="1 or 2, on a serial line")
    turnaround: Duration = Field(0, description="silence between an answer and the next request, such as 20ms")
    timeout: Period = Field(1_000_000, description="how long an answer may take, such as 1s")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        wanted, other = ("serial_port", "host") if self.transport == "rtu" else ("host", "serial_port")
        if getattr(self, wanted) is None:
            raise refuse(f"{self.transport} without {wanted}", f"{wanted}: where the line or the gateway is")
        if getattr(self, other) is not None:
            raise refuse(f"{other} does not go with {self.transport}", f"{wanted} only", key=other)
        return self


class Connection(Entry):
    """A broker or a gateway: exactly one of `mqtt` and `modbus`."""

    id: Id = Field(description="the connection's id")
    mqtt: Mqtt | None = Field(None, description="an MQTT broker")
    modbus: Modbus | None = Field(None, description="a Modbus gateway or bus")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.mqtt is None) == (self.modbus is None):
            raise refuse("has both mqtt and modbus" if self.mqtt else "is of no kind", "exactly one of mqtt and modbus")
        return self


class MqttPoint(Bounded):
    """Where a value stands in a message and what it means, as far as the decoder does not know."""

    value: Line | None = Field(None, description="where the value stands, such as $.volume_m3")
    at: Line | None = Field(None, description="path of the instant, such as $.ts; without one the arrival counts")
    kind: Kind | None = Field(None, description="counter, gauge, delta or state")
    quantity: Line | None = Field(None, description="a canonical quantity such as active_power")
    unit: Line | None = Field(None, description="the unit it is delivered in, such as W")

    def measured(self, kind: Kind, quantity: str, unit: str, plausible: tuple[Decimal, Decimal] | None) -> Measured:
        """The same point with what was left out."""
        known = Measured.model_construct(kind=kind, quantity=quantity, unit=unit, plausible=plausible)
        known._section = self._section
        return known


class Topic(Entry):
    """A device that publishes, and how its messages are read."""

    topic: Line = Field(description="the topic it publishes on; {space} and {device} stand for its own")
    decoder: DecoderWord = Field("json", description="how its messages are read, such as tasmota")
    codec: CodecWord | None = Field(None, description="how raw LoRaWAN bytes are read, such as milesight")
    zone: Line | None = Field(None, description="the time zone of instants without an offset, such as Europe/Berlin")
    points: dict[PointName, MqttPoint] = Field({}, description="its points by name")


class Device(Entry):
    """One thing that answers on a connection: a `profile` on Modbus, or `mqtt` with its topic."""

    id: Id = Field(description="the device's id")
    name: Words | None = Field(None, description="the device's name")
    connection: Id = Field(description="the connection it answers on")
    unit: Whole | None = Field(None, ge=0, le=255, description="its Modbus unit, 0 to 255")
    profile: Id | None = Field(None, description="the profile of its model")
    mqtt: Topic | None = Field(None, description="its topic, decoder and points")
    every: Period = Field(60_000_000, description="how often it is polled or expected to speak, such as 60s")
    pause: Duration | None = Field(None, description="silence it wants after an answer, such as 50ms")
    space: Id | None = Field(None, description="the space it stands in")
    asset: Line | None = Field(None, description="its number in the asset register")
    responsible: Id | None = Field(None, description="the team that looks after it")

    @model_validator(mode="after")
    def _described_once(self) -> Self:
        if (self.profile is None) == (self.mqtt is None):
            found = "has both profile and mqtt" if self.mqtt else "is described by nothing"
            raise refuse(found, "exactly one of profile and mqtt")
        return self


class DevicesFile(Entry):
    """devices.yaml."""

    connections: list[Connection] = Field([], description="brokers, gateways, buses")
    devices: list[Device] = Field([], description="what answers on them")

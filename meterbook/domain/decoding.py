"""Decoders: the kinds of MQTT payload that are read, and the points each offers without being told.

What a decoder does with a message stands in `collectors.mqtt.decoders`, under the same word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from meterbook.domain.mqtt import Spelling
from meterbook.domain.quantity import Kind

DecoderWord = Literal[
    "json",
    "plain",
    "template",
    "tasmota",
    "shelly-gen1",
    "shelly-gen2",
    "zigbee2mqtt",
    "chirpstack",
    "openenergymonitor",
    "wirenboard",
    "sparkplug-b",
]

CodecWord = Literal["axioma-qalcosonic-w1", "kamstrup-water", "milesight"]


class Offer(NamedTuple):
    """A point that a decoder offers: the field it stands in, and what it means."""

    point: str
    field: str
    quantity: str
    kind: Kind
    unit: str
    plausible: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Decoding:
    """What a site need not write.

    `below` is what is subscribed to, relative to the device's topic, where that has no wildcard of its own ("" is the
    topic itself). A point whose field is not written stands in `field`, or under its own name where that is None.
    `paths` says how the fields of JSON documents are spelt; it is None where there are none.
    """

    offers: tuple[Offer, ...] = ()
    below: tuple[str, ...] = ("",)
    field: str | None = None
    paths: Spelling | None = None


_MAINS = (Decimal(40), Decimal(70))
_VOLTS = (Decimal(0), Decimal(1_000))
_PHASES = (("0", "a", "l1"), ("1", "b", "l2"), ("2", "c", "l3"))


def _tasmota() -> Iterable[Offer]:
    yield Offer("active_energy_import", "$.ENERGY.Total", "active_energy", "counter", "kWh")
    yield Offer("active_energy_export", "$.ENERGY.ExportActive", "active_energy", "counter", "kWh")
    yield Offer("active_power", "$.ENERGY.Power", "active_power", "gauge", "W")
    yield Offer("apparent_power", "$.ENERGY.ApparentPower", "apparent_power", "gauge", "VA")
    yield Offer("reactive_power", "$.ENERGY.ReactivePower", "reactive_power", "gauge", "var")
    yield Offer("power_factor", "$.ENERGY.Factor", "power_factor", "gauge", "1")
    yield Offer("voltage", "$.ENERGY.Voltage", "voltage", "gauge", "V", _VOLTS)
    yield Offer("current", "$.ENERGY.Current", "current", "gauge", "A")
    yield Offer("frequency", "$.ENERGY.Frequency", "frequency", "gauge", "Hz", _MAINS)


def _shelly_gen1() -> Iterable[Offer]:
    for channel, _, phase in _PHASES:
        emeter = f"emeter/{channel}"
        yield Offer(f"active_energy_import_{phase}", f"{emeter}/total", "active_energy", "counter", "Wh")
        yield Offer(f"active_energy_export_{phase}", f"{emeter}/total_returned", "active_energy", "counter", "Wh")
        yield Offer(f"active_power_{phase}", f"{emeter}/power", "active_power", "gauge", "W")
        yield Offer(f"voltage_{phase}", f"{emeter}/voltage", "voltage", "gauge", "V", _VOLTS)
        yield Offer(f"current_{phase}", f"{emeter}/current", "current", "gauge", "A")
        yield Offer(f"power_factor_{phase}", f"{emeter}/pf", "power_factor", "gauge", "1")
    yield Offer("active_power", "relay/0/power", "active_power", "gauge", "W")
    yield Offer("state", "relay/0", "state", "state", "none")


def _shelly_gen2() -> Iterable[Offer]:
    for _, letter, phase in _PHASES:
        energy = f"emdata:0.{letter}_total_act"
        yield Offer(f"active_energy_import_{phase}", f"{energy}_energy", "active_energy", "counter", "Wh")
        yield Offer(f"active_energy_export_{phase}", f"{energy}_ret_energy", "active_energy", "counter", "Wh")
        yield Offer(f"active_power_{phase}", f"em:0.{letter}_act_power", "active_power", "gauge", "W")
        yield Offer(f"apparent_power_{phase}", f"em:0.{letter}_aprt_power", "apparent_power", "gauge", "VA")
        yield Offer(f"voltage_{phase}", f"em:0.{letter}_voltage", "voltage", "gauge", "V", _VOLTS)
        yield Offer(f"current_{phase}", f"em:0.{letter}_current", "current", "gauge", "A")
        yield Offer(f"power_factor_{phase}", f"em:0.{letter}_pf", "power_factor", "gauge", "1")
        yield Offer(f"frequency_{phase}", f"em:0.{letter}_freq", "frequency", "gauge", "Hz", _MAINS)
    yield Offer("active_energy_import_total", "emdata:0.total_act", "active_energy", "counter", "Wh")
    yield Offer("active_energy_export_total", "emdata:0.total_act_ret", "active_energy", "counter", "Wh")
    yield Offer("active_power_total", "em:0.total_act_power", "active_power", "gauge", "W")
    yield Offer("apparent_power_total", "em:0.total_aprt_power", "apparent_power", "gauge", "VA")
    yield Offer("current_total", "em:0.total_current", "current", "gauge", "A")
    yield Offer("current_n", "em:0.n_current", "current", "gauge", "A")
    yield Offer("active_energy_import", "switch:0.aenergy.total", "active_energy", "counter", "Wh")
    yield Offer("active_energy_export", "switch:0.ret_aenergy.total", "active_energy", "counter", "Wh")
    yield Offer("active_power", "switch:0.apower", "active_power", "gauge", "W")
    yield Offer("voltage", "switch:0.voltage", "voltage", "gauge", "V", _VOLTS)
    yield Offer("current", "switch:0.current", "current", "gauge", "A")
    yield Offer("frequency", "switch:0.freq", "frequency", "gauge", "Hz", _MAINS)
    yield Offer("state", "switch:0.output", "state", "state", "none")


def _zigbee2mqtt() -> Iterable[Offer]:
    yield Offer("active_energy_import", "$.energy", "active_energy", "counter", "kWh")
    yield Offer("active_energy_export", "$.produced_energy", "active_energy", "counter", "kWh")
    yield Offer("active_power", "$.power", "active_power", "gauge", "W")
    # Battery devices say millivolts under the same name: out of range, so never mistaken for the mains.
    yield Offer("voltage", "$.voltage", "voltage", "gauge", "V", _VOLTS)
    yield Offer("current", "$.current", "current", "gauge", "A")
    yield Offer("frequency", "$.ac_frequency", "frequency", "gauge", "Hz", _MAINS)
    yield Offer("temperature", "$.temperature", "temperature", "gauge", "degC")
    yield Offer("humidity", "$.humidity", "humidity", "gauge", "%")
    yield Offer("state_leak", "$.water_leak", "state", "state", "none")
    yield Offer("state_contact", "$.contact", "state", "state", "none")
    yield Offer("state_battery_low", "$.battery_low", "state", "state", "none")


def _openenergymonitor() -> Iterable[Offer]:
    for channel in "1234":
        yield Offer(f"active_power_{channel}", f"power{channel}", "active_power", "gauge", "W")
        yield Offer(f"active_energy_import_{channel}", f"E{channel}", "active_energy", "counter", "Wh")
    yield Offer("voltage", "Vrms", "voltage", "gauge", "V", _VOLTS)
    yield Offer("temperature", "temperature", "temperature", "gauge", "degC")
    yield Offer("temperature_external", "external temperature", "temperature", "gauge", "degC")
    yield Offer("humidity", "humidity", "humidity", "gauge", "%")


def _wirenboard() -> Iterable[Offer]:
    yield Offer("active_energy_import", "Total consumption", "active_energy", "counter", "kWh")
    yield Offer("reactive_energy_import", "Total reactive energy", "reactive_energy", "counter", "kvarh")
    yield Offer("active_power", "P", "active_power", "gauge", "W")
    yield Offer("reactive_power", "Q", "reactive_power", "gauge", "var")
    yield Offer("power_factor", "PF", "power_factor", "gauge", "1", (Decimal(-1), Decimal(1)))
    yield Offer("frequency", "Frequency", "frequency", "gauge", "Hz", _MAINS)
    yield Offer("temperature", "Temperature", "temperature", "gauge", "degC")
    for number, _, phase in _PHASES:
        control = str(int(number) + 1)
        yield Offer(f"active_energy_import_{phase}", f"AP{control}", "active_energy", "counter", "kWh")
        yield Offer(f"active_power_{phase}", f"P{control}", "active_power", "gauge", "W")
        yield Offer(f"reactive_power_{phase}", f"Q{control}", "reactive_power", "gauge", "var")
        yield Offer(f"voltage_{phase}", f"U{control}", "voltage", "gauge", "V", _VOLTS)
        yield Offer(f"current_{phase}", f"I{control}", "current", "gauge", "A")


def _milesight() -> Iterable[Offer]:
    yield Offer("temperature", "temperature", "temperature", "gauge", "degC")
    yield Offer("humidity", "humidity", "humidity", "gauge", "%")
    yield Offer("state_leak", "leak", "state", "state", "none")
    yield Offer("current", "current", "current", "gauge", "A")


DECODINGS: Mapping[DecoderWord, Decoding] = {
    "json": Decoding(paths="path"),
    "plain": Decoding(field="$"),
    "template": Decoding(),
    "tasmota": Decoding(tuple(_tasmota()), paths="path"),
    "shelly-gen1": Decoding(tuple(_shelly_gen1()), below=("emeter/#", "relay/#")),
    "shelly-gen2": Decoding(tuple(_shelly_gen2()), below=("status/#", "events/rpc"), paths="component"),
    "zigbee2mqtt": Decoding(tuple(_zigbee2mqtt()), paths="path"),
    "chirpstack": Decoding(below=("event/up",), paths="path"),
    "openenergymonitor": Decoding(tuple(_openenergymonitor()), below=("", "+"), paths="key"),
    "wirenboard": Decoding(tuple(_wirenboard()), below=("controls/+",)),
    "sparkplug-b": Decoding(),
}
"""What is known of each decoder. `sparkplug-b` makes its own filters, since one edge node speaks for many devices."""

CODECS: Mapping[CodecWord, tuple[Offer, ...]] = {
    "axioma-qalcosonic-w1": (
        Offer("volume", "volume", "volume", "counter", "m3"),
        Offer("state_leak", "leak", "state", "state", "none"),
        Offer("state_burst", "burst", "state", "state", "none"),
        Offer("state_backflow", "backflow", "state", "state", "none"),
        Offer("state_empty", "empty", "state", "state", "none"),
        Offer("state_battery_low", "battery_low", "state", "state", "none"),
    ),
    "kamstrup-water": (
        Offer("volume", "volume", "volume", "counter", "m3"),
        Offer("state_leak", "leak", "state", "state", "none"),
        Offer("state_burst", "burst", "state", "state", "none"),
        Offer("state_dry", "dry", "state", "state", "none"),
        Offer("state_reverse", "reverse", "state", "state", "none"),
        Offer("state_tamper", "tamper", "state", "state", "none"),
        Offer("state_battery_low", "battery_low", "state", "state", "none"),
    ),
    "milesight": tuple(_milesight()),
}
"""The points that each codec of LoRaWAN bytes offers."""


def offers(decoder: DecoderWord, codec: CodecWord | None) -> tuple[Offer, ...]:
    """The points offered by a decoder, or by the codec it reads raw bytes with."""
    return DECODINGS[decoder].offers if codec is None else CODECS[codec]


def filters(decoder: DecoderWord, topic: str) -> tuple[str, ...]:
    """The topic filters a device is heard on; a topic with wildcards stands as it was written."""
    levels = topic.split("/")
    if "+" in levels or "#" in levels:
        return (topic,)
    base = topic.rstrip("/")
    return tuple(f"{base}/{part}" if part else topic for part in DECODINGS[decoder].below)

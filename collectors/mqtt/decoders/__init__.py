"""How each kind of payload is read. The word of a decoder is the name of its file, its key here and its page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from collectors.mqtt.decoders import (
    chirpstack,
    json,
    openenergymonitor,
    plain,
    shelly_gen1,
    shelly_gen2,
    sparkplug_b,
    tasmota,
    template,
    wirenboard,
    zigbee2mqtt,
)
from collectors.mqtt.message import Decoder
from meterbook.domain.decoding import DecoderWord, filters
from meterbook.domain.device import Device

Entries = Iterable[tuple[str, Decoder]]
"""Topic filters, each with what reads the messages on it."""


def _each(make: Callable[[Device], Decoder]) -> Callable[[Sequence[Device]], Entries]:
    """A decoder for each device, on the filters of its topic."""

    def entries(devices: Sequence[Device]) -> Iterator[tuple[str, Decoder]]:
        for device in devices:
            if device.mqtt is not None:
                decoder = make(device)
                yield from ((one, decoder) for one in filters(device.mqtt.decoder, device.mqtt.topic))

    return entries


DECODERS: Mapping[DecoderWord, Callable[[Sequence[Device]], Entries]] = {
    "json": _each(json.Json),
    "plain": _each(plain.Plain),
    "template": template.entries,
    "tasmota": _each(tasmota.Tasmota),
    "shelly-gen1": _each(shelly_gen1.ShellyGen1),
    "shelly-gen2": _each(shelly_gen2.ShellyGen2),
    "zigbee2mqtt": _each(zigbee2mqtt.Zigbee2Mqtt),
    "chirpstack": _each(chirpstack.ChirpStack),
    "openenergymonitor": _each(openenergymonitor.OpenEnergyMonitor),
    "wirenboard": _each(wirenboard.Wirenboard),
    "sparkplug-b": sparkplug_b.entries,
}
"""What makes the decoders of some devices of a connection."""


def entries(devices: Iterable[Device]) -> list[tuple[str, Decoder]]:
    """The topic filters of the devices of a connection, and what reads them; ValueError names a bad path or topic."""
    by_word: dict[DecoderWord, list[Device]] = {}
    for device in devices:
        if device.mqtt is not None:
            by_word.setdefault(device.mqtt.decoder, []).append(device)
    return [entry for word, some in by_word.items() for entry in DECODERS[word](some)]

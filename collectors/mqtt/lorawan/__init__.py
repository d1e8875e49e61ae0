"""Bytes of LoRaWAN devices become measurements, one codec a family. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collectors.mqtt.lorawan import axioma_qalcosonic_w1, kamstrup_water, milesight
from collectors.mqtt.lorawan.measurement import Measurement, NoUplink
from meterbook.domain.decoding import CodecWord

Codec = Callable[[int, bytes], list[Measurement]]
"""Reads the bytes of an uplink on a port; raises NoUplink with the reason."""

CODECS: Mapping[CodecWord, Codec] = {
    "axioma-qalcosonic-w1": axioma_qalcosonic_w1.read,
    "kamstrup-water": kamstrup_water.read,
    "milesight": milesight.read,
}

__all__ = ["CODECS", "Codec", "Measurement", "NoUplink"]

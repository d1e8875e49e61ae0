"""A device as `devices.yaml` describes it, and what Meterbook makes of its messages: readings and refusals."""

from __future__ import annotations

import textwrap
from pathlib import Path

from collectors.mqtt.decode import decode
from collectors.mqtt.decoders import entries
from collectors.mqtt.message import Decoded, Message, Reply
from collectors.mqtt.topics import Routes
from collectors.normalise import Normaliser
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Reading, Refusal
from meterbook.site.load import load

DEVICES = """\
connections: [{id: broker, mqtt: {host: 127.0.0.1}}]
devices:
  - id: sample
    connection: broker
    space: campus
"""
SITE = """\
site: {id: s, name: Samples, timezone: Europe/Berlin, currency: EUR}
spaces: [{id: campus, name: Campus}]
"""
METERS = "meters: [{id: W, utility: water, entry: manual}]\n"


class Publishing:
    """The decoders of one device, in the directory of a site that is written for it."""

    def __init__(self, directory: Path, described: str) -> None:
        """`described` is the device's `mqtt:` entry."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "site.yaml").write_text(SITE, encoding="utf-8")
        (directory / "meters.yaml").write_text(METERS, encoding="utf-8")
        (directory / "devices.yaml").write_text(DEVICES + textwrap.indent(described, "    "), encoding="utf-8")
        loaded = load(directory)
        assert loaded.site is not None, loaded.problems
        self.site = loaded.site
        self._routes = Routes(entries(self.site.devices.values()))
        self._normaliser = Normaliser(self.site)

    def decode(self, topic: str, payload: bytes, received: Instant, **flags: bool) -> Decoded:
        """What the decoders make of a message."""
        out = Decoded()
        message = Message("broker", topic, payload, received, flags.get("retained", False), flags.get("again", False))
        decode(message, self._routes.find(topic), out)
        return out

    def read(
        self, topic: str, payload: bytes, received: Instant, **flags: bool
    ) -> tuple[list[Reading], list[Refusal], list[Reply]]:
        """Readings in canonical units, refusals, and what is to be published."""
        out = self.decode(topic, payload, received, **flags)
        judged = [self._normaliser.normalise(sample, received) for sample in out.samples]
        readings = [one for one in judged if isinstance(one, Reading)]
        refusals = [*out.refusals, *(one for one in judged if isinstance(one, Refusal))]
        return readings, refusals, out.replies

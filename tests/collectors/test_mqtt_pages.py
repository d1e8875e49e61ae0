"""A decoder is one word everywhere: its file, its key, the site's word, its page; and what its page says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from house.sources import ROOT
from peers.intake import HeldIntake
from peers.publishing import Publishing

from collectors.mqtt.decoders import DECODERS
from collectors.mqtt.lorawan import CODECS as READ_CODECS
from collectors.mqtt.source import MqttCollector
from meterbook.domain.decoding import CODECS, DECODINGS, CodecWord, DecoderWord
from meterbook.domain.device import MqttConnection
from meterbook.domain.instant import Clock, iso, parse
from meterbook.domain.quantity import UNITS, follows_convention
from meterbook.site.load import load
from meterbook.site.units import factor

PAGES = ROOT / "docs/collectors"
ARRIVAL = parse("2026-11-20T00:30:00Z")

BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
SAMPLE = re.compile(r"^On `([^`]+)`:\n\n```(\w+)\n(.*?)\n```\n(.*?)(?=^On `|\Z)", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (\S+) \| (\S+) \|$", re.MULTILINE)
REFUSED = re.compile(r"^Refused: (.*)$", re.MULTILINE)


def test_a_decoder_is_one_word_everywhere() -> None:
    words = set(get_args(DecoderWord))
    files = {path.stem.replace("_", "-") for path in (ROOT / "collectors/mqtt/decoders").glob("[a-z]*.py")}
    assert set(DECODERS) == set(DECODINGS) == files == words
    assert words <= {path.stem for path in PAGES.glob("*.md")}


def test_the_samples_of_the_transports_page_make_a_site_that_can_be_collected(tmp_path: Path, clock: Clock) -> None:
    samples = BLOCK.findall((PAGES / "mqtt.md").read_text(encoding="utf-8"))
    (tmp_path / "site.yaml").write_text(
        "site: {id: sample, name: Sample, timezone: Europe/Berlin, currency: EUR}\n", encoding="utf-8"
    )
    (tmp_path / "meters.yaml").write_text("meters: []\n", encoding="utf-8")
    (tmp_path / "devices.yaml").write_text("".join(samples), encoding="utf-8")
    found = load(tmp_path)
    assert found.site is not None, found.problems
    assert {one.severity for one in found.problems} == {"warning"}, "its secrets and certificates are not here"
    (connection,), (device,) = found.site.connections.values(), found.site.devices.values()
    assert isinstance(connection, MqttConnection)
    assert (connection.version, connection.share, connection.port) == ("5", "collectors", 8883)
    assert device.mqtt is not None
    collector = MqttCollector(connection, [device], HeldIntake(), clock, lambda reference: reference, "sample")
    assert collector.status().state == "starting"


def test_a_codec_is_one_word_everywhere() -> None:
    words = set(get_args(CodecWord))
    files = {path.stem.replace("_", "-") for path in (ROOT / "collectors/mqtt/lorawan").glob("[a-z]*.py")}
    assert set(READ_CODECS) == set(CODECS) == files - {"measurement"} == words
    page = (PAGES / "lorawan.md").read_text(encoding="utf-8")
    assert all(f"`{word}`" in page for word in words)


@pytest.mark.parametrize("word", [*DECODINGS, *CODECS])
def test_what_is_offered_has_canonical_names_and_units(word: str) -> None:
    offers = [*DECODINGS[word].offers] if word in DECODINGS else [*CODECS[word]]
    assert len({offer.point for offer in offers}) == len({offer.field for offer in offers}) == len(offers)
    for offer in offers:
        assert follows_convention(offer.point, offer.quantity), offer
        assert factor(offer.quantity, offer.unit) > 0
        assert offer.quantity in UNITS


@pytest.mark.parametrize("word", [*get_args(DecoderWord), "lorawan"])
def test_the_samples_of_a_page_are_read_as_it_says(word: str, tmp_path: Path) -> None:
    page = (PAGES / f"{word}.md").read_text(encoding="utf-8")
    described = BLOCK.search(page)
    assert described, f"{word}.md shows no device"
    device = Publishing(tmp_path, described[1])
    samples = SAMPLE.findall(page)
    assert samples, f"{word}.md shows no message"
    for topic, language, shown, told in samples:
        payload = bytes.fromhex(shown) if language == "hex" else shown.encode()
        readings, refusals, _ = device.read(topic, payload, ARRIVAL)
        wanted = [
            (f"sample.{point}", float(value), "arrival" if at == "arrival" else iso(parse(at)))
            for point, value, at in ROW.findall(told)
        ]
        found = [(one.point, one.value, "arrival" if one.at == ARRIVAL else iso(one.at)) for one in readings]
        assert sorted(found) == sorted(wanted)
        assert [refusal.reason for refusal in refusals] == REFUSED.findall(told)

"""What `check` lets through can be wired up: no topic and no path makes a collector refuse a sound site."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from peers.intake import HeldIntake

from collectors.registry import build
from meterbook.domain.decoding import DecoderWord
from meterbook.site.load import load
from meterbook.site.problem import errors

SITE = "site: {id: s, name: Small site, timezone: Asia/Shanghai, currency: CNY}\n"
METERS = "meters: [{id: W, utility: water, entry: manual}]\n"

topics = st.lists(
    st.sampled_from(["a", "", "+", "#", "a+", "$share", "spBv1.0", "{device}", "{point}", "x{point}", "\0"]), max_size=5
).map("/".join)
paths = st.lists(
    st.sampled_from(["$", ".a", "..", "[0]", "[*]", "[", "]", "['b c']", "'", "em:0", " "]), min_size=1, max_size=5
).map("".join)


@settings(max_examples=200, deadline=None)
@given(
    st.just("a/{device}") | topics,
    st.sampled_from(get_args(DecoderWord)),
    st.just("$.a") | paths,
    st.none() | st.just("$.t") | paths,
)
def test_what_passes_is_wired_up(topic: str, decoder: str, value: str, at: str | None) -> None:
    point = {"kind": "gauge", "quantity": "volume", "unit": "m3", "value": value, "at": at}
    device = {"id": "d", "connection": "b", "mqtt": {"topic": topic, "decoder": decoder, "points": {"v": point}}}
    devices = {"connections": [{"id": "b", "mqtt": {"host": "h"}}], "devices": [device]}
    with TemporaryDirectory() as folder:
        for name, text in (("site", SITE), ("meters", METERS), ("devices", json.dumps(devices))):
            (Path(folder) / f"{name}.yaml").write_text(text, encoding="utf-8")
        found = load(Path(folder))
    if found.site is None:
        assert errors(found.problems)
    else:
        assert len(build(found.site, HeldIntake(), lambda: 0, str)) == 1

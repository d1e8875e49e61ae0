"""Which filters overlap and cover each other, against what matches topics in the collectors."""

from __future__ import annotations

import itertools

from collectors.mqtt.topics import Routes
from meterbook.domain.mqtt import covers, overlap


def words(alphabet: list[str], longest: int) -> list[str]:
    return ["/".join(one) for length in range(1, longest + 1) for one in itertools.product(alphabet, repeat=length)]


TOPICS = words(["a", "b", "$s"], 4)
PLAIN = words(["a", "b", "+"], 2)
FILTERS = [*PLAIN, *(f"{one}/#" for one in PLAIN), "#", "$s/a", "$s/+", "$s/#", "$share/g/a/+", "$share/g/#"]
AS_WIDE = {("+/#", "#"), ("+/#", "$share/g/#")}
"""A pair that is equal, of which the first is taken for narrower."""

MATCHED = {one: {topic for topic in TOPICS if Routes([(one, one)]).find(topic)} for one in FILTERS}


def test_filters_overlap_where_a_topic_matches_both() -> None:
    wrong = [
        (one, other)
        for one, other in itertools.product(FILTERS, repeat=2)
        if overlap(one, other) != bool(MATCHED[one] & MATCHED[other])
    ]
    assert not wrong


def test_a_filter_covers_another_whose_topics_it_matches_all() -> None:
    wrong = [
        (one, other)
        for one, other in itertools.product(FILTERS, repeat=2)
        if covers(one, other) != (MATCHED[other] <= MATCHED[one])
    ]
    assert set(wrong) == AS_WIDE

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.topics import Routes
from meterbook.domain.mqtt import filter_fault


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("+/+", "/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/uptime", False),
        ("+/uptime", "$SYS/uptime", False),
        ("$SYS/+", "$SYS/uptime", True),
        ("a/+/c/#", "a/b/c", True),
        ("a/+/c/#", "a/b/d", False),
        ("$share/readers/a/+", "a/b", True),
        ("$share/readers/a/b", "a/b", True),
        ("a/+", "a/+", True),
        ("a/#", "a/#", True),
        ("+", "+", True),
    ],
)
def test_filters_match_as_the_standard_says(topic_filter, topic, matches):
    assert Routes([(topic_filter, "target")]).find(topic) == (("target",) if matches else ())


@pytest.mark.parametrize(
    "bad", ["", "a/#/b", "a#", "a/b+", "+a", "a\0b", "$share", "$share/g", "$share/g/", "$share//a", "$share/+/a"]
)
def test_what_is_no_filter_is_refused(bad):
    assert filter_fault(bad)
    with pytest.raises(ValueError, match="filter"):
        Routes([(bad, 1)])


def test_every_target_of_a_topic_is_found_once():
    routes = Routes([("a/b", 1), ("a/b", 2), ("a/+", 3), ("a/+", 4), ("#", 5)])
    assert sorted(routes.find("a/b")) == [1, 2, 3, 4, 5]
    assert routes.find("x") == (5,)


levels = st.lists(st.sampled_from(["a", "b", "", "+"]), min_size=1, max_size=5)


@given(st.lists(st.tuples(levels, st.booleans()), max_size=6), levels)
def test_the_tree_agrees_with_a_regular_expression(filters, topic):
    texts = ["/".join([*parts, "#"] if deep else parts) for parts, deep in filters]
    texts = [text for text in texts if text]
    name = "/".join("a" if part == "+" else part for part in topic)
    expected = sorted(text for text in texts if _pattern(text).fullmatch(name))
    assert sorted(Routes([(text, text) for text in texts]).find(name)) == expected


def _pattern(text: str) -> re.Pattern[str]:
    body = "/".join("[^/]*" if part == "+" else part for part in text.removesuffix("/#").split("/"))
    return re.compile(f"{body}(/.*)?" if text.endswith("/#") else body)

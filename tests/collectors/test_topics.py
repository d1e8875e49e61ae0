from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.topics import DEEPEST, LONGEST, Routes, covered, filters_of, group_of, unshared
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


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("a/+", "a/b"), ("a/#", "a"), ("a/#", "a/+"), ("#", "a/#"), ("+/#", "a/b/#"), ("#", "+/#"), ("+/+", "a/+")],
)
def test_a_filter_that_another_one_covers_is_known(wide, narrow):
    assert covered([narrow, wide]) == [narrow]


@pytest.mark.parametrize(
    ("one", "other"),
    [("a/+", "+/b"), ("a/+/#", "a"), ("#", "$SYS/a"), ("a/b", "a"), ("$share/g/#", "a")],
)
def test_filters_of_which_none_covers_the_other(one, other):
    assert covered([one, other]) == []


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


@pytest.mark.parametrize("topic", ["a", "a/b", "/", "$SYS/uptime", "a//b/c", "/".join("abcdef"), "/".join("abcdefghi")])
def test_the_filters_of_a_topic_match_it_and_nothing_is_told_twice(topic: str) -> None:
    told = filters_of(topic)
    assert topic in told
    assert len(told) == len(set(told)) <= 3 * 2**DEEPEST
    for one in told:
        assert filter_fault(one) is None
        assert Routes([(one, 1)]).find(topic) == (1,), one


def test_the_filters_of_a_topic_are_all_that_match() -> None:
    signs = ["a", "b", "+"]
    every = ["#", *signs, *(f"{one}/{end}" for one in signs for end in [*signs, "#"])]
    every += [f"{one}/{two}/#" for one in signs for two in signs]
    assert set(filters_of("a/b")) == {one for one in every if Routes([(one, 1)]).find("a/b")}


def test_what_is_too_long_or_empty_has_no_filters_to_tell() -> None:
    assert filters_of("") == filters_of("a" * (LONGEST + 1)) == []


def test_shared_subscriptions_and_what_they_are_called_without_their_group() -> None:
    assert [group_of(one) for one in ("$share/g/a/b", "$share/g//a", "a/b", "$SYS/#")] == ["$share/g/"] * 2 + [""] * 2
    assert unshared(["$share/g/a", "$share/g//b", "c", "$share/h/c"]) == ["/b", "a"]

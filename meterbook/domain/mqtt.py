"""The grammar of what a site writes about messages: topic filters, and paths into JSON documents. Pure."""

from __future__ import annotations

import re
from typing import Literal

Steps = tuple[str | int, ...]
"""Keys of objects and indices of lists, from the outside in."""

Spelling = Literal["path", "component", "key"]
"""How the field of a document is written: as its path, as `em:0.total_act_power` (the key of a component and what is in
it), or as one key."""

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[([0-9]{1,6})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_EACH = "[*]"
_SHARE = re.compile(r"\$share(/|$)")
_SHARED = re.compile(r"\$share/[^/+#]+/")


class NoPath(ValueError):
    """The text is no path into a JSON document; one looks like $.a.b[0]['c d']."""


def levels(topic_filter: str) -> list[str]:
    """The levels a filter is matched by; the prefix of a shared subscription (`$share/group/`) is not among them."""
    parts = topic_filter.split("/")
    return parts[2:] if _SHARED.match(topic_filter) else parts


def overlap(one: str, other: str) -> bool:
    """Whether there is a topic that both filters match; groups of shared subscriptions do not matter."""
    first, second = levels(one), levels(other)
    if _hides(first, second) or _hides(second, first):
        return False
    for left, right in zip(first, second, strict=False):
        if "#" in (left, right):
            return True
        if left != right and "+" not in (left, right):
            return False
    rest = first[len(second) :] or second[len(first) :]
    return rest in ([], ["#"])  # a/# matches a as well


def covers(wide: str, narrow: str) -> bool:
    """Whether a filter matches every topic that another one does; groups of shared subscriptions do not matter."""
    first, second = levels(wide), levels(narrow)
    if _hides(first, second):
        return False
    for depth, left in enumerate(first):
        if left == "#":
            return True
        if depth == len(second) or second[depth] == "#" or left not in ("+", second[depth]):
            return False
    return len(first) == len(second)


def _hides(parts: list[str], others: list[str]) -> bool:
    """Whether one filter begins with a wildcard, and the other with $, which no wildcard matches."""
    return parts[0] in ("+", "#") and others[0].startswith("$")


def filter_fault(topic_filter: str) -> str | None:
    """Why a text is no topic filter, or None."""
    if _SHARE.match(topic_filter) and not _SHARED.match(topic_filter):
        return "the topic filter of a shared subscription is written $share/GROUP/FILTER"
    parts = levels(topic_filter)
    if parts == [""] or "\0" in topic_filter:
        return "a topic filter has at least one character, and none of them is NUL"
    if any("#" in part for part in parts[:-1]) or ("#" in parts[-1] and parts[-1] != "#"):
        return "# stands alone in the last level of a topic filter"
    if any("+" in part and part != "+" for part in parts):
        return "+ stands alone in its level of a topic filter"
    return None


def steps(path: str) -> Steps:
    """The steps of a path such as `$.a.b[0]['c d']`; raises NoPath."""
    found: list[str | int] = []
    position = 1
    if not path.startswith("$"):
        raise NoPath(f"{path!r} does not begin with $; a path looks like $.a.b[0]")
    while position < len(path):
        step = _STEP.match(path, position)
        if not step:
            raise NoPath(f"{path!r} cannot be read from {path[position:]!r} on; a path looks like $.a.b[0]")
        name, index, *quoted = step.groups()
        found.append(int(index) if index is not None else next(part for part in (name, *quoted) if part is not None))
        position = step.end()
    return tuple(found)


def has_many(path: str) -> bool:
    """Whether a path stands for a value in each item of a list."""
    return _EACH in path


def around_each(path: str) -> tuple[str, str]:
    """The path to the list and the one inside its items, of a path such as `$.readings[*].v`; raises NoPath."""
    before, _, after = path.partition(_EACH)
    if _EACH in after:
        raise NoPath(f"{path!r} goes through two lists; one [*] is read")
    return before, f"${after}"


def field_path(spelling: Spelling, field: str) -> str:
    """The path that a field stands for; names with quotation marks stand for none, see `path_fault`."""
    if spelling == "component":
        return "$" + "".join(f"['{part}']" for part in field.split("."))
    return field if spelling == "path" else f'$["{field}"]'


def path_fault(path: str) -> str | None:
    """Why a text is no path, be it to one value or to one in each item of a list, or None."""
    try:
        for part in around_each(path) if has_many(path) else (path,):
            steps(part)
    except NoPath as error:
        return str(error)
    return None

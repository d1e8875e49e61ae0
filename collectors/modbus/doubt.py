"""Answers that would not prove what they answer: an older question may still be answered by the same frame. Pure.

A frame tells its unit, its function and how long it is, and nothing else of the question. Time is an argument, in
seconds of any clock that only goes forward.
"""

from __future__ import annotations

from typing import NamedTuple

LATEST = 20
"""Timeouts after which nothing more is expected of a question, unless answers were seen to come later;"""

LATEST_NUMBERED = 5
"""the same where frames are numbered, so that only a gateway's own confusion is left;"""

LONGEST = 60.0
"""and seconds after which nothing is expected in any case. Twice the longest delay seen lies between the two."""


class Shape(NamedTuple):
    """What an answer to a read looks like: `octets` are those of its content."""

    unit: int
    function: int
    octets: int


class Doubt:
    """Which answers may still come late, and until when."""

    def __init__(self, timeout: float, latest: int = LATEST) -> None:
        self._patience = latest * timeout
        self._asked: dict[Shape, float] = {}
        self._owed: dict[Shape, float] = {}

    @property
    def patience(self) -> float:
        """How long after its question an answer may come, in seconds."""
        return self._patience

    def asks(self, shape: Shape, now: float) -> None:
        """A question leaves."""
        self._asked[shape] = now

    def owes(self, shape: Shape) -> None:
        """The last question for such an answer was not answered, or perhaps by the answer to an older one."""
        self._owed[shape] = self._asked[shape]

    def comes(self, shape: Shape, now: float) -> None:
        """Such an answer came and was not asked for: so late can they be."""
        asked = self._owed.get(shape)
        if asked is not None and asked == self._asked[shape]:
            self._patience = min(max(self._patience, 2 * (now - asked)), max(self._patience, LONGEST))

    def left(self, shape: Shape, now: float) -> float:
        """Seconds until such an answer can be believed; 0 where it can."""
        asked = self._owed.get(shape)
        return 0.0 if asked is None else max(0.0, asked + self._patience - now)

    def left_of(self, unit: int, function: int, now: float) -> float:
        """Seconds until a refusal of a unit's function can be believed: it tells even less of its question."""
        owed = [shape for shape in self._owed if shape[:2] == (unit, function)]
        return max((self.left(shape, now) for shape in owed), default=0.0)

"""What the engine says: a condition began to matter, or ceased to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meterbook.domain.incident import Deed, Evidence
from meterbook.domain.instant import Instant

Verdict = Literal[Deed.RAISE, Deed.CLEAR]
"""The deeds that are the engine's; the others are people's."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What one watch found, in event time: at `at` its subject's condition was raised or cleared.

    `since` is when the condition began; a clearing signal repeats that of the raise it ends.
    """

    deed: Verdict
    subject: str
    at: Instant
    since: Instant
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Decision:
    """A signal under the name of its rule. `subject` is a point, meter, device or connection id.

    `late` says that `at` lies further back than the rule's horizon: it goes into the books and pages nobody.
    """

    deed: Verdict
    rule: str
    subject: str
    at: Instant
    since: Instant
    evidence: Evidence
    late: bool
